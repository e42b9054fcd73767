#!/usr/bin/env python3
"""The tour as users run it: that it does what it says, and that it notices when the service does not.

Usage: tour_test.py TOUR TOUR_SERVICE BROKEN_SERVICE
"""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import unittest

TOUR, SERVICE, BROKEN = (os.path.abspath(path) for path in sys.argv[1:4])

STEPS = ["start", "calls", "call_back", "own_error", "unknown_method", "arguments", "throw", "stream_to_service",
         "stream_from_service", "cancel", "deadline", "killed_in_call", "killed_in_streams", "restart", "leave"]

# What each step must have shown, in this order; what stands in a tuple happens in two processes, in any order.
SHOWN = [
    r"process \d+ listens, after ",
    r"the kernel says that process \d+ is at its other end",
    r"service  42, after ",
    r"service  10 000 right answers in ",
    r"service  asks us for our name",
    r'service  "hello, tour"',
    r"service  MathError::division_by_zero",
    r"service  not_found: the peer serves no such method",
    r"client   invalid: .*none of its enumerators",
    r"service  invalid: the peer could not decode the arguments",
    r"service  bug: the handler threw an exception \(no steam\)",
    r"client   sent 16 and waits",
    r"service  read 150 in ",
    r"client   \d+ of 150 sends had to wait for credit",
    r"service  wrote 16 and waits",
    r"service  tells us: handler 1 was stopped",
    (r"client   timed_out: the deadline of the call passed, after ", r"service  tells us: handler 2 was stopped"),
    r"client   kill -9 \d+",
    r"client   unknown: the session ended after the call was sent",
    r"client   our reader, .* after the kill: lost: ",
    r"client   our writer: lost: ",
    r"client   the two calls: unknown: ",
    r"service  add\(20, 22\) is 42, greet\(\) says \"hello, tour\", a stream of 1 to 100 adds up to 5050",
    r"service  ended with exit code 0",
]


class Place:
    """A directory for temporary files that must be empty in the end."""

    def __enter__(self):
        self.directory = tempfile.TemporaryDirectory(prefix="tour-test-")
        return self

    def __exit__(self, *_):
        self.directory.cleanup()

    def environment(self, **more):
        kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "TOUR_BREAK")}
        return {**kept, "TMPDIR": self.directory.name, **more}

    def run(self, *arguments, **more):
        return subprocess.run([TOUR, *arguments], capture_output=True, text=True, cwd="/", check=False, timeout=200,
                              env=self.environment(**more))

    def left_behind(self):
        return os.listdir(self.directory.name)


class Tour(unittest.TestCase):
    def setUp(self):
        self.place = self.enterContext(Place())

    def test_once_ends_with_0_after_every_step_did_what_it_says(self):
        ran = self.place.run("--once")
        self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)
        self.assertEqual(ran.stderr, "")
        self.assertEqual(re.findall(r"^ ?(\d+)/15 ", ran.stdout, re.M), [str(n + 1) for n in range(15)])
        self.assertEqual(len(re.findall(r"^      ok       (\d+) of \1 hold, ", ran.stdout, re.M)), 15, ran.stdout)
        rest = ran.stdout
        for shown in SHOWN:
            found = [(line, re.search(line, rest)) for line in ([shown] if isinstance(shown, str) else shown)]
            for line, match in found:
                self.assertTrue(match, f"`{line}` is missing in\n{rest}")
            rest = rest[max(match.end() for _, match in found):]
        self.assertNotIn("\x1b", ran.stdout)
        self.assertNotIn("What to look at next", ran.stdout)
        self.assertEqual(self.place.left_behind(), [])

    def test_json_is_one_object_a_step(self):
        ran = self.place.run("--once", "--json")
        self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)
        steps = [json.loads(line) for line in ran.stdout.splitlines()]
        self.assertEqual([step["step"] for step in steps], STEPS)
        self.assertTrue(all(step["ok"] and step["failure"] is None and step["expected"] > 0 for step in steps))
        self.assertGreater(steps[7]["values"]["window_at_last"], 16)

    def test_a_step_that_does_not_do_what_it_says_is_named_and_ends_the_tour(self):
        for name in ("calls", "call_back", "own_error", "throw", "stream_to_service", "stream_from_service",
                     "deadline", "killed_in_call", "leave"):
            with self.subTest(step=name):
                ran = self.place.run("--once", "--json", "--service", BROKEN, TOUR_BREAK=name)
                self.assertEqual(ran.returncode, 1, ran.stdout + ran.stderr)
                steps = [json.loads(line) for line in ran.stdout.splitlines()]
                self.assertEqual([step["step"] for step in steps if not step["ok"]], [name])
                self.assertEqual(steps[-1]["step"], name)
        ran = self.place.run("--once", "--service", BROKEN, TOUR_BREAK="calls")
        self.assertIn("FAILED   step `calls`, expected: add(2, 40) is 42; but it was 2\n", ran.stdout)
        self.assertTrue(ran.stdout.endswith("Step `calls` did not do what it says.\n"), ran.stdout)
        self.assertEqual(self.place.left_behind(), [])

    def test_the_broken_service_is_good_but_for_what_is_broken(self):
        ran = self.place.run("--once", "--service", BROKEN)
        self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)

    def test_a_service_that_cannot_start_fails_the_first_step(self):
        for program in ("/nowhere/service", "/bin/false", "/bin/echo"):
            with self.subTest(program=program):
                ran = self.place.run("--once", "--service", program)
                self.assertEqual(ran.returncode, 1, ran.stdout + ran.stderr)
                self.assertIn("FAILED   step `start`, expected: the service process listens; but ", ran.stdout)
                self.assertIn(program, ran.stdout)

    def test_wrong_arguments_end_with_2_and_help_with_0(self):
        for arguments in (["--twice"], ["--service"], ["extra"]):
            ran = self.place.run(*arguments)
            self.assertEqual(ran.returncode, 2)
            self.assertIn("Usage: tour", ran.stderr)
            self.assertEqual(ran.stdout, "")
        ran = self.place.run("--help")
        self.assertEqual(ran.returncode, 0)
        self.assertIn("Exit codes: 0 each step did what it says", ran.stdout)

    def test_ended_by_a_signal_it_leaves_neither_files_nor_processes(self):
        tour = subprocess.Popen([TOUR], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                env=self.place.environment())
        for line in tour.stdout:
            if "has a session" in line:
                break
        tour.send_signal(signal.SIGTERM)
        tour.stdout.close()
        tour.stderr.read()  # ends when the service, which has it too, is gone
        self.assertEqual(tour.wait(), 128 + signal.SIGTERM)
        tour.stderr.close()
        self.assertEqual(self.place.left_behind(), [])


class Service(unittest.TestCase):
    def setUp(self):
        self.place = self.enterContext(Place())

    def test_it_dies_with_the_process_that_started_it(self):
        starter = (
            "import os, subprocess, sys\n"
            "service = subprocess.Popen([sys.argv[1], sys.argv[2], '--parent', str(os.getpid())])\n"
            "service.wait()\n")
        uri = f"unix:{self.place.directory.name}/station.sock"
        parent = subprocess.Popen([sys.executable, "-c", starter, SERVICE, uri], stdout=subprocess.PIPE, text=True,
                                  env=self.place.environment())
        self.assertEqual(parent.stdout.readline(), f"ready {uri}\n")
        parent.kill()
        parent.stdout.read()  # ends when the service is gone
        self.assertEqual(parent.wait(), -signal.SIGKILL)
        parent.stdout.close()

    def test_it_says_why_it_cannot_listen(self):
        ran = subprocess.run([SERVICE, "unix:/nowhere/station.sock"], capture_output=True, text=True, check=False)
        self.assertEqual(ran.returncode, 1)
        self.assertIn("/nowhere", ran.stderr)
        ran = subprocess.run([SERVICE], capture_output=True, text=True, check=False)
        self.assertEqual(ran.returncode, 2)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
