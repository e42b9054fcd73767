#!/usr/bin/env python3
"""Commands and events as people and programs use them: from a shell, over HTTP, in lines of JSON, from C++; and what is
said when something is wrong, or somebody dies.

Usage: commands_test.py PARLEY WORKER CLIENT TEST_WORKER
"""

import base64
import contextlib
import http.client
import json
import os
import pty
import signal
import socket
import subprocess
import sys
import unittest

from command_suite import PARLEY, SECRET, WORKER, CommandTest, UnixConnection

CLIENT, TEST_WORKER = (os.path.abspath(path) for path in sys.argv[3:5])


class Lines:
    """Messages over a Unix socket, one a line, as registries of cmd-ipc speak there."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(100)
        self.socket.connect(path)
        self.reader = self.socket.makefile("rb")

    def send(self, **message):
        self.socket.sendall(json.dumps(message).encode() + b"\n")

    def receive(self, *types):
        """The next message of one of these types."""
        while True:
            message = json.loads(self.read())
            if message["type"] in types:
                return message

    def read(self):
        return self.reader.readline()

    def close(self):
        self.reader.close()
        self.socket.close()


class WebSocket(Lines):
    """The same over a WebSocket at /cmd: a text frame each."""

    def __init__(self, path):
        super().__init__(path)
        key = base64.b64encode(bytes(16)).decode()
        self.socket.sendall(("GET /cmd HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                             f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n").encode())
        assert b" 101 " in self.reader.readline()
        while self.reader.readline() != b"\r\n":
            pass

    def send(self, **message):
        body = json.dumps(message).encode()
        length = bytes([0x80 | len(body)]) if len(body) < 126 else b"\xfe" + len(body).to_bytes(2, "big")
        self.socket.sendall(b"\x81" + length + bytes(4) + body)  # the mask is zero

    def read(self):
        while True:
            kind, length = self.reader.read(2)
            if length == 126:
                length = int.from_bytes(self.reader.read(2), "big")
            body = self.reader.read(length)
            if kind == 0x81:
                return body


class Calls(CommandTest):
    """The worker of examples/commands, called in each way that there is."""

    def test_from_a_shell(self):
        # rule: commands/REG-24
        self.hub()
        self.worker()
        for arguments in (['{"a":2,"b":3}'], ["--a", "2", "--b", "3"], ["--b=3", "--a=2"], ['{"a":2}', "--b", "3"]):
            ran = self.parley("call", "math.add", *arguments)
            self.assertEqual((ran.returncode, ran.stdout), (0, '{"sum":5}\n'), ran.stderr)

    def test_from_another_process(self):
        self.hub()
        self.worker()
        ran = subprocess.run([CLIENT, self.address], capture_output=True, text=True, check=False, timeout=100)
        self.assertEqual((ran.returncode, ran.stdout), (0, "2 + 3 = 5\n"), ran.stderr)

    def test_over_http_on_the_unix_socket(self):
        self.hub()
        self.worker()
        status, answer = self.request(UnixConnection(self.socket_path), "POST", "/cmd",
                                      self.execution("math.add", {"a": 2, "b": 3}))
        self.assertEqual((status, answer["response"]), (200, {"ok": True, "result": {"sum": 5}}))
        status, listed = self.request(UnixConnection(self.socket_path), "GET", "/cmds.json")
        self.assertEqual((status, [each["id"] for each in listed["commands"]]), (200, ["math.add"]))

    def test_over_http_on_a_port_with_a_token(self):
        port = self.tokens("see,call math.**")
        self.worker()
        status, answer = self.request(http.client.HTTPConnection("127.0.0.1", port, timeout=100), "POST", "/cmd",
                                      self.execution("math.add", {"a": 2, "b": 3}), Authorization=f"Bearer {SECRET}")
        self.assertEqual((status, answer["response"]["result"]), (200, {"sum": 5}))

    def test_in_lines_of_json_on_the_unix_socket(self):
        self.hub()
        self.worker()
        with socket.socket(socket.AF_UNIX) as stream:
            stream.settimeout(100)
            stream.connect(self.socket_path)
            lines = stream.makefile("rw", encoding="utf-8")
            for a in (2, 3):
                lines.write(json.dumps(self.execution("math.add", {"a": a, "b": 3})) + "\n")
                lines.flush()
                answer = json.loads(lines.readline())
                while answer["type"] != "execute.command.response":
                    answer = json.loads(lines.readline())
                self.assertEqual(answer["response"]["result"], {"sum": a + 3})

    def test_whoever_is_killed_in_the_middle_of_a_call_is_told_of_at_once(self):
        self.hub()
        worker = self.worker(TEST_WORKER)
        mark = f"{self.place}/runs"
        calls = [self.begin(PARLEY, "call", "wait", "--file", f"{mark}{n}", *options)
                 for n, options in enumerate(([], ["--json"]))]
        while not all(os.path.exists(f"{mark}{n}") for n in range(2)):
            self.assertIsNone(calls[0].poll())
        worker.kill()
        for call in calls:
            self.assertEqual(call.wait(), 19, "unknown: it may have been done")
        error = json.loads(calls[1].stdout.read())["error"]
        self.assertEqual((error["kind"], error["code"]), ("unknown", 9001))
        self.assertIn("it may have been done", calls[0].stderr.read())
        self.expect(self.parley("list", "--commands"), 0, "there are no commands yet")

    def test_being_interrupted_cancels_the_command(self):
        self.hub()
        self.worker(TEST_WORKER)
        mark = f"{self.place}/runs"
        call = self.begin(PARLEY, "call", "wait", "--file", mark)
        while not os.path.exists(mark):
            self.assertIsNone(call.poll())
        call.send_signal(signal.SIGINT)
        self.assertEqual(call.wait(), 17)
        self.assertIn("cancelled", call.stderr.read())
        while os.path.exists(mark):
            pass

    def test_a_deadline_ends_it_at_both_ends(self):
        self.hub()
        self.worker(TEST_WORKER)
        mark = f"{self.place}/runs"
        ran = self.parley("call", "wait", "--file", mark, "--deadline", "0.2")
        self.assertEqual(ran.returncode, 16, ran.stderr)
        while os.path.exists(mark):
            pass

    def test_parts_of_a_result_come_a_line_each_and_progress_goes_to_a_terminal(self):
        self.hub()
        self.worker(TEST_WORKER)
        ran = self.parley("call", "step.up", "--steps", "2")
        self.assertEqual((ran.stdout, ran.stderr), ('{"steps":1}\n{"steps":2}\n{"steps":2}\n', ""))
        ran = self.parley("call", "step.up", "--steps", "1", "--json")
        self.assertEqual(ran.stdout, '{"partial":{"steps":1}}\n{"steps":1}\n')
        controller, terminal = pty.openpty()
        process = subprocess.Popen([PARLEY, "call", "step.up", "--steps", "2"], stdout=subprocess.DEVNULL,
                                   stderr=terminal, env=self.environment)
        process.wait()
        os.close(terminal)
        shown = os.read(controller, 65536).decode()
        os.close(controller)
        self.assertIn("1 of 2  stepping", shown)

    def test_help_is_made_from_what_the_command_says_of_itself(self):
        self.hub()
        self.worker(TEST_WORKER)
        ran = self.parley("call", "greet", "--help")
        self.expect(ran, 0, "greet: Says hello", "--name TEXT", "Whom to greet.", "(required)", "--loud",
                    "--titles JSON", "It is read-only.", "For example: parley call greet --name text")
        self.expect(self.parley("call", "disk.wipe", "--help"), 0, "It is destructive.")
        [definition] = json.loads(self.parley("call", "greet", "--help", "--json").stdout)
        self.assertEqual((definition["id"], definition["annotations"]["readOnly"]), ("greet", True))

    def test_flags_of_all_kinds(self):
        self.hub()
        self.worker(TEST_WORKER)
        ran = self.parley("call", "greet", "--name", "Ada", "--loud", "--titles", '["Lady"]')
        self.assertEqual(ran.stdout, '{"text":"hello Lady Ada!"}\n', ran.stderr)
        ran = self.parley("call", "greet", "--name=Ada", "--no-loud", '--titles=[]')
        self.assertEqual(ran.stdout, '{"text":"hello Ada"}\n', ran.stderr)

    def test_shells_complete_commands_and_their_flags(self):
        self.hub()
        self.worker(TEST_WORKER)
        self.assertEqual(self.parley("complete", "--", "call", "gr").stdout, "greet\n")
        self.assertEqual(self.parley("complete", "--", "call", "greet", "--t").stdout.splitlines(),
                         ["--trace", "--token-file", "--titles"])

    def test_commands_are_listed(self):
        self.hub()
        worker = self.worker(TEST_WORKER)
        self.expect(self.parley("list"), 0, "and 4 commands: parley list --commands")
        lines = [line.split() for line in self.parley("list", "--commands").stdout.splitlines()]
        self.assertEqual(lines[0], ["COMMAND", "DOES", "PROVIDER"])
        self.assertEqual([line[:2] for line in lines[1:]], [["disk.wipe", "destructive"], ["greet", "read-only"],
                                                            ["step.up", "Steps,"], ["wait", "Waits"]])
        full = {each["id"]: each for each in json.loads(self.parley("list", "--commands", "--json").stdout)}
        self.assertEqual(full["greet"]["schema"]["request"]["required"], ["name", "titles"])
        self.assertTrue(full["disk.wipe"]["annotations"]["destructive"])
        self.assertIn(f"process {worker.pid}#", full["greet"]["parley-provider"])
        second = subprocess.run([TEST_WORKER, self.address], capture_output=True, text=True, check=False,
                                timeout=100, env=self.environment)
        self.assertIn(f'is provided by "process {worker.pid}#', second.stderr)


class Foreign(CommandTest):
    """Registries that are not Parley, in lines and over a WebSocket: what reaches them, and what does not."""

    def peers(self):
        self.hub()
        for kind in (Lines, WebSocket):
            with contextlib.closing(kind(self.socket_path)) as peer:
                yield peer, f"{kind.__name__.lower()}.run"

    def register(self, peer, name):
        peer.send(id="1", type="register.command.request", command={"id": name, "description": "Runs"})
        self.assertEqual(peer.receive("register.command.response")["response"], {"ok": True})

    def test_their_commands_are_found_and_called(self):
        for peer, name in self.peers():
            self.register(peer, name)
            self.expect(self.parley("list", "--commands"), 0, name)
            call = self.begin(PARLEY, "call", name, "--n", "2")
            request = peer.receive("execute.command.request")
            self.assertEqual((request["commandId"], request["request"]), (name, {"n": 2}))
            peer.send(id="2", type="execute.command.response", thid=request["id"],
                      response={"ok": True, "result": {"n": 3}})
            self.assertEqual((call.wait(), call.stdout.read()), (0, '{"n":3}\n'))

    def test_they_call_ours_and_wait_no_longer_than_they_say(self):
        for peer, _ in self.peers():
            worker = self.worker(TEST_WORKER)
            peer.send(**self.execution("step.up", {"steps": 1}))
            answer = peer.receive("execute.command.response", "parley.progress")
            self.assertEqual(answer["response"], {"ok": True, "result": {"steps": 1}})
            late = {**self.execution("wait", {"file": f"{self.place}/late"}), "_meta": {"parley-remaining-us": 100000}}
            peer.send(**{**late, "id": "b6a7d3e2-0000-4000-8000-000000000002"})
            self.assertEqual(peer.receive("execute.command.response")["response"]["error"]["code"], "timeout")
            self.end(worker)
            while "step.up" in self.parley("list", "--commands").stdout:
                pass

    def test_a_call_of_theirs_ends_with_its_deadline_here_and_they_are_not_told_to_stop(self):
        for peer, name in self.peers():
            self.register(peer, name)
            self.assertEqual(self.parley("call", name, "--deadline", "0.2").returncode, 16)
            peer.receive("execute.command.request")
            self.assertEqual(self.parley("emit", "after.that").returncode, 0)
            self.assertEqual(peer.receive("event", "parley.cancel")["type"], "event")

    def test_events_go_both_ways(self):
        for peer, name in self.peers():
            listening = self.begin(PARLEY, "listen", "**", "--count", "1")
            self.assertIn("listens for", listening.stderr.readline())
            self.register(peer, name)
            peer.send(id=f"of {name}", type="event", eventId="build.done", payload={"ok": True})
            self.assertEqual(listening.stdout.read(), 'build.done {"ok":true}\n')
            self.assertEqual(self.parley("emit", "test.done", "7").returncode, 0)
            event = peer.receive("event")
            self.assertEqual((event["eventId"], event["payload"]), ("test.done", 7))

    def test_one_that_dies_takes_its_commands_along_and_its_caller_is_told(self):
        for peer, name in self.peers():
            self.register(peer, name)
            call = self.begin(PARLEY, "call", name)
            peer.receive("execute.command.request")
            peer.close()
            self.assertEqual(call.wait(), 19)
            self.assertNotIn(name, self.parley("list", "--commands").stdout)

    def test_http_asks_within_its_time_and_offers_nothing(self):
        self.hub()
        self.worker(TEST_WORKER)
        message = {**self.execution("wait", {"file": f"{self.place}/late"}), "_meta": {"parley-remaining-us": 100000}}
        status, answer = self.request(UnixConnection(self.socket_path), "POST", "/cmd", message)
        self.assertEqual((status, answer["response"]["error"]["code"]), (200, "timeout"))
        registration = {"id": "1", "type": "register.command.request", "command": {"id": "a.b"}}
        self.assertEqual(self.request(UnixConnection(self.socket_path), "POST", "/cmd", registration)[0], 403)

    def test_http_that_is_closed_cancels(self):
        self.hub()
        self.worker(TEST_WORKER)
        mark = f"{self.place}/runs"
        with contextlib.closing(UnixConnection(self.socket_path)) as connection:
            connection.request("POST", "/cmd", json.dumps(self.execution("wait", {"file": mark})),
                               {"Content-Type": "application/json"})
            while not os.path.exists(mark):
                pass
        while os.path.exists(mark):
            pass


class Mistakes(CommandTest):
    """What people do first, and what they are told."""

    def setUp(self):
        super().setUp()
        self.hub()
        self.worker(TEST_WORKER)

    def test_of_arguments(self):
        self.expect(self.parley("call", "step.up", "--steps", "two"), 2, '--steps takes an integer, not "two"')
        self.expect(self.parley("call", "step.up", '{"steps": "two"}'), 12, "steps", "--help` shows what it takes")
        self.expect(self.parley("call", "step.up", "--step", "2"), 2, "did you mean --steps?")
        self.expect(self.parley("call", "step.up", "--setps", "2"), 2, "did you mean --steps?")
        too_large = self.parley("call", "step.up", "--steps", "99999999999")
        self.expect(too_large, 12, "(--steps: ", "--help` shows what it takes")
        self.assertNotIn("line 1", too_large.stderr)
        self.expect(self.parley("call", "wait", "--file", f"{self.place}/runs", "--deadline", "0.01"), 16,
                    "it had 0.01 s; --deadline SECONDS gives it longer")
        self.expect(self.parley("call", "step.up"), 2, "--steps (integer) is missing", "parley call step.up --steps")
        self.expect(self.parley("call", "step.up", "[2]"), 2, "are an object, each by its name")
        self.expect(self.parley("call", "step.up", '{"steps": 2'), 2, "the arguments: ")

    def test_of_names(self):
        self.expect(self.parley("call", "step.upp", "--steps", "2"), 13, "did you mean the command step.up?")
        self.expect(self.parley("call", "gret"), 13, 'there is no command "gret"', "did you mean the command greet?")
        self.expect(self.parley("call", "zzzzzzzz"), 2, "names no command and no method")
        _, answer = self.request(UnixConnection(self.socket_path), "POST", "/cmd", self.execution("gret"))
        self.assertEqual(answer["response"]["error"]["message"],
                         'there is no command "gret"; did you mean "greet"?')

    def test_a_private_command_is_called_by_nobody_else(self):
        # rule: commands/REG-02
        self.expect(self.parley("call", "_hidden"), 13, "called in its own process alone")
        self.assertNotIn("_hidden", self.parley("list", "--commands").stdout)
        status, answer = self.request(UnixConnection(self.socket_path), "POST", "/cmd", self.execution("_hidden"))
        self.assertEqual((status, answer["response"]["error"]["code"]), (200, "not_found"))

    def test_what_a_command_says_of_its_failure_is_its_own_error(self):
        ran = self.parley("call", "disk.wipe")
        self.assertEqual((ran.returncode, ran.stdout), (1, ""))
        self.assertEqual(ran.stderr, "parley: disk.wipe fails: the disk is write-protected\n")
        self.assertEqual(json.loads(self.parley("call", "disk.wipe", "--json").stdout)["error"]["code"], 4005)

    def test_over_http(self):
        message = self.execution("greet", {"name": "Ada", "titles": []})
        for headers, status in (({"Content-Type": "text/plain"}, 415), ({"Origin": "https://evil.example.org"}, 403),
                                ({"Host": "evil.example.org"}, 421)):
            connection = UnixConnection(self.socket_path)
            self.assertEqual(self.request(connection, "POST", "/cmd", message, **headers)[0], status, headers)
        self.assertEqual(self.request(UnixConnection(self.socket_path), "POST", "/cmd", "{")[0], 400)
        self.assertEqual(self.request(UnixConnection(self.socket_path), "GET", "/cmd")[0], 405)
        event = {"id": "1", "type": "event", "eventId": "a.b"}
        self.assertEqual(self.request(UnixConnection(self.socket_path), "POST", "/cmd", event)[0], 403)

    def test_without_a_hub(self):
        for arguments in (["call", "greet"], ["emit", "a.b"], ["listen", "a.b"], ["list", "--commands"]):
            self.expect(self.parley(*arguments, "--hub", f"unix:{self.place}/none"), 3, "start one with `parley hub`")

    def test_of_events(self):
        self.expect(self.parley("emit", "build.done", "{done}"), 2, "the payload: ", "it is one text of JSON")
        self.expect(self.parley("emit", "not a name"), 12)
        self.expect(self.parley("listen", "a*b"), 2, "build.**")
        listening = self.begin(PARLEY, "listen", "build.")
        self.assertIn("fits that one name alone", listening.stderr.readline())
        self.assertIn("build.* is all", listening.stderr.readline())
        self.expect(self.parley("emit", "_mine"), 2, '"_mine" is private', "begin with _")


class Events(CommandTest):
    def test_whoever_listens_hears_what_is_emitted(self):
        self.hub()
        listening = self.begin(PARLEY, "listen", "build.**", "--count", "2")
        self.assertEqual(listening.stderr.readline(), "parley: listens for build.**\n")
        other = self.begin(PARLEY, "listen", "test.*", "--json")
        self.assertIn("listens for", other.stderr.readline())
        for event in (["build.began"], ["test.began", "[1, 2]"], ["build.done", '{ "ok": true }'], ["build.late"]):
            ran = self.parley("emit", *event)
            self.assertEqual((ran.returncode, ran.stdout, ran.stderr), (0, "", ""))
        self.assertEqual(listening.stdout.read(), 'build.began\nbuild.done {"ok":true}\n')
        self.assertEqual(listening.wait(), 0)
        self.assertEqual(json.loads(other.stdout.readline()), {"event": "test.began", "payload": [1, 2]})
        other.send_signal(signal.SIGINT)
        self.assertEqual((other.wait(), other.stdout.read()), (0, ""))

    def test_the_end_of_the_hub_is_told(self):
        hub = self.hub()
        listening = self.begin(PARLEY, "listen", "**")
        self.assertIn("listens for", listening.stderr.readline())
        hub.kill()
        self.assertEqual(listening.wait(), 18)


class Policy(CommandTest):
    def parley_at(self, port, *arguments):
        return self.parley(*arguments, "--hub", f"tcp:127.0.0.1:{port}", PARLEY_TOKEN=SECRET)

    def test_each_verb_lets_what_it_says_and_the_audit_shows_the_rest(self):
        port = self.tokens("see,call step.**", "see greet", "publish build.*", "subscribe build.*")
        self.worker(TEST_WORKER)
        self.assertEqual(self.parley_at(port, "call", "step.up", "--steps", "0").returncode, 0)
        self.assertEqual(self.parley_at(port, "emit", "build.done").returncode, 0)
        self.expect(self.parley_at(port, "emit", "test.done"), 14, "permission", "publish")
        self.expect(self.parley_at(port, "call", "greet", '{"name":"Ada","titles":[]}'), 14, "call greet")
        self.expect(self.parley_at(port, "call", "wait", "--file", "/nowhere"), 2, "names no command")
        listed = json.loads(self.parley_at(port, "list", "--commands", "--json").stdout)
        self.assertEqual([each["id"] for each in listed], ["greet", "step.up"])
        refused = json.loads(self.parley("audit", "--json").stdout)["refusals"]
        self.assertEqual({(each["principal"], each["verb"], each["name"]) for each in refused},
                         {("token:ci", "publish", "test.done"), ("token:ci", "call", "greet")})

    def test_a_name_that_may_not_be_seen_is_not_there(self):
        port = self.tokens("see,call step.**")
        self.worker(TEST_WORKER)
        for command in ("greet", "no.such"):
            status, answer = self.request(http.client.HTTPConnection("127.0.0.1", port, timeout=100), "POST", "/cmd",
                                          self.execution(command), Authorization=f"Bearer {SECRET}")
            self.assertEqual((status, answer["response"]["error"]),
                             (200, {"code": "not_found", "message": f'there is no command "{command}"'}))
        self.assertIn("greet", self.parley("audit").stdout)

    def test_a_worker_offers_only_what_it_may(self):
        port = self.tokens("offer step.*")
        refused = subprocess.run([WORKER, f"tcp:127.0.0.1:{port}"], capture_output=True, text=True, check=False,
                                 timeout=100, env={**self.environment, "PARLEY_TOKEN": SECRET})
        self.assertEqual(refused.returncode, 1)

    def test_whoever_may_not_subscribe_is_told_and_written_down(self):
        port = self.tokens("subscribe build.*")
        told = ('token:ci may not subscribe "test.**"', "a rule that allows it")
        self.expect(self.parley_at(port, "listen", "test.**"), 14, *told)
        self.assertIn("test.**", self.parley("audit").stdout)

    def test_without_a_token_a_port_takes_nobody(self):
        port = self.tokens("see,call **")
        for headers in ({}, {"Authorization": "Bearer another secret of many bytes"}):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=100)
            self.assertEqual(self.request(connection, "GET", "/cmds.json", **headers)[0], 401)

    def test_events_reach_only_those_who_may_subscribe(self):
        port = self.tokens("subscribe build.*")
        listening = subprocess.Popen([PARLEY, "listen", "**", "--count", "1", "--hub", f"tcp:127.0.0.1:{port}"],
                                     stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                     env={**self.environment, "PARLEY_TOKEN": SECRET})
        self.addCleanup(self.end, listening)
        self.assertIn("listens for", listening.stderr.readline())
        for event in ("test.done", "build.done"):
            self.assertEqual(self.parley("emit", event).returncode, 0)
        self.assertEqual(listening.stdout.read(), "build.done\n")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
