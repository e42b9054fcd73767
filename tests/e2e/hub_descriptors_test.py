#!/usr/bin/env python3
"""A hub that has no descriptor left: whoever is in goes on, and others get in as soon as somebody leaves.

Usage: hub_descriptors_test.py PARLEY WORKER
"""

import os
import resource
import socket
import subprocess
import sys
import tempfile
import unittest

PARLEY, WORKER = (os.path.abspath(path) for path in sys.argv[1:3])
DESCRIPTORS = 64


class HubDescriptorsTest(unittest.TestCase):
    def setUp(self):
        self.place = self.enterContext(tempfile.TemporaryDirectory(prefix="hub-descriptors-"))
        self.path = f"{self.place}/hub.sock"
        self.address = f"unix:{self.path}"
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("PARLEY_")}
        # Those who say nothing stay longer than the test.
        self.environment |= {"XDG_CONFIG_HOME": self.place, "PARLEY_LIMITS_HANDSHAKE_MAX": "1h"}

    def start(self, *command, until, before=None):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=self.environment, preexec_fn=before)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.assertIn(until, process.stdout.readline())
        return process

    def call(self):
        return subprocess.Popen([PARLEY, "call", "--hub", self.address, "Calculator.add", "[2, 3]"],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self.environment)

    def test_a_hub_without_descriptors_takes_the_next_one_when_somebody_leaves(self):
        hub = self.start(PARLEY, "hub", "--listen", self.address, until="listens",
                         before=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS)))
        self.start(WORKER, self.address, until="offered")
        silent = []
        in_use = before = 0
        while in_use < DESCRIPTORS - 1:
            one = socket.socket(socket.AF_UNIX)
            self.addCleanup(one.close)
            one.connect(self.path)  # the system takes it in the hub's name
            silent.append(one)
            while in_use == before:  # until the hub has it
                in_use = len(os.listdir(f"/proc/{hub.pid}/fd"))
            before = in_use
        late = self.call()  # it waits
        for one in silent[:8]:
            one.close()
        said, complained = late.communicate()
        self.assertEqual((late.returncode, said), (0, "5\n"), complained)
        for one in silent[8:]:
            one.close()
        again = self.call()
        self.assertEqual(again.communicate()[0], "5\n")
        self.assertIsNone(hub.poll())


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
