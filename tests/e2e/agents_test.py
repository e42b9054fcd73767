#!/usr/bin/env python3
"""Agents and servers of tools as people set them up: `parley mcp`, `/mcp` of a hub, `parley attach`; what is said when
somebody comes, goes, dies or is not there.

Usage: agents_test.py PARLEY WORKER TEST_WORKER PEER
"""

import contextlib
import json
import os
import select
import shlex
import signal
import socket
import subprocess
import sys
import threading
import unittest

from command_suite import PARLEY, SECRET, WORKER, CommandTest, UnixConnection
from mcp_agent import FIRST, LATEST, HttpAgent, StreamAgent, introduction

TEST_WORKER, PEER = (os.path.abspath(path) for path in sys.argv[3:5])

# A server of MCP that is not Parley, on its standard streams, without the protocol's finer points. `pid` tells which
# process it is, `wait` makes a file and never answers, `grow` adds the tool `grown`.
SERVER = """
import json, os, sys
tools = {"pid": [], "wait": ["file"], "grow": []}
def say(**message):
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    if asked["method"] == "initialize":
        say(id=asked["id"], result={"protocolVersion": asked["params"]["protocolVersion"],
            "capabilities": {"tools": {"listChanged": True}}, "serverInfo": {"name": "foreign", "version": "1"}})
    elif asked["method"] == "tools/list":
        say(id=asked["id"], result={"tools": [{"name": name, "description": "Is " + name, "inputSchema": {
            "type": "object", "properties": {each: {"type": "string"} for each in needs}, "required": needs}}
            for name, needs in tools.items()]})
    elif asked["method"] == "tools/call" and asked["params"]["name"] == "wait":
        open(asked["params"]["arguments"]["file"], "w").close()
    elif asked["method"] == "tools/call":
        if asked["params"]["name"] == "grow":
            tools["grown"] = []
            say(method="notifications/tools/list_changed")
        say(id=asked["id"], result={"content": [{"type": "text", "text": "it is %d" % os.getpid()}],
            "structuredContent": {"pid": os.getpid()}})
"""
SERVER_LINE = f"exec {shlex.quote(sys.executable)} -c {shlex.quote(SERVER)}"


class AgentTest(CommandTest):
    def agent(self, *options):
        return StreamAgent(self.begin(PARLEY, "mcp", *options, stdin=subprocess.PIPE))

    def initialized(self, *options):
        agent = self.agent(*options)
        agent.initialize()
        return agent

    def ends(self, process, exit_code, *said):
        """It does by itself, and says so on standard error."""
        self.assertEqual(process.wait(), exit_code)
        error = process.stderr.read()
        for text in said:
            self.assertIn(text, error)

    def is_failure(self, result, *said):
        self.assertTrue(result["isError"], result)
        for text in said:
            self.assertIn(text, result["content"][0]["text"])

    def wait_for(self, mark, *processes):
        while not os.path.exists(mark):
            for process in processes:
                self.assertIsNone(process.poll())


class StandardStreams(AgentTest):
    """`parley mcp`, as the settings of an agent start it."""

    def test_a_session_in_the_latest_version_and_in_the_first(self):
        self.hub()
        self.worker()
        for version in (LATEST, FIRST):
            agent = self.agent()
            introduced = agent.initialize(version)
            self.assertEqual((introduced["protocolVersion"], introduced["serverInfo"]["name"]), (version, "parley"))
            self.assertTrue(introduced["capabilities"]["tools"]["listChanged"])
            [tool] = agent.tools().values()
            self.assertEqual((tool["name"], tool["description"]), ("math.add", "Adds two integers"))
            self.assertEqual((tool["inputSchema"]["type"], tool["inputSchema"]["required"]), ("object", ["a", "b"]))
            self.assertEqual(list(tool["inputSchema"]["properties"]), ["a", "b"])
            self.assertEqual("outputSchema" in tool, version == LATEST)
            result = agent.call("math.add", a=2, b=3)
            self.assertEqual(json.loads(result["content"][0]["text"]), {"sum": 5})
            self.assertEqual(result.get("structuredContent"), {"sum": 5} if version == LATEST else None)
            self.assertNotIn("isError", result)

    def test_wrong_arguments_are_told_with_the_place_as_the_version_has_it(self):
        self.hub()
        self.worker()
        agent = self.initialized()
        self.is_failure(agent.call("math.add", a=2, b="three"), "invalid", "$.b", "three")
        self.is_failure(agent.call("math.add", a=2), "b")
        self.assertEqual(agent.call("math.add", a=2, b=3)["structuredContent"], {"sum": 5})
        agent = self.agent()
        agent.initialize(FIRST)
        code, message = agent.error("tools/call", name="math.add", arguments={"a": 2, "b": "three"})
        self.assertEqual(code, -32602)
        self.assertIn("$.b", message)

    def test_what_is_no_request_of_the_protocol_is_refused_and_ends_nothing(self):
        self.hub()
        self.worker()
        agent = self.agent()
        code, message = agent.error("tools/list")
        self.assertEqual(code, -32600)
        self.assertIn("initialize", message)
        agent.initialize()
        code, message = agent.error("resources/list")
        self.assertEqual(code, -32601)
        self.assertIn("resources/list", message)
        code, message = agent.error("tools/call", name="math.ad", arguments={})
        self.assertEqual(code, -32602)
        self.assertIn('"math.ad"; did you mean "math.add"?', message)
        for line, code in (("this is no JSON", -32700), ('{"jsonrpc":"2.0","id"', -32700), ('{"id":{}}', -32600)):
            agent.write(line)
            self.assertEqual(agent.answer(None)["error"]["code"], code, line)
        self.assertEqual(agent.result("ping"), {})
        self.assertEqual(agent.call("math.add", a=2, b=3)["structuredContent"], {"sum": 5})

    def begin_to_wait(self, agent):
        """A call that runs until it is told to end; the file that is there while it does."""
        mark = f"{self.place}/runs"
        agent.begin("tools/call", name="wait", arguments={"file": mark})
        self.wait_for(mark, agent.process)
        return mark

    def test_the_end_of_its_input_ends_it_when_it_has_answered(self):
        self.hub()
        self.worker()
        agent = self.initialized()
        agent.begin("tools/call", name="math.add", arguments={"a": 2, "b": 3})
        agent.process.stdin.close()
        self.assertEqual(agent.answer(agent.last)["result"]["structuredContent"], {"sum": 5})
        self.assertEqual((agent.process.wait(), agent.process.stdout.read(), agent.process.stderr.read()), (0, "", ""))

    def test_it_ends_when_it_is_asked_to(self):
        self.hub()
        for asked in (signal.SIGTERM, signal.SIGINT):
            agent = self.initialized()
            agent.process.send_signal(asked)
            self.ends(agent.process, 0)

    def test_without_a_hub_it_says_how_to_start_one(self):
        agent = self.agent()
        self.ends(agent.process, 3, f"no hub at {self.address}", "start one with `parley hub`")
        self.assertEqual(agent.process.stdout.read(), "", "standard output is the agent's alone")

    def test_it_outlives_the_hub_and_is_there_again_with_it(self):
        hub = self.hub()
        self.worker()
        agent = self.initialized()
        self.assertEqual(list(agent.tools()), ["math.add"])
        hub.kill()
        agent.notified("notifications/tools/list_changed")
        self.assertEqual(agent.tools(), {})
        self.is_failure(agent.call("math.add", a=2, b=3), "lost", "the hub is not there")
        self.assertIn("the hub has ended the session", agent.process.stderr.readline())
        self.hub()
        while "math.add" not in agent.tools():
            agent.notified("notifications/tools/list_changed")
        self.assertEqual(agent.call("math.add", a=2, b=3)["structuredContent"], {"sum": 5})

    def test_what_runs_when_the_hub_dies_is_answered(self):
        hub = self.hub()
        self.worker(TEST_WORKER)
        agent = self.initialized()
        self.begin_to_wait(agent)
        hub.kill()
        self.is_failure(agent.answer(agent.last)["result"], "unknown", "it may have been done")

    def test_the_agent_is_told_of_workers_that_come_and_are_killed(self):
        self.hub()
        agent = self.initialized()
        self.assertEqual(agent.tools(), {})
        worker = self.worker()
        agent.notified("notifications/tools/list_changed")
        self.assertEqual(list(agent.tools()), ["math.add"])
        worker.kill()
        agent.notified("notifications/tools/list_changed")
        self.assertEqual(agent.tools(), {})
        self.assertEqual(agent.error("tools/call", name="math.add", arguments={"a": 2, "b": 3})[0], -32602)

    def test_a_call_ends_at_once_when_its_worker_is_killed(self):
        self.hub()
        worker = self.worker(TEST_WORKER)
        agent = self.initialized()
        self.begin_to_wait(agent)
        worker.kill()
        self.is_failure(agent.answer(agent.last)["result"], "unknown", "it may have been done")

    def test_a_command_that_could_not_is_a_failure_of_the_tool(self):
        self.hub()
        self.worker(TEST_WORKER)
        agent = self.initialized()
        tools = agent.tools()
        self.assertEqual(sorted(tools), ["disk.wipe", "greet", "step.up", "wait"], "and what is private is no tool")
        self.assertTrue(tools["greet"]["annotations"]["readOnlyHint"])
        self.assertTrue(tools["disk.wipe"]["annotations"]["destructiveHint"])
        self.is_failure(agent.call("disk.wipe"), "the disk is write-protected")

    def test_progress_comes_before_the_result_and_cancelling_ends_the_command(self):
        self.hub()
        self.worker(TEST_WORKER)
        agent = self.initialized()
        agent.result("tools/call", name="step.up", arguments={"steps": 2}, _meta={"progressToken": "p"})
        for at in (1, 2):
            self.assertEqual(agent.notified("notifications/progress"),
                             {"progressToken": "p", "progress": at, "total": 2, "message": "stepping"})
        mark = self.begin_to_wait(agent)
        agent.notify("notifications/cancelled", requestId=agent.last)
        while os.path.exists(mark):
            pass
        self.assertEqual(agent.result("ping"), {}, "and no answer to what was cancelled")

    def test_only_some_commands_can_be_offered(self):
        self.hub()
        self.worker(TEST_WORKER)
        agent = self.initialized("--only", "step.*", "--only", "greet")
        self.assertEqual(sorted(agent.tools()), ["greet", "step.up"])
        self.assertEqual(agent.error("tools/call", name="disk.wipe", arguments={})[0], -32602)
        self.expect(self.parley("mcp", "--only", "a*b"), 2, "--only a*b")


class OverHttp(AgentTest):
    """`/mcp` of a hub that listens at a port."""

    def opened(self, *rules):
        return HttpAgent(self.tokens(*rules or ["see,call **"]), SECRET)

    def test_a_session_from_its_introduction_to_its_end(self):
        agent = self.opened()
        self.worker()
        for version in (LATEST, FIRST):
            agent.fields.pop("Mcp-Session-Id", None)
            agent.fields.pop("MCP-Protocol-Version", None)
            self.assertEqual(agent.initialize(version)["protocolVersion"], version)
            self.assertEqual(list(agent.tools()), ["math.add"])
            self.assertEqual(json.loads(agent.call("math.add", a=2, b=3)["content"][0]["text"]), {"sum": 5})
            self.assertEqual(agent.error("resources/list")[0], -32601)
            self.assertEqual(agent.status("DELETE"), 200)
            self.assertEqual(agent.status("POST", agent.request("tools/list", {})), 404)
            self.assertEqual(agent.status("GET"), 404)
            self.assertEqual(agent.status("DELETE"), 404)

    def test_who_does_not_say_who_he_is_or_comes_from_elsewhere_is_refused(self):
        agent = self.opened()
        first = agent.request("initialize", introduction())
        for fields, status in (({"Authorization": ""}, 401), ({"Authorization": "Bearer another secret of bytes"}, 401),
                               ({"Origin": "https://evil.example.org"}, 403), ({"Host": "evil.example.org"}, 421),
                               ({"Content_Type": "text/plain"}, 415), ({"Accept": "application/json"}, 406),
                               ({"Mcp_Session_Id": "nobody's"}, 404)):
            self.assertEqual(agent.status("POST", first, **fields), status, fields)
        self.assertEqual(HttpAgent(agent.port).status("POST", first), 401)
        self.assertEqual(agent.status("POST", agent.request("tools/list", {})), 400, "without a session")
        agent.initialize()
        self.assertEqual(agent.status("POST", agent.request("ping", {}), Authorization=""), 401)
        self.assertEqual(agent.status("POST", agent.request("ping", {}), MCP_Protocol_Version="1999-01-01"), 400)
        self.assertEqual(agent.result("ping"), {})

    def test_a_session_is_there_for_nobody_else(self):
        agent = self.opened()
        agent.initialize()
        del agent.fields["Authorization"]
        with agent.open("POST", agent.request("ping", {}), UnixConnection(self.socket_path)) as response:
            self.assertEqual(response.status, 404, "it is the token's, and not the user's")
        self.assertEqual(agent.status("DELETE", Authorization=f"Bearer {SECRET}"), 200)

    def test_the_tools_are_what_the_token_may_call(self):
        agent = self.opened("see,call step.*", "see greet")
        self.worker(TEST_WORKER)
        agent.initialize()
        self.assertEqual(list(agent.tools()), ["step.up"])
        self.assertEqual(agent.call("step.up", steps=1)["structuredContent"], {"steps": 1})
        for tool in ("greet", "wait"):
            self.assertEqual(agent.error("tools/call", name=tool, arguments={})[0], -32602)

    def test_the_agent_is_told_of_workers_that_come_and_are_killed(self):
        agent = self.opened()
        agent.initialize()
        self.assertEqual(agent.tools(), {})
        with agent.open("GET") as stream:
            messages = agent.messages(stream)
            worker = self.worker()
            self.assertEqual(next(messages)["method"], "notifications/tools/list_changed")
            self.assertEqual(list(agent.tools()), ["math.add"])
            worker.kill()
            self.assertEqual(next(messages)["method"], "notifications/tools/list_changed")
            self.assertEqual(agent.tools(), {})

    def test_a_call_ends_at_once_when_its_worker_is_killed(self):
        agent = self.opened()
        worker = self.worker(TEST_WORKER)
        agent.initialize()
        mark = f"{self.place}/runs"
        with agent.open("POST", agent.request("tools/call", {"name": "wait", "arguments": {"file": mark}})) as stream:
            self.wait_for(mark, worker)
            worker.kill()
            answer = next(each for each in agent.messages(stream) if each.get("id") == agent.last)
            self.is_failure(answer["result"], "unknown", "it may have been done")


class Pipe:
    """A TCP port on the loopback that leads to a Unix socket: so a hub that wants no token is reached at a URL."""

    def __init__(self, path):
        self.socket_path = path
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self.carry, args=[self.listener.accept()[0]], daemon=True).start()

    def carry(self, near):
        with near, socket.socket(socket.AF_UNIX) as far, contextlib.suppress(OSError):
            far.connect(self.socket_path)
            to = {near: far, far: near}
            while True:
                for end in select.select(to, (), ())[0]:
                    data = end.recv(65536)
                    if not data:
                        return
                    to[end].sendall(data)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


class AttachTest(AgentTest):
    def setUp(self):
        super().setUp()
        self.hub()
        self.other = f"unix:{self.place}/other.sock"

    def other_hub(self):
        return self.start(PARLEY, "hub", "--listen", self.other, until="hub: listens at ")

    def other_worker(self, program=WORKER):
        return self.start(program, self.other, until="attached")

    def attach(self, *arguments, until):
        return self.start(PARLEY, "attach", *arguments, until=until)

    def attach_server(self, *options):
        return self.attach("--mcp", SERVER_LINE, *options, until="attach: foreign 1 offers 3 commands")

    def commands(self):
        return [each["id"] for each in json.loads(self.parley("list", "--commands", "--json").stdout)]

    def until_there(self, *names):
        """Registered somewhere else, and on their way here."""
        while self.commands() != sorted(names):
            pass

    def adds(self, name="math.add"):
        ran = self.parley("call", name, "--a", "2", "--b", "3")
        self.assertEqual((ran.returncode, ran.stdout), (0, '{"sum":5}\n'), ran.stderr)

    def pid(self, name="pid"):
        ran = self.parley("call", name)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        return json.loads(ran.stdout)["pid"]

    def url(self):
        pipe = Pipe(self.other.removeprefix("unix:"))
        self.addCleanup(pipe.close)
        return f"http://127.0.0.1:{pipe.port}"


class Servers(AttachTest):
    """`parley attach --mcp` and `--mcp-url`: the tools of a server become commands of the hub."""

    def test_a_foreign_server_on_standard_streams(self):
        attached = self.attach_server()
        self.assertEqual(self.commands(), ["grow", "pid", "wait"])
        self.expect(self.parley("call", "wait", "--help"), 0, "wait: Is wait", "--file TEXT", "(required)")
        self.assertNotEqual(self.pid(), attached.pid)
        self.expect(self.parley("call", "wait", '{"file": 7}'), 12, "/file")
        self.pid("grow")
        self.until_there("grow", "grown", "pid", "wait")
        self.pid("grown")

    def test_the_tools_of_another_hub_by_way_of_parley_mcp(self):
        self.other_hub()
        worker = self.other_worker()
        self.attach("--mcp", f"{shlex.quote(PARLEY)} mcp --hub {shlex.quote(self.other)}", until="offers 1 commands")
        self.adds()
        self.expect(self.parley("call", "math.add", '{"a": 2, "b": "three"}'), 12, "/b")
        worker.kill()
        self.until_there()
        self.other_worker(TEST_WORKER)
        self.until_there("disk.wipe", "greet", "step.up", "wait")
        self.expect(self.parley("call", "disk.wipe"), 1, "disk.wipe fails: the disk is write-protected")

    def test_a_prefix_that_is_none_is_refused_before_anything_is_started(self):
        for options in (("--mcp", "false", "--prefix", "a b"), ("--mcp", "false", "--prefix", "_x"),
                        ("unix:/nowhere", "--prefix", "x")):
            done = self.parley("attach", *options)
            self.assertEqual(done.returncode, 2, options)
            self.assertIn("prefix", done.stderr)

    def test_names_with_a_prefix_stand_side_by_side(self):
        self.attach_server()
        self.attach_server("--prefix", "second")
        self.assertEqual(self.commands(), ["grow", "pid", "second.grow", "second.pid", "second.wait", "wait"])
        self.assertNotEqual(self.pid(), self.pid("second.pid"))

    def test_names_that_somebody_has_are_told_of(self):
        self.attach_server()
        second = self.attach("--mcp", SERVER_LINE, until="attach: foreign 1 offers 0 commands")
        self.assertIn("3 of its tools are no commands: somebody has their names", second.stderr.readline())
        self.assertIn("--prefix NAME", second.stderr.readline())

    def test_a_server_that_is_killed_takes_its_commands_along_and_ends_the_attachment(self):
        attached = self.attach_server()
        server = self.pid()
        mark = f"{self.place}/runs"
        call = self.begin(PARLEY, "call", "wait", "--file", mark)
        self.wait_for(mark, call, attached)
        os.kill(server, signal.SIGKILL)
        self.ends(call, 19, "it may have been done")
        self.ends(attached, 18, "the server has ended")
        self.assertEqual(self.commands(), [])

    def test_being_asked_to_end_takes_the_commands_away_and_ends_the_server(self):
        for asked in (signal.SIGTERM, signal.SIGINT):
            attached = self.attach_server()
            server = self.pid()
            attached.send_signal(asked)
            self.ends(attached, 0)
            self.assertEqual(self.commands(), [])
            with self.assertRaises(ProcessLookupError):
                os.kill(server, 0)

    def test_the_end_of_the_hub_is_told(self):
        hub = self.other_hub()
        attached = self.attach_server("--hub", self.other)
        hub.kill()
        self.ends(attached, 18, "the hub has ended", "start this again")

    def test_the_mcp_page_of_another_hub(self):
        other = self.other_hub()
        worker = self.other_worker()
        attached = self.attach("--mcp-url", f"{self.url()}/mcp", "--prefix", "other",
                               until="offers 1 commands as other.*")
        self.adds("other.math.add")
        worker.kill()
        self.until_there()
        self.other_worker(TEST_WORKER)
        self.until_there("other.disk.wipe", "other.greet", "other.step.up", "other.wait")
        mark = f"{self.place}/runs"
        call = self.begin(PARLEY, "call", "other.wait", "--file", mark)
        self.wait_for(mark, call, attached)
        other.kill()
        self.ends(call, 19)
        self.ends(attached, 18, "the server")
        self.assertEqual(self.commands(), [])

    def test_the_page_of_the_hub_itself_is_offered_once(self):
        pipe = Pipe(self.address.removeprefix("unix:"))
        self.addCleanup(pipe.close)
        self.worker()
        self.attach("--mcp-url", f"http://127.0.0.1:{pipe.port}/mcp", "--prefix", "again", until="offers 1 commands")
        self.until_there("again.math.add", "math.add")
        self.worker(TEST_WORKER)  # a change, after which it is listed anew
        there = ["disk.wipe", "greet", "math.add", "step.up", "wait"]
        self.until_there(*there, *(f"again.{name}" for name in there))
        self.adds("again.math.add")

    def test_leaving_the_page_of_another_hub(self):
        self.other_hub()
        self.other_worker()
        attached = self.attach("--mcp-url", f"{self.url()}/mcp", until="offers 1 commands")
        attached.send_signal(signal.SIGINT)
        self.ends(attached, 0)
        self.assertEqual(self.commands(), [])


class Registries(AttachTest):
    """`parley attach ADDRESS`: the commands of a registry that listens, in lines or over HTTP."""

    def peer(self, address):
        """A registry of its own with commands; where it listens."""
        self.environment.update(PEER_LISTEN=address, PEER_NAME="peer")
        peer = self.begin(PEER, stdin=subprocess.PIPE)
        return peer, json.loads(peer.stdout.readline())["listens"][0]

    def test_a_registry_that_speaks_lines(self):
        for address in (self.other, "tcp:127.0.0.1:0"):
            peer, address = self.peer(address)
            attached = self.attach(address, until=f"attach: {address} is attached to the hub")
            self.until_there(*(f"peer.{name}" for name in ("add", "echo", "fail", "meta", "nested", "slow", "void")))
            self.adds("peer.add")
            self.expect(self.parley("call", "peer.fail"), 1, "failed as asked")
            peer.kill()
            self.ends(attached, 18, "the registry has gone")
            self.assertEqual(self.commands(), [])

    def test_another_hub(self):
        self.other_hub()
        worker = self.other_worker()
        attached = self.attach(self.other, until=f"attach: {self.other} is attached to the hub")
        self.until_there("math.add")
        self.adds()
        worker.kill()
        self.until_there()
        self.other_worker(TEST_WORKER)
        self.until_there("disk.wipe", "greet", "step.up", "wait")
        attached.send_signal(signal.SIGINT)
        self.ends(attached, 0)
        self.assertEqual(self.commands(), [])

    def test_another_hub_that_wants_a_token(self):
        port = self.tokens("see,call **", address=self.other)
        self.other_worker()
        token = ("--peer-token-file", f"{self.place}/token")
        for what, says in ((["tcp:127.0.0.1:PORT"], "is attached to the hub"),
                           (["http://127.0.0.1:PORT"], "is attached to the hub"),
                           (["--mcp-url", "http://127.0.0.1:PORT/mcp"], "offers 1 commands")):
            what = [word.replace("PORT", str(port)) for word in what]
            self.expect(self.parley("attach", *what), 14, "--peer-token-file FILE")
            attached = self.attach(*what, *token, until=says)
            self.until_there("math.add")
            self.adds()
            attached.send_signal(signal.SIGINT)
            self.ends(attached, 0)
        self.expect(self.parley("attach", self.other, "--peer-token-file", f"{self.place}/none"), 2, "the token")

    def test_another_hub_over_http(self):
        self.other_hub()
        self.other_worker()
        url = self.url()
        attached = self.attach(url, until=f"attach: {url} is attached to the hub")
        self.until_there("math.add")
        self.adds()
        attached.send_signal(signal.SIGINT)
        self.ends(attached, 0)
        self.assertEqual(self.commands(), [])

    def test_what_changes_at_another_hub_is_seen_over_http(self):
        other = self.other_hub()
        url = self.url() + "/cmd"
        attached = self.attach(url, until=f"attach: {url} is attached to the hub")
        self.other_worker()
        self.until_there("math.add")
        self.adds()
        other.kill()
        self.ends(attached, 18, "the registry has gone")
        self.assertEqual(self.commands(), [])

    def test_a_name_that_is_taken_is_told_and_comes_when_it_is_free(self):
        self.other_hub()
        worker = self.worker()
        self.other_worker()
        attached = self.attach(self.other, until="is attached to the hub")
        self.assertIn("math.add is not offered: somebody else has this name", attached.stderr.readline())
        self.adds()
        worker.kill()
        self.ends(worker, -signal.SIGKILL)
        self.until_there("math.add")
        self.adds()
        attached.send_signal(signal.SIGINT)
        self.ends(attached, 0)

    def test_events_go_both_ways_between_two_hubs(self):
        self.other_hub()
        self.attach(self.other, until="is attached to the hub")
        for here, there in ((self.address, self.other), (self.other, self.address)):
            listening = self.begin(PARLEY, "listen", "build.**", "--count", "1", "--hub", there)
            self.assertIn("listens for", listening.stderr.readline())
            # Interest in it is on its way to the other hub.
            while listening.poll() is None:
                self.expect(self.parley("emit", "build.done", "7", "--hub", here), 0)
            self.assertEqual(listening.stdout.read(), "build.done 7\n")

    def test_the_end_of_the_hub_is_told(self):
        other = self.other_hub()
        _, address = self.peer("tcp:127.0.0.1:0")
        attached = self.attach(address, "--hub", self.other, until="is attached to the hub")
        other.kill()
        self.ends(attached, 18, "the hub has ended", "start this again")


class Mistakes(AttachTest):
    """What people do first, and what they are told."""

    def tries(self, *arguments):
        return self.parley("attach", *arguments)

    def test_of_what_is_attached(self):
        for arguments in ([], ["--mcp", "true", "--mcp-url", "http://localhost/mcp"], [self.other, "--mcp", "true"]):
            self.expect(self.tries(*arguments), 2, "the ADDRESS of a registry", "--mcp 'COMMAND LINE'", "--mcp-url URL")
        self.expect(self.tries("--mcp", "true", self.other), 2, "one of them alone")
        self.expect(self.tries("stdio:"), 2, "no registry", "unix:PATH")

    def test_of_command_lines(self):
        self.expect(self.tries("--mcp", "echo hello; read line"), 18, "no JSON-RPC", "ended with exit code 0")
        self.expect(self.tries("--mcp", "no-such-program --flag"), 18, "no-such-program", "not found", "no MCP server",
                    "the line after --mcp is run by the shell")
        self.expect(self.tries("--mcp", "exit 3"), 18, "no MCP server", "its program ended with exit code 3")
        self.expect(self.tries("--mcp", "kill -9 $$"), 18, "its program ended with signal 9")
        self.expect(self.tries("--mcp", "cat"), 20, "no MCP server")

    def test_of_addresses(self):
        nobody = self.enterContext(socket.socket())
        nobody.bind(("127.0.0.1", 0))  # and nobody listens there
        for address in (f"unix:{self.place}/nobody.sock", f"tcp:127.0.0.1:{nobody.getsockname()[1]}"):
            self.expect(self.tries(address), 13, f"no registry at {address}", "speaks lines at unix:PATH")
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        self.expect(self.tries(url), 13, f"no registry at {url}", "HTTP at http://HOST:PORT")
        self.expect(self.tries("--mcp-url", f"{url}/mcp"), 13, "no MCP server", "such as http://localhost:3000/mcp")
        self.expect(self.tries("nonsense"), 12, "no registry at nonsense", "speaks lines at unix:PATH")
        self.expect(self.tries(self.address), 12, f"no registry at {self.address}", "it is the hub itself")
        for url in ("nonsense", "ftp://127.0.0.1/mcp"):
            self.expect(self.tries("--mcp-url", url), 2, "is no URL of http:", "such as http://localhost:3000/mcp")

    def test_without_a_hub(self):
        nowhere = f"unix:{self.place}/nowhere.sock"
        for arguments in (["--mcp", SERVER_LINE], [self.other], ["--mcp-url", "http://localhost/mcp"]):
            self.expect(self.tries(*arguments, "--hub", nowhere), 3, f"no hub at {nowhere}",
                        "start one with `parley hub`")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
