#!/usr/bin/env python3
"""What the program `parley` says, word for word: its help, the mistakes people make first, and its JSON, against
tests/golden/cli. With UPDATE_GOLDEN=1 in the environment the files are rewritten, to be reviewed as a difference.

Usage: golden_test.py PARLEY WORKER CLIENT BLOCKING_CLIENT SERVICE OLD_CALCULATOR
"""

import contextlib
import os
import re
import shlex
import socket
import subprocess
import threading

import program_suite
from program_suite import OLD_CALCULATOR, PARLEY, SERVICE, WORKER

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden", "cli")
COMMANDS = ("hub", "list", "call", "listen", "emit", "talk", "conversations", "publish", "subscribe", "who", "top",
            "audit", "record", "show", "replay", "doctor", "completion")


class GoldenTest(program_suite.ProgramTest):
    maxDiff = None

    def expect_golden(self, name, text):
        path = os.path.join(GOLDEN, name)
        if os.environ.get("UPDATE_GOLDEN") == "1":
            os.makedirs(GOLDEN, exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        with open(path, encoding="utf-8") as file:
            self.assertEqual(text, file.read(), f"UPDATE_GOLDEN=1 rewrites {os.path.normpath(path)}")

    def told(self, *command):
        """A command, and all that it says, without what differs from one run to the next."""
        ran = subprocess.run(command, capture_output=True, text=True, cwd=self.place, check=False, timeout=100,
                             env=self.environment)
        text = "$ " + shlex.join([os.path.basename(command[0]), *command[1:]]) + "\n"
        text += ran.stdout + "".join(f"! {line}\n" for line in ran.stderr.splitlines())
        text += f"exit code {ran.returncode}\n"
        return text.replace(self.place, "/place")

    def test_help(self):
        texts = [self.told(PARLEY, "--help")]
        texts += [self.told(PARLEY, command, "--help") for command in COMMANDS]
        self.expect_golden("help.txt", "\n".join(texts))

    @contextlib.contextmanager
    def stranger(self, path):
        """Something that speaks HTTP whatever it hears."""
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(path)
            listening.listen()

            def answer():
                with contextlib.suppress(OSError):
                    while True:
                        stream, _ = listening.accept()
                        with stream:
                            stream.recv(65536)
                            stream.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

            thread = threading.Thread(target=answer)
            thread.start()
            yield
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()

    def mistakes(self):
        """What is wrong, and the commands that do it; the hub and its worker are there but for the first two."""
        yield "no hub", [["list"]]
        yield "an address that is none, or leads nowhere", [["list", "--hub", "nonsense"],
                                                            ["list", "--hub", f"unix:{self.place}/no/hub.sock"]]
        self.hub()
        self.start(WORKER, self.address, until="offered")
        yield "a service of another name", [["call", "Calculater.add", "[1, 2]"], ["call", "Zoo.add", "[1, 2]"]]
        yield "a method of another name", [["call", "Calculator.ad", "[1, 2]"], ["call", "Calculator.zzz"],
                                           ["call", "Calculator"]]
        yield "an argument of another type", [["call", "Calculator.add", '[1, "x"]'],
                                              ["call", "Calculator.add", "[1, 2.5]"]]
        yield "too few arguments, or too many", [["call", "Calculator.add", "[1]"],
                                                 ["call", "Calculator.add", "[1, 2, 3]"],
                                                 ["call", "Calculator.sum"]]
        yield "JSON that is none", [["call", "Calculator.add", "[1, 2"], ["call", "Calculator.add", "1, 2"]]
        yield "an option that there is not", [["list", "--method"], ["list", "--zzz"], ["lst"], [],
                                              ["top", "--interval", "0"], ["completion", "csh"]]
        with open(f"{self.place}/notes.txt", "w", encoding="utf-8") as file:
            file.write("no recording")
        yield "a recording that is none", [["show", f"{self.place}/none"], ["show", f"{self.place}/notes.txt"],
                                           ["replay", f"{self.place}/none", self.address],
                                           ["replay", f"{self.place}/none"],
                                           ["show", f"{self.place}/none", "--method", "a.*b"]]
        service = f"{self.place}/service.sock"
        self.start(SERVICE, f"unix:{service}", until=service)
        yield "a socket that is not a hub's", [["list", "--hub", f"unix:{service}"],
                                               ["list", "--hub", f"unix:{self.place}/stranger.sock"]]

    def test_mistakes(self):
        for name, options in (("mistakes.txt", []), ("mistakes_json.txt", ["--json"])):
            self.doCleanups()
            self.setUp()
            texts = []
            with self.stranger(f"{self.place}/stranger.sock"):
                for title, commands in self.mistakes():
                    told = [self.told(PARLEY, *arguments, *options) for arguments in commands]
                    texts.append(f"-- {title}\n\n" + "\n".join(told))
                if not options:
                    texts.append("-- a client of another signature\n\n" + self.told(OLD_CALCULATOR, self.address))
            self.expect_golden(name, "\n".join(texts))

    def test_json(self):
        hub = self.hub()
        worker = self.start(WORKER, self.address, until="offered")
        texts = []
        for command in (["list"], ["list", "--methods"], ["who"], ["call", "Calculator.add", "[2, 3]"],
                        ["call", "Calculator.add", "[2, 3]", "--detailed"], ["top", "--once"], ["doctor"], ["audit"],
                        ["call", "parley.Hub.stats"]):
            text = self.told(PARLEY, *command, "--json")
            for pid, name in ((hub.pid, "HUB"), (worker.pid, "WORKER")):
                text = re.sub(rf"\b{pid}\b", name, text)
            text = re.sub(r'"(pid|at_us|uid|latency_p\d+_us)":\d+', r'"\1":NUMBER', text)
            text = re.sub(r'"latency":\[.*?\]', '"latency":[]', text)
            text = re.sub(r'"(version|hub_version)":"[0-9.]+"', r'"\1":"VERSION"', text)
            text = re.sub(r"(the program and the hub are) [0-9.]+", r"\1 VERSION", text)
            text = re.sub(r'("(?:bytes_sent|bytes_queued)"):\d+', r"\1:NUMBER", text)
            text = re.sub(r'"principal":"uid:[0-9]+"', '"principal":"USER"', text)
            text = re.sub(r"belongs to user \d+", "belongs to user USER", text)
            # What is found of the system differs from one to the other.
            text = re.sub(r'\{"check":"(open files|listen queue|kernel)".*?\}', r'{"check":"\1"}', text)
            texts.append(text)
        self.expect_golden("json.txt", "\n".join(texts))


if __name__ == "__main__":
    program_suite.main()
