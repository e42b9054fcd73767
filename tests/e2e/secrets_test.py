#!/usr/bin/env python3
"""Whatever is marked sensitive is in nothing that anything of Parley prints.

Usage: secrets_test.py PARLEY WORKER
"""

import json
import os
import subprocess
import sys
import unittest

from process_suite import ProcessTest

PARLEY, WORKER = (os.path.abspath(path) for path in sys.argv[1:3])

# The secrets: of the worker's token, of a token that is none, and beside hellos, calls and answers.
TOKEN, WRONG, CARD = "token-5f0e9c1d7b3a2468", "wrong-0a1b2c3d4e5f6789", "card-4929123412341234"

# What is run, and what must be in its output, so that the table does not silently say nothing.
COMMANDS = [
    (["list"], "Vault"),
    (["list", "--json"], "Vault"),
    (["list", "--methods"], "blow_up"),
    (["who"], "token:worker"),
    (["who", "--json"], "token:worker"),
    (["top", "--once"], "Vault"),
    (["top", "--once", "--json"], "Vault"),
    (["audit"], "none of this hub"),
    (["audit", "--json"], "none of this hub"),
    (["doctor"], "hub"),
    (["doctor", "--json"], "hub"),
    (["call", "Vault.look", "--metadata", "note=plain-note"], "plain-note"),
    (["call", "Vault.look", "--detailed"], "card=(sensitive)"),
    (["call", "Vault.look", "--detailed", "--json"], "card=(sensitive)"),
    (["call", "Vault.look", "--detailed"], "plain-word"),
    (["call", "Vault.ask"], "card=(sensitive)"),
    (["call", "Vault.ask", "--detailed", "--json"], "card=(sensitive)"),
    (["call", "Vault.refuse"], "permission"),
    (["call", "Vault.refuse", "--json", "--detailed"], "permission"),
    (["call", "Vault.blow_up"], "threw"),
    (["call", "Vault.blow_up", "--json"], "threw"),
    (["call", "Vault.nothing"], "no method"),
    (["call", "parley.Hub.who"], "token:worker"),
    (["call", "parley.Hub.stats"], "Vault"),
    (["call", "parley.Hub.refusals", "--detailed", "--json"], "none of this hub"),
    (["call", "parley.Hub.counters"], "door"),
    (["call", "parley.Directory.list"], "Vault"),
]

# And of the recording of the worker and of all these calls.
OF_A_RECORDING = [
    (["show", "FILE"], "parley-token=(sensitive)"),
    (["show", "FILE"], "plain-word"),
    (["show", "FILE", "--method", "Vault.*", "--follow-ids"], "card=(sensitive)"),
    (["show", "FILE", "--json"], '{"key":"card","sensitive":true}'),
    (["replay", "FILE", "HUB", "--deadline", "5"], "answers compared"),
    (["replay", "FILE", "HUB", "--deadline", "5", "--json"], '"same":false'),
]


class SecretsTest(ProcessTest):
    def start(self, name, *command, until):
        """A process that goes on, whose output is in files; it has said `until`."""
        with open(self.path(name + ".out"), "w", encoding="utf-8") as output, \
             open(self.path(name + ".err"), "w", encoding="utf-8") as errors:
            process = subprocess.Popen(command, stdout=output, stderr=errors, cwd="/", env=self.environment)
        self.addCleanup(lambda: (process.kill(), process.wait()))
        while until not in self.read(name + ".out"):
            self.assertIsNone(process.poll(), self.read(name + ".err"))
        return process

    def read(self, name):
        with open(self.path(name), encoding="utf-8", errors="backslashreplace") as file:
            return file.read()

    def run_parley(self, *arguments, **environment):
        ran = self.run_program(PARLEY, *arguments, **environment)
        return ran.stdout + ran.stderr

    def test_a_secret_is_in_no_output(self):
        # rule: calls/rpc.metadata.flags.sensitive
        with open(os.open(self.path("token"), os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as file:
            file.write(TOKEN)
        self.start("hub", PARLEY, "hub", "--token-file", f"worker={self.path('token')}", "--allow",
                   "token:worker * **", "--trace", self.path("hub.spans"), until="hub: listens at")
        watched = f"unix:{self.place}/watched.sock"
        recorder = self.start("recorder", PARLEY, "record", self.path("recording"), "--listen", watched,
                              until="record: listens at")
        self.start("worker", WORKER, watched, self.path("worker.spans"), TOKEN, CARD, until="offered")
        for hub in (self.address, watched):
            self.assertIn("none of this hub", self.run_parley("list", "--hub", hub, PARLEY_TOKEN=WRONG))
        files = {"hub.out": "hub: listens", "hub.err": "", "hub.spans": "relay", "worker.out": "card=(sensitive)",
                 "worker.err": "", "worker.spans": "Vault.look", "call.spans": "Vault.ask",
                 "recording": "plain-word", "recorder.out": "record: ended", "recorder.err": ""}
        outputs = {}
        for number, (arguments, expected) in enumerate(COMMANDS):
            more = ["--hub", watched, "--trace", self.path("call.spans")] if arguments[0] == "call" else []
            output = self.run_parley(*arguments, *more)
            self.assertIn(expected, output, arguments)
            outputs[f"{number}: parley {' '.join(arguments)}"] = output
        recorder.terminate()
        self.assertEqual(recorder.wait(), 0)
        for arguments, expected in OF_A_RECORDING:
            output = self.run_parley(*(a.replace("HUB", self.address).replace("FILE", self.path("recording"))
                                       for a in arguments))
            self.assertIn(expected, output, arguments)
            outputs[" ".join(arguments)] = output
        for name, expected in files.items():
            outputs[name] = self.read(name)
            self.assertIn(expected, outputs[name], name)
        for name, output in outputs.items():
            for secret in (TOKEN, WRONG, CARD):
                for form in (secret, secret.encode().hex(), json.dumps(list(secret.encode()))[1:-1]):
                    self.assertNotIn(form, output, name)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
