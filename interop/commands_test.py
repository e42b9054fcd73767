#!/usr/bin/env python3
"""Peers of the cmd-ipc protocol against each other: each kind in each place of each scenario.

Usage: commands_test.py BUILD_FOLDER KINDS [--parley COMMAND] [unittest arguments]
       commands_test.py BUILD_FOLDER KINDS --why-not   prints why it cannot run here, or nothing

KINDS are kinds of peers with commas between: node, rust, parley. What runs has at least one of the first kind; of the
others, those that cannot be had here are left out and named. COMMAND is a program of ours that takes the orders of
interop/README.md. Exit code 77 says that the first kind cannot be had.
"""

import contextlib
import http.client
import itertools
import json
import os
import shlex
import socket
import sys
import tempfile
import time
import unittest
from pathlib import Path

from peers import SKIPPED, TOKEN, NodePeer, ParleyPeer, Peer, Refused, RustPeer

COMMANDS = {}  # kind -> how its program is started
FOCUS = ""

# What not every kind does. The crate gives its user no metadata and drops it when it forwards; it finds out about late
# answers only when something else happens; it has no HTTP.
KEEPS_META = {"node", "parley"}
KEEPS_TIME = {"node", "parley"}
HAS_HTTP = {"node", "parley"}

MEGABYTE = "x" * (1 << 20)
TEXT_SAMPLE = "a \"b\" \\ \n \u0000 \u00e9 \u2028 \U0001f600"


def kinds(places, of=None):
    """Each way to fill so many places, with the kind in focus in one of them at least."""
    able = [kind for kind in COMMANDS if of is None or kind in of]
    return [chosen for chosen in itertools.product(able, repeat=places) if FOCUS in chosen]


class PeersTest(unittest.TestCase):
    def setUp(self):
        self.place = self.enterContext(tempfile.TemporaryDirectory(prefix="interop-"))
        self.paths = itertools.count()

    @contextlib.contextmanager
    def case(self, **named):
        """A sub-test whose peers end with it."""
        with self.subTest(**named), contextlib.ExitStack() as peers:
            self.peers = peers
            yield

    def path(self):
        return os.path.join(self.place, f"{next(self.paths)}.sock")

    def start(self, kind, name, role, **options):
        listen = options.pop("listen", "tcp:127.0.0.1:0")
        connect = options.pop("connect", "")
        peer = Peer(COMMANDS[kind], PEER_NAME=name, PEER_ROLE=role, PEER_LISTEN=listen, PEER_CONNECT=connect, **options)
        self.peers.callback(peer.kill)
        return peer

    def root(self, kind, **options):
        return self.start(kind, "root", "root", **options)

    def child(self, kind, router, name="child", also=(), **options):
        connect = ",".join([router.listens[0], *(other.listens[0] for other in also)])
        return self.start(kind, name, "child", connect=connect, **options)

    def pair(self, root_kind, child_kind, **options):
        root = self.root(root_kind, **options)
        return root, self.child(child_kind, root, **options)

    def family(self, root_kind, *child_kinds, **options):
        root = self.root(root_kind, **options)
        return [root, *(self.child(kind, root, name, **options) for kind, name in zip(child_kinds, "ab"))]

    def until(self, is_so):
        """What one peer learns of another has no answer to wait for; a watchdog ends the peers if it never does."""
        while not is_so():
            time.sleep(0.01)

    def assert_refused(self, code, message, peer, command, request=None):
        with self.assertRaises(Refused) as refused:
            peer.execute(command, request)
        self.assertEqual(refused.exception.code, code)
        if message is None:
            self.assertNotEqual(refused.exception.message, "")
        else:
            self.assertEqual(refused.exception.message, message)


class Executes(PeersTest):
    def calls_both_ways(self, one, other):
        for caller, name in ((one, "child"), (other, "root")):
            self.assertEqual(caller.execute(f"{name}.add", {"a": 1, "b": 2.5}), {"sum": 3.5})
            for value in ({}, {"nested": {"list": [1, "two", None, True, -0.5]}}, {"text": TEXT_SAMPLE}):
                self.assertEqual(caller.execute(f"{name}.echo", value), value)
            self.assertIsNone(caller.execute(f"{name}.void"))

    def test_parent_and_child_call_each_other_over_each_carrier(self):
        for (root_kind, child_kind), carrier in itertools.product(kinds(2), ("tcp", "unix")):
            with self.case(root=root_kind, child=child_kind, carrier=carrier):
                root = self.root(root_kind, listen="tcp:127.0.0.1:0" if carrier == "tcp" else f"unix:{self.path()}")
                self.calls_both_ways(root, self.child(child_kind, root))

    def test_a_child_on_its_standard_streams_calls_and_is_called(self):
        for root_kind, child_kind in kinds(2):
            with self.case(root=root_kind, child=child_kind):
                root = self.root(root_kind, listen=f"unix:{self.path()}")
                carrier = self.peers.enter_context(socket.socket(socket.AF_UNIX))
                carrier.connect(root.listens[0].removeprefix("unix:"))
                child = self.start(child_kind, "child", "child", connect="stdio", carrier=carrier,
                                   orders_at=self.path())
                carrier.close()
                self.calls_both_ways(root, child)

    def test_siblings_call_each_other_and_neither_is_the_others_router(self):
        for first, second in kinds(2):
            with self.case(listens=first, connects=second):
                one = self.root(first)
                other = self.start(second, "child", "sibling", connect=one.listens[0])
                self.until(lambda: "child.add" in one.commands() and "root.add" in other.commands())
                self.calls_both_ways(one, other)
                self.assert_refused("not_found", None, other, "nobody.has_this")

    def test_a_call_goes_from_child_over_the_root_to_the_other_child(self):
        for chosen in kinds(3):
            with self.case(root=chosen[0], caller=chosen[1], callee=chosen[2]):
                _, caller, callee = self.family(*chosen)
                self.assertEqual(caller.execute("b.add", {"a": 1, "b": 2}), {"sum": 3})
                callee.order("register", command="b.late")
                self.assertEqual(caller.execute("b.late", {"is": "late"}), {"is": "late"})

    def test_a_grandchild_is_known_at_the_root_and_called_through_its_parent(self):
        for chosen in kinds(3):
            with self.case(root=chosen[0], parent=chosen[1], child=chosen[2]):
                root = self.root(chosen[0])
                parent = self.child(chosen[1], root, "parent")
                child = self.child(chosen[2], parent)
                self.assertIn("child.add", root.commands())
                self.assertEqual(root.execute("child.add", {"a": 1, "b": 2}), {"sum": 3})
                self.assertEqual(child.execute("root.add", {"a": 3, "b": 4}), {"sum": 7})

    def test_a_handler_calls_back_the_one_who_called_it(self):
        for root_kind, child_kind in kinds(2):
            with self.case(root=root_kind, child=child_kind):
                root, child = self.pair(root_kind, child_kind)
                inner = {"command": "root.echo", "request": {"k": 1}}
                self.assertEqual(root.execute("child.nested", inner), {"k": 1})
                twice = {"command": "root.nested", "request": {"command": "child.add", "request": {"a": 1, "b": 2}}}
                self.assertEqual(root.execute("child.nested", twice), {"sum": 3})
                self.assertEqual(child.execute("root.nested", {"command": "child.echo", "request": {}}), {})

    def test_a_megabyte_goes_there_and_back(self):
        for chosen in kinds(3):
            with self.case(root=chosen[0], caller=chosen[1], callee=chosen[2]):
                root, caller, _ = self.family(*chosen)
                for peer, command in ((root, "b.echo"), (caller, "root.echo"), (caller, "b.echo")):
                    self.assertEqual(peer.execute(command, {"text": MEGABYTE}), {"text": MEGABYTE})

    def test_a_thousand_calls_are_in_flight_at_once(self):
        for chosen in kinds(3):
            with self.case(root=chosen[0], caller=chosen[1], callee=chosen[2]):
                root, caller, _ = self.family(*chosen)
                for peer, command in ((root, "b.echo"), (caller, "root.echo"), (caller, "b.echo")):
                    self.assertEqual(peer.order("many", command=command, count=1000)["right"], 1000)

    def test_a_slow_command_does_not_hold_up_others(self):
        for root_kind, child_kind in kinds(2):
            with self.case(root=root_kind, child=child_kind):
                root, child = self.pair(root_kind, child_kind)
                slow = root.begin("execute", command="child.slow", request={"ms": 300})
                self.assertEqual(root.events(count=1), ["child.slow.started"])
                self.assertEqual(root.execute("child.echo", {"overtakes": True}), {"overtakes": True})
                self.assertNotIn(slow, root.early)
                self.assertEqual(root.end(slow)["result"], {"slept_ms": 300})
                self.assertEqual(child.execute("root.echo", {}), {})


class Fails(PeersTest):
    def test_codes_and_messages_of_errors_arrive_as_they_were(self):
        for chosen in kinds(3):
            with self.case(root=chosen[0], caller=chosen[1], callee=chosen[2]):
                root, caller, _ = self.family(*chosen)
                for peer, callee in ((root, "b"), (caller, "root"), (caller, "b")):
                    self.assert_refused("internal_error", "failed as asked", peer, f"{callee}.fail", {})
                    self.assert_refused("invalid_request", None, peer, f"{callee}.add", {"a": "not a number"})
                    self.assert_refused("not_found", None, peer, f"{callee}.no_such_command", {})
                nested = {"command": "b.fail", "request": {}}
                self.assert_refused("internal_error", "failed as asked", caller, "root.nested", nested)

    def test_a_command_of_somebody_else_is_not_registered_again(self):
        for chosen in kinds(3):
            with self.case(root=chosen[0], owner=chosen[1], late=chosen[2]):
                root, _, late = self.family(*chosen)
                for taken in ("root.add", "a.add", "b.add"):
                    with self.assertRaises(Refused) as refused:
                        late.order("register", command=taken)
                    self.assertEqual(refused.exception.code, "duplicate_command")
                self.assertEqual(root.execute("a.add", {"a": 1, "b": 2}), {"sum": 3})
                self.assertEqual(late.execute("root.add", {"a": 1, "b": 2}), {"sum": 3})

    def test_who_calls_a_peer_that_dies_is_told_at_once(self):
        for chosen in kinds(3):
            with self.case(root=chosen[0], caller=chosen[1], callee=chosen[2]):
                root, caller, callee = self.family(*chosen)
                calls = [(peer, peer.begin("execute", command="b.slow", request={"ms": 3_600_000}))
                         for peer in (root, caller)]
                self.assertEqual(root.events(count=2), ["b.slow.started"] * 2)
                callee.kill()
                for peer, call in calls:
                    with self.assertRaises(Refused) as refused:
                        peer.end(call)
                    self.assertEqual(refused.exception.code, "channel_disconnected")
                self.assertEqual([name for name in root.commands() if name.startswith("b.")], [])
                self.assert_refused("not_found", None, caller, "b.add", {"a": 1, "b": 2})

    def test_a_child_whose_router_dies_is_told_at_once_and_goes_on(self):
        for root_kind, child_kind in kinds(2):
            with self.case(root=root_kind, child=child_kind):
                root, child = self.pair(root_kind, child_kind)
                call = child.begin("execute", command="root.slow", request={"ms": 3_600_000})
                self.assertEqual(child.events(count=1), ["root.slow.started"])
                root.kill()
                with self.assertRaises(Refused) as refused:
                    child.end(call)
                self.assertEqual(refused.exception.code, "channel_disconnected")
                self.assert_refused("channel_disconnected", None, child, "root.echo", {})
                self.assertEqual(child.execute("child.add", {"a": 1, "b": 2}), {"sum": 3})

    def test_a_call_without_an_answer_times_out_when_nothing_else_happens(self):
        for root_kind, child_kind in kinds(2):
            if root_kind in KEEPS_TIME:
                with self.case(root=root_kind, child=child_kind):
                    root, _ = self.pair(root_kind, child_kind, PEER_TTL_MS="200")
                    self.assert_refused("timeout", None, root, "child.slow", {"ms": 3_600_000})

    def test_lines_that_are_no_messages_do_no_harm(self):
        thid = "00000000-0000-4000-8000-000000000000"
        wrong_code = {"ok": False, "error": {"code": "a_sixth_code", "message": ""}}
        lines = ["not JSON", "null", "[]", "7", "{}", "{\"id\":", json.dumps({"id": thid, "type": "unheard.of"}), *(
            json.dumps({"id": thid, **fields}) for fields in (
                {"type": "register.command.request"}, {"type": "list.commands.response", "thid": thid},
                {"type": "execute.command.request"}, {"type": "event"},
                {"type": "execute.command.response", "thid": thid, "response": wrong_code}))]
        for root_kind, child_kind in kinds(2):
            if child_kind == "node":
                with self.case(root=root_kind):
                    root, child = self.pair(root_kind, child_kind)
                    for line in lines:
                        child.order("raw", line=line)
                    self.assertEqual(child.execute("root.add", {"a": 1, "b": 2}), {"sum": 3})
                    self.assertEqual(root.execute("child.add", {"a": 1, "b": 2}), {"sum": 3})

    def test_an_unasked_list_takes_no_command_from_its_owner(self):
        for root_kind, child_kind in kinds(2):
            if child_kind == "node":
                with self.case(root=root_kind):
                    root, owner, thief = self.family(root_kind, child_kind, child_kind)
                    ids = {"id": "00000000-0000-4000-8000-000000000001", "thid": "00000000-0000-4000-8000-000000000002"}
                    stolen = [{"id": "root.add"}, {"id": "a.add"}]
                    thief.order("raw", line=json.dumps({**ids, "type": "list.commands.response", "commands": stolen}))
                    self.assertEqual(thief.execute("root.add", {"a": 1, "b": 2}), {"sum": 3})
                    self.assertEqual(root.execute("root.add", {"a": 1, "b": 2}), {"sum": 3})
                    self.assertEqual(root.execute("a.add", {"a": 1, "b": 2}), {"sum": 3})
                    self.assertEqual(owner.execute("root.add", {"a": 1, "b": 2}), {"sum": 3})


class Tells(PeersTest):
    def test_events_reach_everybody_once_and_with_their_payload(self):
        for chosen in kinds(3):
            with self.case(root=chosen[0], one=chosen[1], other=chosen[2]):
                family = self.family(*chosen)
                for speaker in family:
                    payload = {"n": [1, 2, {"deep": TEXT_SAMPLE}]}
                    speaker.order("emit", event="news", payload=payload)
                    for peer in family:
                        heard = peer.order("events", count=family.index(speaker) + 1)["events"]
                        self.assertEqual((heard[-1]["event"], heard[-1]["payload"]), ("news", payload))
                for peer in family:
                    self.assertEqual(peer.events(), ["news"] * 3)

    def test_an_event_that_comes_two_ways_is_heard_once(self):
        for chosen in kinds(3):
            with self.case(root=chosen[0], first=chosen[1], second=chosen[2]):
                root = self.root(chosen[0])
                first = self.child(chosen[1], root, "a")
                second = self.child(chosen[2], root, "b", also=[first])
                self.until(lambda: "b.echo" in first.commands() and "a.echo" in second.commands())
                for number, speaker in enumerate((root, first, second), 1):
                    speaker.order("emit", event="news")
                    for peer in (root, first, second):
                        peer.events(count=number)
                    # Each answer comes behind what its sender had forwarded before.
                    for caller, command in ((first, "b.echo"), (second, "a.echo"), (root, "a.echo"), (root, "b.echo"),
                                            (first, "root.echo"), (second, "root.echo")):
                        caller.execute(command, {})
                    for peer in (root, first, second):
                        self.assertEqual(peer.events(), ["news"] * number)

    def test_what_is_private_is_neither_listed_nor_told(self):
        for root_kind, child_kind in kinds(2):
            with self.case(root=root_kind, child=child_kind):
                root, child = self.pair(root_kind, child_kind)
                for speaker, hearer in ((root, child), (child, root)):
                    speaker.order("emit", event="_whisper")
                    speaker.order("emit", event="word")
                    heard = 2 if speaker is child else 1
                    self.until(lambda peer=hearer, count=heard: peer.events().count("word") == count)
                self.assertEqual(root.events(), ["_whisper", "word", "word"])
                self.assertEqual(child.events(), ["word", "_whisper", "word"])
                self.until(lambda: "root.add" in child.commands())
                self.assertEqual([name for peer in (root, child) for name in peer.commands() if name[0] == "_"], [])
                self.assertIn("child.void", root.commands())

    def test_descriptions_and_schemas_are_told_with_the_commands(self):
        for root_kind, child_kind in kinds(2):
            with self.case(root=root_kind, child=child_kind):
                root, _ = self.pair(root_kind, child_kind)
                told = {command["id"]: command for command in root.order("list")["commands"]}["child.add"]
                self.assertEqual(told["description"], "Adds two numbers")
                self.assertEqual(sorted(told["schema"]["request"]["properties"]), ["a", "b"])
                self.assertEqual(list(told["schema"]["response"]["properties"]), ["sum"])

    def test_metadata_goes_with_a_request_over_the_root_and_back_with_its_answer(self):
        meta = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "own": {"any": [1, None]}}
        for chosen in kinds(3, of=KEEPS_META):
            with self.case(root=chosen[0], caller=chosen[1], callee=chosen[2]):
                root, caller, _ = self.family(*chosen)
                for peer, command in ((root, "b.meta"), (caller, "root.meta"), (caller, "b.meta")):
                    answer = peer.order("execute", command=command, request={}, meta=meta)
                    # Beside it, registries of Parley count how often they passed the request on.
                    seen = {key: value for key, value in answer["result"]["meta"].items() if key != "parley-hops"}
                    self.assertEqual((seen, answer["meta"]), (meta, meta))


class OverHttp(PeersTest):
    def ask(self, server, method, path, body=None, headers=()):
        host, port = server.listens[0].removeprefix("http://").split(":")
        connection = http.client.HTTPConnection(host, int(port))
        self.peers.callback(connection.close)
        connection.request(method, path, body, {"Content-Type": "application/json", "Authorization": f"Bearer {TOKEN}",
                                                **dict(headers)})
        answer = connection.getresponse()
        return answer.status, answer.getheader("Content-Type"), answer.read().decode()

    def test_a_client_calls_and_learns_codes_of_errors(self):
        for server_kind, client_kind in kinds(2, of=HAS_HTTP):
            with self.case(server=server_kind, client=client_kind):
                server = self.root(server_kind, listen="http:127.0.0.1:0")
                client = self.start(client_kind, "client", "sibling", listen="", connect=server.listens[0])
                self.until(lambda: "root.add" in client.commands())
                self.assertEqual(client.execute("root.add", {"a": 1, "b": 2}), {"sum": 3})
                self.assertEqual(client.execute("root.echo", {"text": MEGABYTE}), {"text": MEGABYTE})
                self.assertIsNone(client.execute("root.void"))
                self.assert_refused("internal_error", "failed as asked", client, "root.fail", {})
                self.assertEqual(client.order("many", command="root.echo", count=100)["right"], 100)
                server.kill()
                self.assert_refused("channel_disconnected", None, client, "root.add", {"a": 1, "b": 2})

    def test_a_server_lists_answers_and_refuses_by_the_codes_of_http(self):
        for (kind,) in kinds(1, of=HAS_HTTP):
            with self.case(server=kind):
                server = self.root(kind, listen="http:127.0.0.1:0")
                status, content, body = self.ask(server, "GET", "/cmds.json")
                listed = json.loads(body)
                self.assertEqual((status, content.split(";")[0]), (200, "application/json"))
                self.assertEqual(listed["cmdschema"], "1.0.0")
                self.assertIn("root.add", [command["id"] for command in listed["commands"]])
                self.assertNotIn("_root.private", body)

                call = {"id": "7f1e4b0c-3a52-4d0e-9a43-1d6f0a6d2c11", "type": "execute.command.request",
                        "commandId": "root.add", "request": {"a": 1, "b": 2}}
                accepts = {"Accept": "application/x-ndjson"}
                status, content, body = self.ask(server, "POST", "/cmd", json.dumps(call), accepts)
                self.assertEqual((status, content.split(";")[0], body.count("\n")), (200, "application/x-ndjson", 1))
                answer = json.loads(body)
                self.assertEqual((answer["thid"], answer["response"]), (call["id"], {"ok": True, "result": {"sum": 3}}))

                told = {"id": call["id"], "type": "event", "eventId": "news"}
                stolen = {**told, "type": "list.commands.response", "thid": "x", "commands": [{"id": "root.add"}]}
                refused = {"/cmd": [("not JSON", 400), ("{}", 400), (json.dumps(told), 403), (json.dumps(stolen), 403)],
                           "/else": [(json.dumps(call), 404)]}
                for path, bodies in refused.items():
                    for text, expected in bodies:
                        self.assertEqual(self.ask(server, "POST", path, text, accepts)[0], expected, text)


def main():
    global FOCUS
    build, arguments = Path(sys.argv[1]).absolute(), sys.argv[3:]
    FOCUS, *others = sys.argv[2].split(",")
    known = {"node": NodePeer(), "rust": RustPeer(build, "commands")}
    if arguments[:1] == ["--parley"]:
        known["parley"] = ParleyPeer(shlex.split(arguments[1]))
        arguments = arguments[2:]
    reason = known[FOCUS].why_not()
    if arguments[:1] == ["--why-not"]:
        print(reason)
        return
    if reason:
        print(f"skipped: {reason}")
        sys.exit(SKIPPED)
    COMMANDS[FOCUS] = known[FOCUS].command()
    for kind in others:
        if reason := known[kind].why_not():
            print(f"without {kind}: {reason}")
        else:
            COMMANDS[kind] = known[kind].command()
    unittest.main(argv=[sys.argv[0], *arguments], verbosity=2)


if __name__ == "__main__":
    main()
