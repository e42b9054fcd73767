#!/usr/bin/env python3
"""The bridge of the published crates of cmd-ipc to MCP, attached to a hub of ours: its commands are called by ours.

Usage: attach_test.py BUILD_FOLDER PARLEY [unittest arguments]

Exit code 77 says that the crates cannot be had.
"""

import json
import os
import shlex
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from peers import SKIPPED, WATCHDOG_S, RustPeer

PEER, PARLEY = None, None


class Bridge(unittest.TestCase):
    def setUp(self):
        place = self.enterContext(tempfile.TemporaryDirectory())
        self.environment = {**os.environ, "PARLEY_HUB": f"unix:{place}/hub.sock", "PEER_ROLE": "mcp",
                            "PEER_NAME": "rust"}
        self.begin("hub", until="hub: listens at")
        self.attached = self.begin("attach", "--mcp", shlex.join(PEER), "--prefix", "far",
                                   until="offers 6 commands as far.*")

    def begin(self, *arguments, until):
        process = subprocess.Popen([PARLEY, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                                   env=self.environment)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        self.assertIn(until, process.stdout.readline())
        return process

    def call(self, name, *words):
        ran = subprocess.run([PARLEY, "call", name, *words], check=False, text=True, stdin=subprocess.DEVNULL,
                             capture_output=True, env=self.environment, timeout=WATCHDOG_S)
        return ran.returncode, ran.stdout, ran.stderr

    def test_its_commands_are_commands_of_the_hub(self):
        code, out, err = self.call("far.rust.add", "--a", "2", "--b", "3")
        self.assertEqual((code, json.loads(out)), (0, {"sum": 5}), err)
        code, out, err = self.call("far.rust.echo", '{"text": "grüß dich"}')
        self.assertEqual((code, json.loads(out)), (0, {"text": "grüß dich"}), err)
        code, _, err = self.call("far.rust.fail")
        self.assertEqual(code, 1, err)  # it ran and could not, whatever the crate calls it
        self.assertIn("failed as asked", err)
        self.assertEqual(self.call("far.rust.none")[0], 13)

    def test_they_go_with_it(self):
        self.attached.terminate()
        self.assertEqual(self.attached.wait(), 0)
        self.assertEqual(self.call("far.rust.add", "--a", "2", "--b", "3")[0], 13)


def main():
    global PEER, PARLEY
    build, PARLEY = Path(sys.argv[1]).absolute(), sys.argv[2]
    peer = RustPeer(build, "commands")
    if why_not := peer.why_not():
        print(f"skipped: {why_not}")
        sys.exit(SKIPPED)
    PEER = peer.command()
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)


if __name__ == "__main__":
    main()
