"""What tests of programs have in common: a place of their own, and processes that go on until the test ends."""

import contextlib
import os
import subprocess
import tempfile
import unittest


class ProcessTest(unittest.TestCase):
    def setUp(self):
        self.place = self.enterContext(tempfile.TemporaryDirectory(prefix="parley-test-"))
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("PARLEY_")}
        self.environment["XDG_RUNTIME_DIR"] = self.environment["XDG_CONFIG_HOME"] = self.place
        self.socket_path = f"{self.place}/parley/hub.sock"
        self.address = f"unix:{self.socket_path}"

    def path(self, name):
        return os.path.join(self.place, name)

    def begin(self, *command, stdin=None):
        process = subprocess.Popen(command, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   cwd="/", env=self.environment)
        self.addCleanup(self.end, process)
        return process

    def start(self, *command, until):
        """A process that goes on; it has said `until`."""
        process = self.begin(*command)
        self.first_line = process.stdout.readline()
        self.assertIn(until, self.first_line)
        return process

    @staticmethod
    def end(process):
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()

    def run_program(self, *command, **environment):
        return subprocess.run(command, capture_output=True, text=True, cwd="/", check=False, timeout=100,
                              env={**self.environment, **environment})
