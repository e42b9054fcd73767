#!/usr/bin/env python3
"""The examples run and end by themselves.

Usage: examples_test.py CALCULATOR_SERVICE CALCULATOR_CLIENT BLOCKING_CLIENT FOREIGN_EPOLL FOREIGN_60HZ
"""

import os
import re
import subprocess
import sys
import tempfile
import unittest

SERVICE, CLIENT, BLOCKING_CLIENT, EPOLL, TICKS = (os.path.abspath(path) for path in sys.argv[1:6])


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)


class Calculator(unittest.TestCase):
    def test_the_clients_get_their_sums(self):
        with tempfile.TemporaryDirectory() as folder:
            uri = f"unix:{folder}/calculator.sock"
            service = subprocess.Popen([SERVICE, uri], stdout=subprocess.PIPE, text=True)
            try:
                self.assertEqual(service.stdout.readline(), uri + "\n")
                for program in (CLIENT, BLOCKING_CLIENT):
                    client = run(program, uri)
                    self.assertEqual(client.returncode, 0, client.stdout + client.stderr)
                    self.assertEqual(client.stdout, "2 + 3 = 5\n1 + 2 + 3 = 6\n")
                second = run(SERVICE, uri)
                self.assertEqual(second.returncode, 1)
                self.assertIn("a live process listens there", second.stderr)
            finally:
                service.kill()
                service.communicate()

    def test_a_client_of_nobody_says_so(self):
        for program in (CLIENT, BLOCKING_CLIENT):
            client = run(program, "unix:/tmp/nobody-listens-here.sock")
            self.assertEqual(client.returncode, 1)
            self.assertIn("not_found: nothing is at this address (unix:/tmp/nobody-listens-here.sock",
                          client.stderr)


class ForeignLoops(unittest.TestCase):
    def test_an_epoll_loop_drives_it_by_its_descriptor(self):
        ran = run(EPOLL)
        self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)
        self.assertIn("1000 of 1000 answers are right", ran.stdout)

    def test_a_60_hz_tick_drives_it_within_its_budget(self):
        ran = run(TICKS)
        self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)
        self.assertTrue(re.match(r"60 frames drawn \(.*\), \d+ seen by the one who looks on; ", ran.stdout), ran.stdout)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
