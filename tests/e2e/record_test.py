#!/usr/bin/env python3
"""`parley record`, `show` and `replay`: what passes is written down, explained, and said again to another build.

Usage: record_test.py PARLEY WORKER CLIENT BLOCKING_CLIENT SERVICE OLD_CALCULATOR CHANGED_CALCULATOR
"""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import unittest

import program_suite
from program_suite import CLIENT, PARLEY, SERVICE, WORKER

CHANGED = os.path.abspath(sys.argv[7])
SECRET = "hunter2-hunter2-hunter2"


class RecordTest(program_suite.ProgramTest):
    def setUp(self):
        super().setUp()
        self.file = f"{self.place}/recording"
        self.entrance = f"unix:{self.place}/entrance.sock"

    def serve(self, program=SERVICE, name="service"):
        address = f"unix:{self.place}/{name}.sock"
        self.start(program, address, until=address)
        return address

    def record(self, *arguments, listen=None):
        return self.start(PARLEY, "record", self.file, "--listen", listen or self.entrance, *arguments,
                          until="record: listens at ")

    def stop(self, recorder):
        recorder.send_signal(signal.SIGINT)
        said, complained = recorder.communicate(timeout=60)
        self.assertEqual((recorder.returncode, complained), (0, ""))
        self.assertIn("record: ended; ", said)

    def use(self, program=CLIENT):
        ran = subprocess.run([program, self.entrance], capture_output=True, text=True, check=True, timeout=60)
        self.assertEqual(ran.stdout, "2 + 3 = 5\n1 + 2 + 3 = 6\n")

    def shown(self, *arguments, **environment):
        ran = self.run_parley("show", self.file, *arguments, **environment)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        return ran.stdout

    def shown_json(self, *arguments):
        return [json.loads(line) for line in self.shown("--json", *arguments).splitlines()]

    def replay(self, address, *arguments):
        return self.run_parley("replay", self.file, address, *arguments)

    def recorded(self):
        """A recording of the README's client with its service."""
        address = self.serve()
        recorder = self.record("--to", address)
        self.use()
        self.stop(recorder)
        return address

    def test_every_message_is_explained(self):
        self.recorded()
        text = self.shown()
        for line in (' hello ', ' hello-yourself ', 'call 1             Calculator.add [2,3]',
                     'response 1         Calculator.add = 5', 'Calculator.sum [] channels ',
                     'Calculator.sum $[0] 3', 'Calculator.sum = 6', 'close '):
            self.assertIn(line, text)
        self.assertNotIn(" ! ", text)
        messages = self.shown_json()
        self.assertEqual(messages[0]["kind"], "recording")
        calls = [one for one in messages if one["kind"] == "call"]
        self.assertEqual([(one["method"], one["value"]) for one in calls],
                         [("Calculator.add", [2, 3]), ("Calculator.sum", [])])
        self.assertEqual([one["value"] for one in messages if one["kind"] == "item"], [1, 2, 3])
        times = [one["at_us"] for one in messages[1:]]
        self.assertEqual(times, sorted(times))

    def test_what_is_shown_can_be_chosen(self):
        self.recorded()
        self.assertEqual({one["kind"] for one in self.shown_json("--method", "*.sum")},
                         {"recording", "call", "response"})
        followed = self.shown_json("--method", "*.sum", "--follow-ids")
        self.assertTrue({"call", "response", "item", "close"} <= {one["kind"] for one in followed})
        self.assertEqual({one["method"] for one in followed[1:]}, {"Calculator.sum"})
        sessions = {one["session"] for one in self.shown_json("--session", "1")[1:]}
        self.assertEqual(sessions, {1})

    def test_what_chooses_nothing_is_told_with_what_there_is(self):
        self.recorded()
        for arguments, expected in ((("--session", "99"), ["no session 99 is in", "it has session 1 alone"]),
                                    (("--method", "Calculater.sum"), ["matches Calculater.sum",
                                                                      "did you mean Calculator.sum?"]),
                                    (("--method", "zzz.**"), ["there are Calculator.add, Calculator.sum"]),
                                    (("--method", "zzz", "--session", "1"), ["no method in session 1 of"])):
            ran = self.run_parley("show", self.file, *arguments)
            self.assertEqual(ran.returncode, 2, ran.stdout + ran.stderr)
            for text in expected:
                self.assertIn(text, ran.stderr)

    def test_a_recording_comes_by_standard_input_too(self):
        self.recorded()
        with open(self.file, "rb") as file:
            ran = subprocess.run([PARLEY, "show", "-"], stdin=file, capture_output=True, text=True, check=True,
                                 timeout=60)
        self.assertEqual(ran.stdout, self.shown())

    def test_the_same_build_answers_the_same(self):
        address = self.recorded()
        ran = self.replay(address)
        self.assertEqual((ran.returncode, ran.stderr), (0, ""), ran.stdout)
        self.assertIn("the same (sessions: 1, ", ran.stdout)
        outcome = json.loads(self.replay(self.serve(name="another"), "--json").stdout)
        self.assertEqual((outcome["same"], outcome["differences"]), (True, []))

    def test_another_build_answers_otherwise(self):
        self.recorded()
        changed = self.serve(CHANGED, "changed")
        ran = self.replay(changed)
        self.assertEqual(ran.returncode, 6, ran.stdout + ran.stderr)
        self.assertIn("session 1: the response of Calculator.sum\n", ran.stdout)
        self.assertRegex(ran.stdout, r"  recorded: response \d+ +Calculator.sum = 6\n"
                                     r"  now:      response \d+ +Calculator.sum = 7\n")
        outcome = json.loads(self.replay(changed, "--json").stdout)
        self.assertEqual([one["what"] for one in outcome["differences"]], ["the response of Calculator.sum"])
        ignoring = self.replay(changed, "--ignore", "Calculator.sum")
        self.assertEqual((ignoring.returncode, ignoring.stderr), (0, ""), ignoring.stdout)
        mistaken = self.replay(changed, "--ignore", "Calculater.sum")
        self.assertEqual(mistaken.returncode, 6, mistaken.stdout)
        self.assertIn("no method of the recording matches Calculater.sum", mistaken.stderr)
        self.assertIn("did you mean Calculator.sum?", mistaken.stderr)

    def test_a_server_that_says_nothing_is_not_waited_for_for_ever(self):
        self.recorded()
        with socket.socket(socket.AF_UNIX) as silent:
            silent.bind(f"{self.place}/silent.sock")
            silent.listen()
            ran = self.replay(f"unix:{self.place}/silent.sock", "--deadline", "0.1")
        self.assertEqual(ran.returncode, 6, ran.stdout + ran.stderr)
        self.assertIn("awaited was the answer to the hello", ran.stdout)

    def test_a_server_that_only_pings_is_not_waited_for_for_ever(self):
        self.recorded()
        path = f"{self.place}/pinging.sock"

        def ping_for_ever(listening):
            stream, _ = listening.accept()
            with stream, stream.makefile("rb") as heard:
                heard.read(int.from_bytes(heard.read(4), "little"))
                stream.sendall(bytes.fromhex("05000000" "0001014000"))
                try:
                    # The next one as soon as this one is answered; what else is said is not.
                    while True:
                        stream.sendall(bytes.fromhex("03000000" "000905"))
                        while (size := heard.read(4)) and heard.read(int.from_bytes(size, "little"))[1] != 10:
                            pass
                        if not size:
                            return
                except OSError:
                    return

        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(path)
            listening.listen()
            pinging = threading.Thread(target=ping_for_ever, args=(listening,), daemon=True)
            pinging.start()
            ran = self.replay(f"unix:{path}", "--deadline", "0.5")
            pinging.join(timeout=60)
        self.assertEqual(ran.returncode, 6, ran.stdout + ran.stderr)
        self.assertIn("it got no further; awaited was a response", ran.stdout)

    def test_a_name_that_nobody_provides_is_told_at_once(self):
        self.hub()
        worker = self.start(WORKER, self.address, until="offered")
        recorder = self.record()
        self.use()
        self.stop(recorder)
        worker.kill()
        worker.wait()
        ran = self.replay(self.address, "--deadline", "1000")
        self.assertEqual(ran.returncode, 6, ran.stdout + ran.stderr)
        self.assertRegex(ran.stdout, r"session 1: the response of Calculator.add\n"
                                     r"  recorded: response \d+ +Calculator.add = 5\n"
                                     r"  now:      nothing, because the connection is rejected\n")
        hint = "start the worker that provides Calculator, or give --token-file PATH"
        self.assertTrue(ran.stdout.endswith(f"hint: {hint}\n"), ran.stdout)
        self.assertEqual(json.loads(self.replay(self.address, "--json").stdout)["hint"], hint)
        self.start(WORKER, self.address, until="offered")
        self.assertEqual(self.replay(self.address).returncode, 0)

    def test_a_token_that_is_missing_is_asked_for(self):
        token = f"{self.place}/token"
        with open(os.open(token, os.O_CREAT | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
            file.write(SECRET)
        self.start(PARLEY, "hub", "--listen", "tcp:127.0.0.1:0", "--token-file", f"ci={token}", "--allow",
                   "token:ci see,call **", until="hub: listens at tcp:")
        hub = self.first_line.split()[3].rstrip(",")
        recorder = self.record("--to", hub, "--token-file", token)
        listed = self.run_parley("list", "--hub", self.entrance, "--token-file", token)
        self.assertEqual(listed.returncode, 0, listed.stderr)
        self.stop(recorder)
        ran = self.replay(hub)
        self.assertEqual(ran.returncode, 6, ran.stdout + ran.stderr)
        self.assertTrue(ran.stdout.endswith("hint: if the server asks for a token, give --token-file PATH\n"),
                        ran.stdout)
        self.assertEqual(self.replay(hub, "--token-file", token).returncode, 0)

    def test_a_hub_is_where_it_leads_by_itself(self):
        self.hub()
        self.start(WORKER, self.address, until="offered")
        recorder = self.record()
        self.use()
        self.stop(recorder)
        text = self.shown()
        self.assertIn('parley-service="Calculator"', text)
        self.assertIn("Calculator.sum = 6", text)
        self.assertEqual(self.replay(self.address).returncode, 0)

    def test_a_service_that_comes_later_is_described_too(self):
        self.hub()
        recorder = self.record()
        self.start(WORKER, self.address, until="offered")
        self.use()
        self.stop(recorder)
        self.assertIn("Calculator.add [2,3]", self.shown())

    def test_no_secret_is_in_the_recording(self):
        token = f"{self.place}/token"
        with open(os.open(token, os.O_CREAT | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
            file.write(SECRET)
        hub = f"unix:{self.place}/locked.sock"
        self.start(PARLEY, "hub", "--listen", hub, "--token-file", f"ci={token}", "--allow", "token:ci see,call **",
                   until="hub: listens at ")
        recorder = self.record("--to", hub, "--token-file", token)
        listed = self.run_parley("list", "--json", "--hub", self.entrance, "--token-file", token)
        self.assertEqual(listed.returncode, 0, listed.stderr)
        self.stop(recorder)
        with open(self.file, "rb") as file:
            content = file.read()
        self.assertIn(b"parley-token", content)
        self.assertNotIn(SECRET.encode(), content)
        self.assertIn(b"*" * len(SECRET), content)
        for text in (self.shown(), self.shown("--json")):
            self.assertIn("sensitive", text)
            self.assertNotIn(SECRET, text)
            self.assertNotIn("****", text)
        self.assertEqual(self.replay(hub, "--token-file", token).returncode, 0)

    def test_whoever_kills_it_leaves_a_file_that_can_be_read(self):
        address = self.serve()
        recorder = self.record("--to", address)
        self.use()
        recorder.send_signal(signal.SIGKILL)
        recorder.wait()
        self.assertEqual(stat.S_IMODE(os.stat(self.file).st_mode), 0o600)
        whole = self.shown()
        self.assertIn("Calculator.sum = 6", whole)
        os.truncate(self.file, os.path.getsize(self.file) - 3)
        ran = self.run_parley("show", self.file)
        self.assertEqual(ran.returncode, 0)
        self.assertIn("the last record was not written to its end", ran.stderr)
        self.assertTrue(whole.startswith(ran.stdout) and ran.stdout != whole)

    def test_at_its_bound_the_recording_ends_and_nothing_else(self):
        address = self.serve()
        recorder = self.record("--to", address, "--max", "1")
        client = socket.socket(socket.AF_UNIX)
        self.addCleanup(client.close)
        client.connect(f"{self.place}/entrance.sock")
        client.sendall(bytes.fromhex("06000000" "000007004000"))
        # Pings, until the recording is full; each is answered, also behind its end.
        ping = bytes.fromhex("03000000" "000905")
        client.settimeout(60)
        answers = 0
        received = b""
        sent = 0
        while recorder.poll() is None and sent < 60000:
            client.sendall(ping * 1000)
            sent += 1000
            while answers < sent:
                received += client.recv(1 << 16)
                while len(received) >= 4:
                    size = int.from_bytes(received[:4], "little")
                    if len(received) < 4 + size:
                        break
                    answers += received[4:6] == b"\x00\x0a"
                    received = received[4 + size:]
        self.assertEqual(answers, 60000)
        recorder.send_signal(signal.SIGINT)
        _, complained = recorder.communicate(timeout=60)
        self.assertIn("the recording has reached its bound of 1048576 bytes", complained)
        self.assertLess(os.path.getsize(self.file), (1 << 20) + 1000)
        self.assertIn(" stopped ", self.shown().splitlines()[-1])

    def test_what_is_not_roam_passes_and_is_counted(self):
        path = f"{self.place}/other.sock"
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(path)
            listening.listen()
            recorder = self.record("--to", f"unix:{path}")
            first, _ = listening.accept()  # who asks for descriptions, and gives up
            first.close()
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(f"{self.place}/entrance.sock")
                client.sendall(b"GET / HTTP/1.1\r\nAuthorization: Bearer hunter2\r\n\r\n")
                client.shutdown(socket.SHUT_WR)
                server, _ = listening.accept()
                with server:
                    heard = b""
                    while piece := server.recv(1000):
                        heard += piece
                    self.assertEqual(heard[-4:], b"\r\n\r\n")
                    server.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
                self.assertEqual(client.recv(1000), b"HTTP/1.1 204 No Content\r\n\r\n")
                self.assertEqual(client.recv(1000), b"")
            recorder.send_signal(signal.SIGINT)
            recorder.communicate(timeout=60)
        with open(self.file, "rb") as file:
            self.assertNotIn(b"hunter2", file.read())
        self.assertIn("left-out           bytes 49 (the opening is http)", self.shown())

    def test_streams_that_are_too_many_are_closed_and_counted(self):
        path = f"{self.place}/other.sock"
        streams_max = 256
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(path)
            listening.listen(2 * streams_max)
            listening.settimeout(60)
            recorder = self.record("--to", f"unix:{path}")
            listening.accept()[0].close()  # who asks for descriptions, and gives up

            def come():
                client = socket.socket(socket.AF_UNIX)
                self.addCleanup(client.close)
                client.settimeout(60)
                client.connect(f"{self.place}/entrance.sock")
                return client

            clients = [come() for _ in range(streams_max)]
            for _ in range(2):
                self.assertEqual(come().recv(1), b"")
            for client in clients:
                client.shutdown(socket.SHUT_WR)
            for _ in clients:
                listening.accept()[0].close()
            for client in clients:
                self.assertEqual(client.recv(1), b"")
            # Those are over, so there is room again.
            last = come()
            last.sendall(b"GET / HTTP/1.1\r\n\r\n")
            with listening.accept()[0] as server:
                self.assertEqual(server.recv(3), b"GET")
            recorder.send_signal(signal.SIGINT)
            said, complained = recorder.communicate(timeout=60)
        self.assertIn("257 streams (2 more were too many), ", said)
        self.assertEqual(complained.count("256 streams are open"), 1)

    def test_mistakes(self):
        def told(exit_code, *arguments, **environment):
            ran = self.run_parley(*arguments, **environment)
            self.assertEqual(ran.returncode, exit_code, ran.stderr)
            return ran.stderr

        self.assertIn("no hub at unix:", told(3, "record", self.file, "--listen", self.entrance))
        self.assertFalse(os.path.exists(self.file))
        address = self.serve()
        with open(self.file, "w", encoding="utf-8") as file:
            file.write("precious")
        self.assertIn("recordings are not overwritten",
                      told(14, "record", self.file, "--listen", self.entrance, "--to", address))
        self.assertIn("as you", told(2, "record", self.file, "--listen", "tcp:127.0.0.1:0", "--to", address))
        os.remove(self.file)
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            for scheme in ("tls", "wss"):
                leading = ("record", self.file, "--listen", "tcp:127.0.0.1:0", "--to",
                           f"{scheme}:127.0.0.1:{nobody.getsockname()[1]}")
                said = told(2, *leading, PARLEY_TLS_CERTIFICATE=f"{self.place}/ours.pem")
                self.assertIn("as you", said)
                self.assertIn("without PARLEY_TLS_CERTIFICATE", said)
                self.assertIn("nobody at", told(3, *leading))
        with open(self.file, "w", encoding="utf-8") as file:
            file.write("precious")
        self.assertIn("is no recording", told(12, "show", self.file))
        self.assertIn("none cannot be read: No such file or directory", told(13, "show", f"{self.place}/none"))
        for command in (("show", self.place), ("replay", self.place, address)):
            self.assertIn(f"{self.place} cannot be read: Is a directory", told(13, *command))
        entering = ("--listen", self.entrance)
        self.assertIn("did you mean --to?", told(2, "record", f"{self.place}/new", *entering, "--hub", address))
        self.assertIn("goes to a file", told(2, "record", "-", *entering, "--to", address))
        said = told(2, "list", "--token-file", f"{self.place}/none")
        self.assertIn("none: No such file or directory", said)
        self.assertNotIn("address", said)
        with open(self.file, "wb") as file:
            file.write(b"PARLEYRC\2\0\0\0")
        self.assertIn("its format is 2", told(20, "show", self.file))
        with open(self.file, "wb") as file:
            file.write(b"PARLEYRC\1\0\0\0")
        self.assertIn("no session that could be said again", told(2, "replay", self.file, address))
        self.assertIn("address is required", told(2, "replay", self.file))


if __name__ == "__main__":
    unittest.main(module="__main__", argv=sys.argv[:1], verbosity=2)
