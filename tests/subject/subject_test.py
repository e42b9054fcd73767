#!/usr/bin/env python3
"""The conformance subject against itself, against a subject with one method wrong, and against peers that break rules.

Usage: subject_test.py SUBJECT BROKEN_SUBJECT pairs|links|differences|environment|peers
"""

import contextlib
import itertools
import os
import re
import socket
import struct
import subprocess
import sys
import tempfile
import unittest

import subject_suite
from subject_suite import VARIABLES, WATCHDOG_S

SUBJECT, BROKEN = (os.path.abspath(path) for path in sys.argv[1:3])
# The method that, when it is wrong, lets the scenario fail.
METHOD_OF = {
    "all_colors": "all_colors",
    "binary_payload_sizes": "process_message",
    "create_canvas": "create_canvas",
    "create_person": "create_person",
    "describe_point": "describe_point",
    "divide_overflow": "divide",
    "divide_success": "divide",
    "divide_zero": "divide",
    "echo": "echo",
    "echo_bool": "echo_bool",
    "echo_bytes": "echo_bytes",
    "echo_gnarly": "echo_gnarly",
    "echo_option_string": "echo_option_string",
    "echo_point": "echo_point",
    "echo_shape": "echo_shape",
    "echo_u64": "echo_u64",
    "echo_versions": "echo_config",
    "enum_newtype_variants": "process_message",
    "enum_struct_variants": "shape_area",
    "generate": "generate",
    "generate_large": "generate_large",
    "generate_retry": "generate_retry_idem",
    "get_points": "get_points",
    "lookup_access_denied": "lookup",
    "lookup_found": "lookup",
    "lookup_found_no_email": "lookup",
    "lookup_not_found": "lookup",
    "parse_color": "parse_color",
    "pipelining": "echo",
    "pipelining_10_concurrent": "echo",
    "post_reply_generate": "post_reply_generate",
    "post_reply_sum": "post_reply_sum",
    "process_message": "process_message",
    "rectangle_area": "rectangle_area",
    "reverse": "reverse",
    "shape_area": "shape_area",
    "sum": "sum",
    "sum_client_to_server": "sum",
    "sum_large": "sum_large",
    "swap_pair": "swap_pair",
    "transform": "transform",
    "transform_bidi": "transform",
}


def run(program=SUBJECT, **variables):
    return subject_suite.run(program, **variables)


def running(program=SUBJECT, **variables):
    return subject_suite.running(program, **variables)


def client_against(server_program, scenario, **variables):
    """A client against a server that listens: how the client ran, and the exit code of the server."""
    with running(server_program, SUBJECT_MODE="server-listen", LISTEN_PORT="0", **variables) as server:
        client = run(SUBJECT_MODE="client", PEER_ADDR=server.listens_at(), CLIENT_SCENARIO=scenario)
        return client, server.end()


def known_scenarios():
    names = re.search(r"CLIENT_SCENARIO is missing; it is one of (.*), or all\n", run(SUBJECT_MODE="client").stderr)
    return names.group(1).split(", ")


class Pairs(unittest.TestCase):
    def test_a_client_passes_every_scenario_at_a_server_that_listens(self):
        for scenario in known_scenarios():
            with self.subTest(scenario=scenario):
                client, server = client_against(SUBJECT, scenario)
                self.assertEqual((client.returncode, client.stdout + client.stderr), (0, ""))
                self.assertEqual(server, (0, ""))

    def test_a_client_that_listens_passes_every_scenario_at_a_server_that_connects(self):
        for scenario in known_scenarios():
            with self.subTest(scenario=scenario), running(SUBJECT_MODE="client-listen",
                                                          CLIENT_SCENARIO=scenario) as client:
                server = run(PEER_ADDR=client.listens_at())
                self.assertEqual(client.end(), (0, ""))
                self.assertEqual((server.returncode, server.stdout + server.stderr), (0, ""))

    def test_a_client_passes_every_scenario_inside_its_own_memory(self):
        for scenario in known_scenarios():
            with self.subTest(scenario=scenario):
                client = run(SUBJECT_MODE="client", SPEC_TRANSPORT="mem", CLIENT_SCENARIO=scenario)
                self.assertEqual((client.returncode, client.stdout + client.stderr), (0, ""))

    def test_what_is_set_to_its_default_changes_nothing(self):
        with running(SUBJECT_MODE="server-listen", LISTEN_PORT="", SPEC_TRANSPORT="tcp", SPEC_CONDUIT="bare",
                     ACCEPT_CONNECTIONS="1", PEER_ADDR="not used", CLIENT_SCENARIO="not used") as server:
            client = run(SUBJECT_MODE="client", PEER_ADDR=server.listens_at(), CLIENT_SCENARIO="echo", SPEC_CONDUIT="",
                         SPEC_TRANSPORT="", ACCEPT_CONNECTIONS="")
            self.assertEqual(client.returncode, 0, client.stderr)
            self.assertEqual(server.end(), (0, ""))


# Links between two processes, and what each end needs for it.
LINKS = ("tcp", "unix", "ws", "tls", "wss")


class Links(unittest.TestCase):
    def setUp(self):
        self.place = self.enterContext(tempfile.TemporaryDirectory(prefix="subject-"))
        self.listens, self.connects = subject_suite.make_certificate(self.place)

    def ends(self, transport, conduit):
        """The environment of who listens, and of who connects but for the address."""
        both = {"SPEC_TRANSPORT": transport, "SPEC_CONDUIT": conduit}
        path = os.path.join(self.place, f"{transport}-{conduit}.sock")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        return {**both, **self.listens, "LISTEN_PATH": path}, {**both, **self.connects}

    def test_every_scenario_passes_over_every_link_bare_and_stable_whoever_dials(self):
        for transport, conduit, dialer_is_client in itertools.product(LINKS, ("bare", "stable"), (True, False)):
            listens, connects = self.ends(transport, conduit)
            roles = ({"SUBJECT_MODE": "server-listen"}, {"SUBJECT_MODE": "client", "CLIENT_SCENARIO": "all"})
            if not dialer_is_client:
                roles = ({"SUBJECT_MODE": "client-listen", "CLIENT_SCENARIO": "all"}, {"SUBJECT_MODE": "server"})
            with self.subTest(transport=transport, conduit=conduit, dialer=roles[1]["SUBJECT_MODE"]):
                with running(**listens, **roles[0]) as listener:
                    dialer = run(**connects, **roles[1], PEER_ADDR=listener.listens_at())
                    self.assertEqual((dialer.returncode, dialer.stdout + dialer.stderr), (0, ""))
                    self.assertEqual(listener.end(), (0, ""))

    def test_every_scenario_passes_in_memory_bare_and_stable(self):
        for conduit in ("bare", "stable"):
            with self.subTest(conduit=conduit):
                client = run(SUBJECT_MODE="client", SPEC_TRANSPORT="mem", SPEC_CONDUIT=conduit, CLIENT_SCENARIO="all")
                self.assertEqual((client.returncode, client.stdout + client.stderr), (0, ""))

    def test_ends_that_do_not_speak_the_same_do_not_come_together(self):
        for ours, theirs in (({"SPEC_CONDUIT": "stable"}, {}), ({}, {"SPEC_CONDUIT": "stable"}),
                             ({"SPEC_TRANSPORT": "ws"}, {}), ({}, {"SPEC_TRANSPORT": "ws"}),
                             ({"SPEC_TRANSPORT": "tls"}, {}), ({}, {"SPEC_TRANSPORT": "tls"})):
            with self.subTest(listener=ours, dialer=theirs):
                with running(SUBJECT_MODE="server-listen", **self.listens, **ours) as server:
                    client = run(SUBJECT_MODE="client", CLIENT_SCENARIO="echo", PEER_ADDR=server.listens_at(),
                                 **self.connects, **theirs)
                    self.assertEqual(client.returncode, 1)
                    self.assertRegex(client.stderr, r"\Asubject: scenario echo: \w+: .*\n\Z")

    def test_a_web_address_may_stand_in_the_form_that_other_implementations_know(self):
        with running(SUBJECT_MODE="server-listen", SPEC_TRANSPORT="ws") as server:
            client = run(SUBJECT_MODE="client", SPEC_TRANSPORT="ws", CLIENT_SCENARIO="echo",
                         PEER_ADDR=f"ws://{server.listens_at()}/roam")
            self.assertEqual((client.returncode, client.stderr), (0, ""))
            self.assertEqual(server.end(), (0, ""))


class Differences(unittest.TestCase):
    def test_every_scenario_fails_where_its_method_is_wrong_and_says_what_differs(self):
        self.assertEqual(known_scenarios(), list(METHOD_OF))
        for scenario, method in METHOD_OF.items():
            with self.subTest(scenario=scenario):
                client, server = client_against(BROKEN, scenario, SUBJECT_BREAK=method)
                self.assertEqual(client.returncode, 1)
                line = rf"subject: scenario {scenario}: .*{method}.*: expected .*, got .*\n"
                if method in ("sum", "sum_large"):
                    line = rf"subject: scenario {scenario}: {method} of 1 to \d+: expected \"?\d+\"?, got \"?\d+\"?\n"
                self.assertRegex(client.stderr, rf"\A{line}\Z")
                self.assertEqual(server, (0, ""))

    def test_a_difference_is_noticed_on_a_connection_that_the_server_opens(self):
        with running(SUBJECT_MODE="client-listen", CLIENT_SCENARIO="echo") as client:
            run(BROKEN, PEER_ADDR=client.listens_at(), SUBJECT_BREAK="echo")
            self.assertEqual(client.end(), (1, 'subject: scenario echo: echo("hello from client"): expected '
                                               '"hello from client", got "hello from client?"\n'))

    def test_the_broken_server_is_good_but_for_what_is_broken(self):
        for scenario in METHOD_OF:
            with self.subTest(scenario=scenario):
                client, _ = client_against(BROKEN, scenario)
                self.assertEqual((client.returncode, client.stderr), (0, ""))

    def test_a_call_that_fails_is_named_by_its_error(self):
        client, _ = client_against(BROKEN, "echo", SUBJECT_BREAK="echo_throws")
        self.assertEqual(client.returncode, 1)
        self.assertRegex(client.stderr, r"\Asubject: scenario echo: cancelled: .*\n\Z")

    def test_the_text_of_a_message_may_be_processed_in_either_spelling(self):
        client, _ = client_against(BROKEN, "enum_newtype_variants", SUBJECT_BREAK="processed_text")
        self.assertEqual((client.returncode, client.stderr), (0, ""))


class Environment(unittest.TestCase):
    def refused(self, *sentences, **variables):
        ran = run(**variables)
        self.assertEqual((ran.returncode, ran.stdout), (2, ""), ran.stderr)
        lines = ran.stderr.splitlines()
        self.assertEqual(len(lines), len(sentences), ran.stderr)
        for line, sentence in zip(lines, sentences):
            self.assertTrue(line.startswith("subject: " + sentence), ran.stderr)

    def test_everything_that_is_wrong_is_named_at_once(self):
        self.refused("SUBJECT_MODE is `both`; it is server, client, server-listen or client-listen",
                     "SPEC_TRANSPORT is `shm`; the transports that are supported are tcp, unix, ws, tls, wss, mem",
                     "SPEC_CONDUIT is `firm`; it is bare or stable",
                     "STABLE_AWAY_MS is `0`; it is a number of milliseconds from 1",
                     "ACCEPT_CONNECTIONS is `2`; it is 0 or 1",
                     SUBJECT_MODE="both", SPEC_TRANSPORT="shm", SPEC_CONDUIT="firm", STABLE_AWAY_MS="0",
                     ACCEPT_CONNECTIONS="2")
        self.refused("PEER_ADDR is missing", "CLIENT_SCENARIO is missing", SUBJECT_MODE="client")
        self.refused("PEER_ADDR is `127.0.0.1`", "CLIENT_SCENARIO is `dance`; it is one of all_colors, ",
                     SUBJECT_MODE="client", PEER_ADDR="127.0.0.1", CLIENT_SCENARIO="dance")
        self.refused("LISTEN_PORT is `x`", "CLIENT_SCENARIO is missing", SUBJECT_MODE="client-listen", LISTEN_PORT="x")

    def test_without_a_mode_it_is_a_server_that_needs_a_peer(self):
        self.refused("PEER_ADDR is missing; it is HOST:PORT of the peer")
        self.refused("PEER_ADDR is missing; it is HOST:PORT of the peer", SUBJECT_MODE="", PEER_ADDR="")

    def test_a_peer_is_a_host_and_a_port(self):
        for peer in ("ws://127.0.0.1:1", "127.0.0.1:", ":1", "127.0.0.1:0", "127.0.0.1:65536", "::1:80", "a b:1"):
            with self.subTest(peer=peer):
                self.refused(f"PEER_ADDR is `{peer}`; ", PEER_ADDR=peer)

    def test_a_port_to_listen_at_is_a_number(self):
        for port in ("-1", "65536", "http", "1:2", " 1"):
            with self.subTest(port=port):
                self.refused(f"LISTEN_PORT is `{port}`; it is a number from 0 to 65535", SUBJECT_MODE="server-listen",
                             LISTEN_PORT=port)

    def test_what_is_not_supported_is_refused_in_every_mode(self):
        for mode in ("server", "client", "server-listen", "client-listen"):
            good = {"SUBJECT_MODE": mode, "PEER_ADDR": "127.0.0.1:1", "CLIENT_SCENARIO": "echo"}
            for name, value in (("SPEC_TRANSPORT", "shm"), ("SPEC_CONDUIT", "firm"), ("STABLE_AWAY_MS", "1s"),
                                ("ACCEPT_CONNECTIONS", "2")):
                with self.subTest(mode=mode, name=name):
                    self.refused(f"{name} is `{value}`; ", **good, **{name: value})
            if mode != "client":
                with self.subTest(mode=mode):
                    self.refused("SPEC_TRANSPORT is `mem`, which needs SUBJECT_MODE=client", **good,
                                 SPEC_TRANSPORT="mem")

    def test_what_a_link_needs_is_asked_for(self):
        self.refused("LISTEN_PATH is ``; it is the path of a Unix socket", SUBJECT_MODE="server-listen",
                     SPEC_TRANSPORT="unix")
        self.refused("PEER_ADDR is missing; it is a path of the peer", SPEC_TRANSPORT="unix")
        self.refused("PEER_ADDR is `wss://127.0.0.1:1`; it is HOST:PORT, because SPEC_TRANSPORT is ws",
                     SPEC_TRANSPORT="ws", PEER_ADDR="wss://127.0.0.1:1")
        for transport in ("tls", "wss"):
            self.refused(f"TLS_CERTIFICATE is missing; SPEC_TRANSPORT {transport} needs the file of a certificate",
                         SUBJECT_MODE="server-listen", SPEC_TRANSPORT=transport)

    def test_arguments_are_refused_and_help_is_given(self):
        wrong = subprocess.run([SUBJECT, "echo"], capture_output=True, text=True, check=False, timeout=WATCHDOG_S)
        self.assertEqual((wrong.returncode, wrong.stdout), (2, ""))
        given = subprocess.run([SUBJECT, "--help"], capture_output=True, text=True, check=False, timeout=WATCHDOG_S)
        self.assertEqual((given.returncode, given.stderr), (0, ""))
        self.assertEqual(given.stdout, wrong.stderr)
        for name in VARIABLES[:-1]:
            self.assertIn(name, given.stdout)


# --- peers that are written byte by byte


def frame(payload):
    return struct.pack("<I", len(payload)) + payload


def text(characters):
    return bytes([len(characters)]) + characters.encode()


SERVICE = b"\x01" + text("vox-service") + b"\x00" + text("Testbed") + b"\x00"  # metadata: one entry, a string, no flags
HELLO = bytes.fromhex("000007004000")  # version 7, odd, 64 requests, no metadata
HELLO_YOURSELF = bytes.fromhex("0001014000")
UNKNOWN_CALL = bytes.fromhex("00070100070000")  # request 1 calls method 7, without channels and metadata
UNKNOWN_METHOD = bytes.fromhex("0007010100000101")

GARBAGE = {
    "http": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "an empty message": frame(b""),
    "a message of no kind": frame(b"\x00\x63\x01\x02\x03"),
    "a varint without end": frame(b"\xff" * 16),
    "another version": frame(bytes.fromhex("000008004000")),
    "a call before the hello": frame(UNKNOWN_CALL),
    "a length of 4 GiB": b"\xff\xff\xff\xff",
    "half a message": frame(HELLO)[:-2],
    "nothing at all": b"",
}


def receive(connection):
    """The next message."""
    size, = struct.unpack("<I", connection.recv(4, socket.MSG_WAITALL))
    return connection.recv(size, socket.MSG_WAITALL)


def say_and_finish(connection, said):
    """Says it, ends this direction, and reads until the other end is gone, in whatever way and however early."""
    with contextlib.suppress(OSError):
        connection.sendall(said)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(4096):
            pass


def connect(address):
    host, port = address.split(":")
    return socket.create_connection((host, int(port)))


class Listening:
    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        return self

    def __exit__(self, *_):
        self.listener.close()

    def accept(self):
        return self.listener.accept()[0]


class Peers(unittest.TestCase):
    def failed(self, ended, pattern=r"\w+: .*"):
        code, said = ended
        self.assertEqual(code, 1, said)
        self.assertRegex(said, rf"\Asubject: {pattern}\n\Z")

    def test_each_side_says_what_it_serves(self):
        with running(SUBJECT_MODE="server-listen") as server:
            with connect(server.listens_at()) as peer:
                peer.sendall(frame(HELLO))
                self.assertEqual(receive(peer), bytes.fromhex("0001018008") + SERVICE)
            self.assertEqual(server.end(), (0, ""))
        for variables in ({}, {"SUBJECT_MODE": "client", "CLIENT_SCENARIO": "echo"}):
            with Listening() as here, running(PEER_ADDR=here.address, **variables), here.accept() as peer:
                self.assertEqual(receive(peer), bytes.fromhex("000007008008") + SERVICE)

    def test_garbage_ends_a_server_with_a_sentence(self):
        for name, garbage in GARBAGE.items():
            with self.subTest(garbage=name, mode="server-listen"), running(SUBJECT_MODE="server-listen") as server:
                with connect(server.listens_at()) as peer:
                    say_and_finish(peer, garbage)
                self.failed(server.end())
            with self.subTest(garbage=name, mode="server"), Listening() as here:
                with running(SUBJECT_MODE="server", PEER_ADDR=here.address) as server:
                    with here.accept() as peer:
                        say_and_finish(peer, garbage)
                    self.failed(server.end())

    def test_garbage_ends_a_client_with_a_sentence(self):
        for name, garbage in GARBAGE.items():
            for is_greeted in (False, True):
                with self.subTest(garbage=name, is_greeted=is_greeted), Listening() as here:
                    with running(SUBJECT_MODE="client", PEER_ADDR=here.address, CLIENT_SCENARIO="generate") as client:
                        with here.accept() as peer:
                            say_and_finish(peer, (frame(HELLO_YOURSELF) if is_greeted else b"") + garbage)
                        self.failed(client.end(), r"(scenario generate: )?\w+: .*")

    def test_garbage_after_the_hello_ends_a_server_with_a_sentence(self):
        for name in ("http", "an empty message", "a message of no kind", "a varint without end", "half a message"):
            with self.subTest(garbage=name), running(SUBJECT_MODE="server-listen") as server:
                with connect(server.listens_at()) as peer:
                    say_and_finish(peer, frame(HELLO) + GARBAGE[name])
                self.failed(server.end(), "protocol: .*")

    def test_a_method_that_nobody_serves_is_an_answer_and_no_end(self):
        with running(SUBJECT_MODE="server-listen") as server:
            with connect(server.listens_at()) as peer:
                peer.sendall(frame(HELLO) + frame(UNKNOWN_CALL))
                receive(peer)
                self.assertEqual(receive(peer), UNKNOWN_METHOD)
                peer.sendall(frame(UNKNOWN_CALL))
                self.assertEqual(receive(peer), UNKNOWN_METHOD)
            self.assertEqual(server.end(), (0, ""))

    def test_an_answer_that_is_none_fails_the_scenario(self):
        with Listening() as here, running(SUBJECT_MODE="client", PEER_ADDR=here.address,
                                          CLIENT_SCENARIO="echo") as client:
            with here.accept() as peer:
                peer.sendall(frame(HELLO_YOURSELF))
                receive(peer)
                self.assertTrue(receive(peer).endswith(text("hello from client")))
                peer.sendall(frame(bytes.fromhex("00070101000000") + b"\x20cut"))
                self.failed(client.end(), r"scenario echo: unknown: it was answered, .*")

    def test_a_peer_that_is_gone_without_a_farewell_has_been_served(self):
        with running(SUBJECT_MODE="server-listen") as server:
            peer = connect(server.listens_at())
            peer.sendall(frame(HELLO))
            receive(peer)
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close() resets
            peer.close()
            self.assertEqual(server.end(), (0, ""))

    def test_one_connection_is_served_and_no_second_one(self):
        with running(SUBJECT_MODE="server-listen") as server:
            address = server.listens_at()
            with connect(address) as peer:
                peer.sendall(frame(HELLO))
                receive(peer)
                with self.assertRaises(ConnectionRefusedError):
                    connect(address)
            self.assertEqual(server.end(), (0, ""))

    def test_a_peer_that_is_not_there_is_an_error(self):
        with Listening() as here:
            address = here.address
        self.failed((lambda ran: (ran.returncode, ran.stdout + ran.stderr))(run(PEER_ADDR=address)),
                    rf"not_found: .*{re.escape(address)}.*")
        ran = run(SUBJECT_MODE="client", PEER_ADDR=address, CLIENT_SCENARIO="echo")
        self.failed((ran.returncode, ran.stdout + ran.stderr), rf"scenario echo: not_found: .*{re.escape(address)}.*")

    def test_a_port_that_is_taken_is_an_error(self):
        with Listening() as here:
            ran = run(SUBJECT_MODE="server-listen", LISTEN_PORT=here.address.split(":")[1])
            self.failed((ran.returncode, ran.stdout + ran.stderr), "refused: .*")

    def test_a_peer_that_says_nothing_is_given_up(self):
        with Listening() as here:
            with running(PEER_ADDR=here.address) as server, here.accept():
                self.failed(server.end(), r"timed_out: .*no session within 5 s.*")


PARTS = {"pairs": Pairs, "links": Links, "differences": Differences, "environment": Environment, "peers": Peers}

if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], PARTS[sys.argv[3]].__name__], verbosity=2)
