#!/usr/bin/env python3
"""What people see of a hub and what they are told to mend: `parley top`, `parley doctor`, and completion in shells.

Usage: watch_test.py PARLEY WORKER CLIENT BLOCKING_CLIENT SERVICE OLD_CALCULATOR
"""

import fcntl
import json
import os
import pty
import re
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import termios

import program_suite
from program_suite import CLIENT, PARLEY, SERVICE, WORKER

ENTER = b"\x1b[?1049h\x1b[?25l"
LEAVE = b"\x1b[?25h\x1b[?1049l"


class Terminal:
    """`parley top` on a terminal of its own."""

    def __init__(self, test, *arguments, rows=10, columns=100, **environment):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.seen = b""
        variables = {**test.environment, "TERM": "xterm", **environment}
        # The terminal is not its controlling one: signals come from the test alone.
        self.process = subprocess.Popen([PARLEY, "top", "--interval", "0.02", *arguments], stdout=slave,
                                        stderr=subprocess.PIPE, env=variables, start_new_session=True)
        os.close(slave)
        test.addCleanup(self.close)

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()
        os.close(self.master)

    def read(self):
        """False at the end."""
        try:
            more = os.read(self.master, 65536)
        except OSError:
            return False
        self.seen += more
        return bool(more)

    def read_until(self, text):
        begin = len(self.seen)
        while text not in self.seen[begin:]:
            if not self.read():
                raise AssertionError(f"{text} never came: {self.seen}")

    def end(self):
        """What it said last, and its exit code."""
        while self.read():
            pass
        return self.seen, self.process.stderr.read().decode(), self.process.wait()


class TopTest(program_suite.ProgramTest):
    def setUp(self):
        super().setUp()
        self.environment.pop("NO_COLOR", None)
        self.running = self.hub()
        self.start(WORKER, self.address, until="offered")

    def test_one_sample_has_a_row_for_each_session(self):
        subprocess.run([CLIENT, self.address], check=True, capture_output=True, timeout=100)
        lines = self.run_parley("top", "--once").stdout.splitlines()
        self.assertRegex(lines[0], r"^hub [0-9.]+: 2 of 16384 sessions, 0 calls in flight$")
        self.assertEqual(lines[1].split()[:2], ["SESSION", "PROCESS"])
        worker = next(line for line in lines if "Calculator" in line)
        self.assertRegex(worker, r"^1 +[0-9]+ hub_worker +Calculator +- +0 +- +[0-9.]+[mu]s +[0-9.]+[mu]s ")
        self.assertEqual(len(lines), 4)

    def test_json_is_an_object_a_line_with_rates_from_the_second_on(self):
        top = self.start(PARLEY, "top", "--json", "--interval", "0.02", until='"calls_answered":0}')
        second = json.loads(top.stdout.readline())
        self.assertGreater(second["interval_s"], 0)
        self.assertEqual([session["offers"] for session in second["sessions"]], [["Calculator"], []])
        self.assertEqual(second["sessions"][0]["all"]["calls_answered_per_s"], 0)
        once = json.loads(self.run_parley("top", "--json", "--once").stdout)
        self.assertNotIn("interval_s", once)
        self.assertNotIn("latency_p99_us", once["sessions"][0]["all"])

    def test_on_a_terminal_it_redraws_in_place_and_leaves_it_as_it_was(self):
        for asked in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(asked=asked):
                terminal = Terminal(self, columns=60)
                terminal.read_until(b"\x1b[H")
                terminal.read_until(b"\x1b[H")
                terminal.process.send_signal(asked)
                seen, errors, exit_code = terminal.end()
                self.assertEqual((exit_code, errors), (0, ""))
                self.assertTrue(seen.startswith(ENTER), seen[:40])
                self.assertTrue(seen.endswith(LEAVE), seen[-40:])
                self.assertEqual(seen.count(ENTER), 1)
                self.assertIn(b"\x1b[1mSESSION", seen)
                for line in re.split(rb"[\r\n]+|\x1b\[H", seen):
                    self.assertLessEqual(len(re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", line)), 60)

    def test_it_follows_the_size_of_its_window(self):
        for _ in range(4):
            self.start(WORKER, self.address, until="offered")
        terminal = Terminal(self, rows=5)
        terminal.read_until(b"... and 4 more")
        fcntl.ioctl(terminal.master, termios.TIOCSWINSZ, struct.pack("HHHH", 6, 100, 0, 0))
        terminal.read_until(b"... and 3 more")

    def test_without_color_it_uses_none(self):
        terminal = Terminal(self, NO_COLOR="1")
        terminal.read_until(b"SESSION")
        terminal.process.send_signal(signal.SIGINT)
        self.assertIsNone(re.search(rb"\x1b\[[0-9;]*m", terminal.end()[0]))

    def test_a_lost_hub_ends_it_with_a_reason_behind_the_terminal(self):
        terminal = Terminal(self)
        terminal.read_until(b"SESSION")
        self.running.kill()
        seen, errors, exit_code = terminal.end()
        self.assertTrue(seen.endswith(LEAVE), seen[-40:])
        self.assertGreater(exit_code, 10)
        self.assertIn("parley: lost: ", errors)

    def test_wrong_intervals_are_refused(self):
        for wrong in ("0", "-1", "x", "nan"):
            self.assertEqual(self.run_parley("top", "--interval", wrong).returncode, 2, wrong)


class DoctorTest(program_suite.ProgramTest):
    def examine(self, *arguments, **environment):
        ran = self.run_parley("doctor", "--json", *arguments, **environment)
        report = json.loads(ran.stdout)
        failed = [finding for finding in report["findings"] if finding["state"] == "fail"]
        self.assertEqual(report["failed"], len(failed))
        self.assertEqual(ran.returncode, 5 if failed else 0, ran.stdout)
        for finding in report["findings"]:
            self.assertEqual(finding["state"] == "ok", finding["next"] == "", finding)
        return {finding["check"]: finding for finding in report["findings"]}

    def states(self, *arguments, **environment):
        return {check: finding["state"] for check, finding in self.examine(*arguments, **environment).items()}

    def test_with_a_hub_nothing_fails(self):
        hub = self.hub()
        found = self.examine()
        self.assertEqual([found[check]["state"] for check in ("address", "directory", "socket", "hub", "versions")],
                         ["ok"] * 5)
        self.assertIn(f"process {hub.pid}", found["hub"]["reason"])
        self.assertIn("XDG_RUNTIME_DIR", found["address"]["reason"])
        lines = self.run_parley("doctor").stdout.splitlines()
        self.assertEqual(lines[0], f"ok    address       {self.address} (the default, in XDG_RUNTIME_DIR)")

    def test_without_a_hub_it_says_what_to_start(self):
        found = self.examine()
        self.assertEqual([found[check]["state"] for check in ("directory", "socket", "hub")], ["warn", "warn", "fail"])
        self.assertIn("parley hub", found["hub"]["next"])

    def test_where_the_address_is_from_is_told(self):
        elsewhere = f"unix:{self.place}/hub.sock"
        self.assertIn("PARLEY_HUB", self.examine(PARLEY_HUB=elsewhere)["address"]["reason"])
        self.assertIn("--hub", self.examine("--hub", elsewhere)["address"]["reason"])
        self.assertEqual(self.states("--hub", "nonsense")["address"], "fail")
        self.assertIn("not set", self.examine(XDG_RUNTIME_DIR="")["address"]["reason"])

    def test_a_socket_of_a_dead_hub_is_only_a_warning(self):
        hub = self.hub()
        hub.kill()
        hub.wait()
        states = self.states()
        self.assertEqual((states["socket"], states["hub"]), ("warn", "fail"))

    def test_what_is_in_the_way_is_named(self):
        os.mkdir(f"{self.place}/parley", 0o755)
        found = self.examine()
        self.assertEqual(found["directory"]["next"], f"chmod 700 {self.place}/parley")
        os.chmod(f"{self.place}/parley", 0o700)
        with open(f"{self.place}/parley/hub.sock", "w", encoding="utf-8"):
            pass
        found = self.examine()
        self.assertEqual((found["directory"]["state"], found["socket"]["state"]), ("ok", "fail"))

    def test_a_service_is_no_hub(self):
        address = f"unix:{self.place}/service.sock"
        self.start(SERVICE, address, until=address)
        self.assertIn("is a service and no hub", self.examine("--hub", address)["hub"]["reason"])

    def test_something_that_never_speaks_is_no_hub(self):
        address = f"{self.place}/silent.sock"
        with socket.socket(socket.AF_UNIX) as silent:
            silent.bind(address)
            silent.listen()
            self.assertEqual(self.states("--hub", f"unix:{address}")["hub"], "fail")

    def test_the_open_files_are_those_of_the_hub(self):
        self.start("sh", "-c", f"ulimit -n 1024; exec {shlex.quote(PARLEY)} hub", until="hub: listens at ")
        found = self.examine()["open files"]
        self.assertEqual(found["state"], "warn")
        self.assertIn("16384 sessions", found["reason"])

    def test_the_hub_asks_for_as_many_open_files_as_it_may_have(self):
        limited = f"ulimit -Hn 2000; ulimit -Sn 500; exec {shlex.quote(PARLEY)} hub"
        self.start("bash", "-c", limited, until="hub: listens at ")
        self.assertIn("may have 2000", self.examine()["open files"]["reason"])


class CompletionTest(program_suite.ProgramTest):
    def complete_in_bash(self, *words):
        """What bash offers for the last word."""
        script = self.run_parley("completion", "bash").stdout + """
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _parley; printf '%s\\n' "${COMPREPLY[@]}"
"""
        ran = subprocess.run(["bash", "-c", script, "bash", PARLEY, *words], capture_output=True, text=True, check=True,
                             timeout=100, env=self.environment)
        self.assertEqual(ran.stderr, "")
        return ran.stdout.split()

    def test_bash_completes_commands_and_options(self):
        self.assertEqual(self.complete_in_bash("d"), ["doctor"])
        self.assertIn("completion", self.complete_in_bash(""))
        self.assertNotIn("complete", self.complete_in_bash(""))
        self.assertEqual(self.complete_in_bash("top", "--in"), ["--interval"])
        self.assertEqual(self.complete_in_bash("completion", ""), ["bash", "zsh", "fish"])
        self.assertEqual(self.complete_in_bash("--v"), ["--version"])
        for nothing in (["no-such-command", ""], ["call", "--hub", ""], ["call", "x.y", ""]):
            self.assertEqual(self.complete_in_bash(*nothing), [], nothing)

    def test_bash_completes_services_and_methods_of_the_hub(self):
        self.assertEqual(self.complete_in_bash("call", "Calc"), [])  # no hub, no noise
        self.hub()
        self.start(WORKER, self.address, until="offered")
        self.assertEqual(self.complete_in_bash("call", ""), ["Calculator.add", "Calculator.sum"])
        self.assertEqual(self.complete_in_bash("call", "Calculator.s"), ["Calculator.sum"])
        self.assertEqual(self.complete_in_bash("call", "--deadline", "5", "Calculator.a"), ["Calculator.add"])
        self.assertIn("parley.Hub.stats", self.complete_in_bash("call", "parley."))
        del self.environment["XDG_RUNTIME_DIR"]
        self.assertEqual(self.complete_in_bash("call", "--hub", self.address, "Calculator.s"), ["Calculator.sum"])

    def test_something_that_never_answers_holds_up_nobody_for_long(self):
        address = f"{self.place}/silent.sock"
        with socket.socket(socket.AF_UNIX) as silent:
            silent.bind(address)
            silent.listen()
            self.assertEqual(self.complete_in_bash("call", "--hub", f"unix:{address}", "x"), [])

    def test_bash_loads_the_script_as_the_readme_says(self):
        ran = subprocess.run(["bash", "-c", f'source <("{PARLEY}" completion bash); complete -p parley'], check=True,
                             capture_output=True, text=True, timeout=100)
        self.assertIn("-F _parley parley", ran.stdout)

    def test_the_scripts_of_other_shells_are_well_formed(self):
        for shell, flag in (("zsh", "-n"), ("fish", "--no-execute")):
            with self.subTest(shell=shell):
                script = self.run_parley("completion", shell)
                self.assertEqual(script.returncode, 0)
                if not shutil.which(shell):
                    print(f"{shell} is not installed: its script is only printed", flush=True)
                    continue
                path = os.path.join(self.place, "script")
                with open(path, "w", encoding="utf-8") as file:
                    file.write(script.stdout)
                subprocess.run([shell, flag, path], check=True, timeout=100)
        self.assertEqual(self.run_parley("completion", "csh").returncode, 2)


if __name__ == "__main__":
    program_suite.main()
