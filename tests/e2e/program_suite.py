"""What the tests of the program `parley` have in common: a place of their own, a hub, and processes that go on.

The programs are those of the command line: PARLEY WORKER CLIENT BLOCKING_CLIENT SERVICE OLD_CALCULATOR
"""

import os
import subprocess
import sys
import tempfile
import unittest

PARLEY, WORKER, CLIENT, BLOCKING_CLIENT, SERVICE, OLD_CALCULATOR = (os.path.abspath(path) for path in sys.argv[1:7])


class ProgramTest(unittest.TestCase):
    def setUp(self):
        self.place = self.enterContext(tempfile.TemporaryDirectory(prefix="hub-test-"))
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("PARLEY_")}
        self.environment["XDG_RUNTIME_DIR"] = self.environment["XDG_CONFIG_HOME"] = self.place
        self.address = f"unix:{self.place}/parley/hub.sock"

    def start(self, *command, until):
        """A process that goes on; it has said `until`."""
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd="/",
                                   env=self.environment)
        self.addCleanup(self.end, process)
        self.first_line = process.stdout.readline()
        self.assertIn(until, self.first_line)
        return process

    @staticmethod
    def end(process):
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()

    def hub(self):
        return self.start(PARLEY, "hub", until=f"hub: listens at {self.address}")

    def run_parley(self, *arguments, **environment):
        return subprocess.run([PARLEY, *arguments], capture_output=True, text=True, cwd="/", check=False, timeout=100,
                              env={**self.environment, **environment})


def main():
    unittest.main(module="__main__", argv=sys.argv[:1], verbosity=2)
