"""What the tests of the program `parley` have in common: a place of their own, a hub, and processes that go on.

The programs are those of the command line: PARLEY WORKER CLIENT BLOCKING_CLIENT SERVICE OLD_CALCULATOR
"""

import os
import sys
import unittest

from process_suite import ProcessTest

PARLEY, WORKER, CLIENT, BLOCKING_CLIENT, SERVICE, OLD_CALCULATOR = (os.path.abspath(path) for path in sys.argv[1:7])


class ProgramTest(ProcessTest):
    def hub(self):
        return self.start(PARLEY, "hub", until=f"hub: listens at {self.address}")

    def run_parley(self, *arguments, **environment):
        return self.run_program(PARLEY, *arguments, **environment)


def main():
    unittest.main(module="__main__", argv=sys.argv[:1], verbosity=2)
