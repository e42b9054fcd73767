#!/usr/bin/env python3
"""The tour as users run it: that it does what it says, and that it notices when a worker does not.

Usage: tour_test.py TOUR PARLEY TOUR_WORKER BROKEN_WORKER
"""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import unittest

TOUR, PARLEY, WORKER, BROKEN = (os.path.abspath(path) for path in sys.argv[1:5])

STEPS = ["start", "calls", "call_back", "own_error", "unknown_name", "arguments", "throw", "stream_to_service",
         "stream_from_service", "cancel", "deadline", "killed_in_call", "killed_in_streams", "new_workers",
         "hub_killed", "conversation", "outbox", "leave"]

# What each step must have shown, in this order; what stands in a tuple happens in two processes, in any order.
SHOWN = [
    r"hub      process \d+ listens, after ",
    r'worker   process \d+ offers "station", after ',
    r'worker   process \d+ offers "station", after ',
    r"the kernel says that process \d+ is at its other end",
    r"worker   process \d+ is the one whom the hub gave us",
    r"worker   42, after ",
    r"worker   10 000 right answers in ",
    r"worker   asks us for our name",
    r'worker   "hello, tour"',
    r"worker   MathError::division_by_zero",
    r'hub      not_found: .*nobody provides "lighthouse"',
    r"client   invalid: .*none of its enumerators",
    r"worker   invalid: the peer could not decode the arguments",
    r"worker   bug: the handler threw an exception \(no steam\)",
    r"client   sent 16 and waits",
    r"worker   read 150 in ",
    r"client   \d+ of 150 sends had to wait for credit",
    r"worker   wrote 16 and waits",
    r"worker   tells us: handler 1 was stopped",
    (r"client   timed_out: the deadline of the call passed, after ", r"worker   tells us: handler 2 was stopped"),
    r"client   kill -9 \d+",
    r"client   unknown: the session ended after the call was sent.*whoever provided .*is gone",
    r"worker   process \d+ is the one whom the hub gave us",
    r"client   our reader, .* after the kill: lost: ",
    r"client   our writer: lost: ",
    r"client   the two calls: unknown: ",
    r'hub      not_found: .*nobody provides "station"',
    r"worker   add\(20, 22\) is 42, greet\(\) says \"hello, tour\", a stream of 1 to 100 adds up to 5050",
    r"client   kill -9 \d+: it cannot remove its socket file",
    r"client   add\(20, 22\): 42, after ",
    r"worker   add\(20, 22\) is 42, greet\(\) says \"hello, tour\", a stream of 1 to 100 adds up to 5050",
    r'worker   process \d+ takes part in conversations about "kitchen" as anna',
    r"worker   anna serves soup, after ",
    r"hub      anna is dead: no connection",
    r"hub      message 2 goes to bert, and says that somebody had it before",
    r"worker   bert serves poison, carefully, after ",
    r"worker   bert serves bread, after ",
    r"worker   process \d+ takes commands, after ",
    r"client   the host acknowledges nothing: its session is over after .*; no send\(\) took longer than ",
    r"client   kill -CONT \d+",
    r"client   kill -9 \d+",
    r"worker   process \d+ takes commands, after ",
    r"client   kill -9 \d+",
    r"worker   process \d+ takes commands, after ",
    r"client    +sent +applied +failed +expired +cancelled +refused +unknown",
    r"client    +\d+ +\d+ +\d+ +\d+ +\d+ +\d+ +\d+",
    r"worker   3 hosts wrote down \d+ commands",
    r"worker   ended with exit code 0",
    r"worker   ended with exit code 0",
    r"hub      ended with exit code 0",
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
        return subprocess.run([TOUR, "--hub", PARLEY, *arguments], capture_output=True, text=True, cwd="/",
                              check=False, timeout=200, env=self.environment(**more))

    def left_behind(self):
        return os.listdir(self.directory.name)


class Tour(unittest.TestCase):
    def setUp(self):
        self.place = self.enterContext(Place())

    def test_once_ends_with_0_after_every_step_did_what_it_says(self):
        ran = self.place.run("--once")
        self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)
        self.assertEqual(ran.stderr, "")
        self.assertEqual(re.findall(r"^ ?(\d+)/18 ", ran.stdout, re.M), [str(n + 1) for n in range(18)])
        self.assertEqual(len(re.findall(r"^      ok       (\d+) of \1 hold, ", ran.stdout, re.M)), 18, ran.stdout)
        rest = ran.stdout
        for shown in SHOWN:
            found = [(line, re.search(line, rest)) for line in ([shown] if isinstance(shown, str) else shown)]
            for line, match in found:
                self.assertTrue(match, f"`{line}` is missing in\n{rest}")
            rest = rest[max(match.end() for _, match in found):]
        self.assertNotIn("\x1b", ran.stdout)
        self.assertNotIn("Ctrl-C", ran.stdout)
        self.assertEqual(self.place.left_behind(), [])

    def test_json_is_one_object_a_step(self):
        ran = self.place.run("--once", "--json")
        self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)
        steps = [json.loads(line) for line in ran.stdout.splitlines()]
        self.assertEqual([step["step"] for step in steps], STEPS)
        self.assertTrue(all(step["ok"] and step["failure"] is None and step["expected"] > 0 for step in steps))
        self.assertGreater(steps[7]["values"]["window_at_last"], 16)
        sent = steps[STEPS.index("outbox")]["values"]
        kinds = ("applied", "failed", "expired", "cancelled", "refused", "unknown")
        self.assertEqual(sum(sent[kind] for kind in kinds), sent["sent"])

    def test_a_step_that_does_not_do_what_it_says_is_named_and_ends_the_tour(self):
        for name in ("calls", "call_back", "own_error", "throw", "stream_to_service", "stream_from_service",
                     "deadline", "killed_in_call", "leave"):
            with self.subTest(step=name):
                ran = self.place.run("--once", "--json", "--worker", BROKEN, TOUR_BREAK=name)
                self.assertEqual(ran.returncode, 1, ran.stdout + ran.stderr)
                steps = [json.loads(line) for line in ran.stdout.splitlines()]
                self.assertEqual([step["step"] for step in steps if not step["ok"]], [name])
                self.assertEqual(steps[-1]["step"], name)
        ran = self.place.run("--once", "--worker", BROKEN, TOUR_BREAK="calls")
        self.assertIn("FAILED   step `calls`, expected: add(2, 40) is 42; but it was 2\n", ran.stdout)
        self.assertTrue(ran.stdout.endswith("Step `calls` did not do what it says.\n"), ran.stdout)
        self.assertEqual(self.place.left_behind(), [])

    def test_the_broken_worker_is_good_but_for_what_is_broken(self):
        ran = self.place.run("--once", "--worker", BROKEN)
        self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)

    def test_a_worker_that_cannot_start_fails_the_first_step(self):
        for program in ("/nowhere/service", "/bin/false", "/bin/echo"):
            with self.subTest(program=program):
                ran = self.place.run("--once", "--worker", program)
                self.assertEqual(ran.returncode, 1, ran.stdout + ran.stderr)
                self.assertIn("FAILED   step `start`, expected: the worker offers its service; but ", ran.stdout)
                self.assertIn(program, ran.stdout)

    def test_wrong_arguments_end_with_2_and_help_with_0(self):
        for arguments in (["--twice"], ["--worker"], ["extra"]):
            ran = self.place.run(*arguments)
            self.assertEqual(ran.returncode, 2)
            self.assertIn("Usage: tour", ran.stderr)
            self.assertEqual(ran.stdout, "")
        ran = self.place.run("--help")
        self.assertEqual(ran.returncode, 0)
        self.assertIn("Exit codes: 0 each step did what it says", ran.stdout)

    def test_without_a_hub_program_the_first_step_fails(self):
        ran = self.place.run("--once", "--hub", "/nowhere/parley")
        self.assertEqual(ran.returncode, 1)
        self.assertIn("FAILED   step `start`, expected: the hub listens; but ", ran.stdout)

    def start_tour(self, *arguments, until):
        tour = subprocess.Popen([TOUR, "--hub", PARLEY, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                text=True, env=self.place.environment())
        said = ""
        for line in tour.stdout:
            said += line
            if until in line:
                return tour, said
        return self.fail(f"`{until}` is missing in\n{said}")

    def end_tour(self, tour, number):
        tour.send_signal(number)
        tour.stdout.close()
        tour.stderr.read()  # ends when the hub and the workers, which have it too, are gone
        tour.stderr.close()
        return tour.wait()

    def test_ended_by_a_signal_it_leaves_neither_files_nor_processes(self):
        tour, _ = self.start_tour(until="has a session")
        self.assertEqual(self.end_tour(tour, signal.SIGTERM), 128 + signal.SIGTERM)
        self.assertEqual(self.place.left_behind(), [])

    def test_killed_it_leaves_no_processes(self):
        tour, _ = self.start_tour(until="has a session")
        self.assertEqual(self.end_tour(tour, signal.SIGKILL), -signal.SIGKILL)

    def test_in_the_end_it_stays_up_and_what_it_says_to_type_works(self):
        tour, said = self.start_tour(until="And to read")
        self.assertEqual(re.findall(r"^ ?(\d+)/17 ", said, re.M), [str(n + 1) for n in range(17)])
        commands = [line.strip() for line in said.split("In another terminal:")[1].splitlines()
                    if line.startswith("  ")]
        self.assertTrue(commands[0].startswith("export PARLEY_HUB=unix:"), commands)
        typed = [re.split(r"  +", command)[0] for command in commands]
        self.assertGreater(len(typed), 4)
        ran = subprocess.run(["sh", "-e", "-c", "\n".join(typed)], capture_output=True, text=True, check=False,
                             timeout=200, env=self.place.environment())
        self.assertEqual((ran.returncode, ran.stderr), (0, ""), ran.stdout)
        self.assertEqual(ran.stdout.count("\nstation "), 2, ran.stdout)
        self.assertIn("\n5\n1\n2\n3\n4\n5\n", ran.stdout)
        self.assertEqual(self.end_tour(tour, signal.SIGINT), 0)
        self.assertEqual(self.place.left_behind(), [])


class Worker(unittest.TestCase):
    def test_it_says_why_there_is_no_hub(self):
        ran = subprocess.run([WORKER, "unix:/nowhere/hub.sock"], capture_output=True, text=True, check=False)
        self.assertEqual(ran.returncode, 1)
        self.assertIn("/nowhere", ran.stderr)
        ran = subprocess.run([WORKER], capture_output=True, text=True, check=False)
        self.assertEqual(ran.returncode, 2)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
