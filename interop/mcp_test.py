#!/usr/bin/env python3
"""MCP by the official SDK and the official conformance suite, against servers and clients of each kind.

Usage: mcp_test.py BUILD_FOLDER KINDS [--parley COMMAND] [unittest arguments]
       mcp_test.py BUILD_FOLDER KINDS --why-not   prints why it cannot run here, or nothing

KINDS are kinds with commas between: reference (the SDK itself), rust (the bridge of the published crates of cmd-ipc,
on standard streams only), parley. COMMAND is a program of ours that takes one word: `http` serves and prints
{"url": ..}, `stdio` speaks on its standard streams, `client` with a URL is what the suite wants of a client. Exit code
77 says that Node, its packages or all kinds cannot be had.
"""

import contextlib
import json
import os
import shlex
import subprocess
import sys
import unittest
from pathlib import Path

from peers import SKIPPED, WATCHDOG_S, ParleyPeer, RustPeer, fetch_mcp

KINDS = {}
CONFORMANCE_MAX_S = 600  # ends what hangs

STEPS = ("initialize", "ping", "list", "call", "structured", "echo", "big", "void", "fail", "unknown_tool",
         "wrong_arguments", "progress", "concurrent", "list_changed", "reconnect", "resume", "cancel", "end")


class Kind:
    """Where a kind of server or client is, and what it leaves out."""

    def __init__(self, stdio, http=None, client=None, prefix="", without=(), skips=()):
        self.stdio, self.http, self.client = stdio, http, client
        self.prefix = prefix  # of the tools that session.mjs calls
        self.without = without  # steps that are not even tried
        self.skips = set(skips)  # steps whose tool it has not
        self.environment = {**os.environ, "PEER_ROLE": "mcp", "PEER_NAME": prefix.rstrip(".")}


def rust(command):
    # Its reader cuts a line that reaches over the end of its buffer of 8 KiB while answers are written: the request is
    # lost, and answered with a parse error that names no id.
    return Kind(command, prefix="rust.", without=("big", "concurrent"), skips=("progress", "list_changed"))


def parley(command):
    return Kind([*command, "stdio"], [*command, "http"], [*command, "client"], prefix="peer.")


def reference(place):
    server = ["node", str(place / "reference_server.mjs")]
    return Kind([*server, "stdio"], [*server, "http"], ["node", str(place / "reference_client.mjs")])


class McpTest(unittest.TestCase):
    PLACE = None  # of the programs of mcp/ and their packages

    @contextlib.contextmanager
    def serving(self, command, environment):
        """The URL at which a program serves while this lasts."""
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                              env=environment) as server:
            try:
                yield json.loads(server.stdout.readline())["url"]
            finally:
                server.kill()

    def run_node(self, program, *arguments, environment=None, timeout=WATCHDOG_S):
        return subprocess.run(["node", str(self.PLACE / program), *arguments], check=False, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=environment, timeout=timeout)

    def session(self, kind, *target):
        tools = ("add", "echo", "fail", "void", "progress", "slow", "cancelled", "change")
        names = [word for tool in tools for word in ("--tool", f"{tool}={kind.prefix}{tool}")] if kind.prefix else []
        without = ["--without", ",".join(kind.without)] if kind.without else []
        ran = self.run_node("session.mjs", *names, *without, *target, environment=kind.environment)
        steps = {step.pop("step"): step for step in map(json.loads, ran.stdout.splitlines())}
        self.assertEqual({name: step for name, step in steps.items() if not step["ok"]}, {})
        self.assertEqual(list(steps), [step for step in STEPS if step not in kind.without])
        self.assertEqual(ran.returncode, 0)
        return {name for name, step in steps.items() if "skipped" in step}

    def conforms(self, *arguments, environment=None):
        ran = self.run_node("conformance.mjs", *arguments, environment=environment, timeout=CONFORMANCE_MAX_S)
        print(ran.stdout, file=sys.stderr)
        self.assertEqual(ran.returncode, 0)


class Servers(McpTest):
    def test_the_official_client_has_a_whole_session_over_http(self):
        for name, kind in KINDS.items():
            if kind.http:
                with self.subTest(server=name), self.serving(kind.http, kind.environment) as url:
                    self.assertEqual(self.session(kind, url), kind.skips)

    def test_the_official_client_has_a_whole_session_on_standard_streams(self):
        for name, kind in KINDS.items():
            with self.subTest(server=name):
                self.assertEqual(self.session(kind, *kind.stdio), kind.skips | {"reconnect", "resume"})

    def test_a_bridge_gives_each_session_over_http_a_process_of_its_own(self):
        for name, kind in KINDS.items():
            if kind.http:
                bridge = ["node", str(self.PLACE / "bridge.mjs"), *kind.stdio]
                with self.subTest(server=name), self.serving(bridge, kind.environment) as url:
                    for _ in range(2):
                        self.assertEqual(self.session(kind, url), kind.skips | {"resume"})

    def test_the_scenarios_of_the_suite_pass_over_http(self):
        for name, kind in KINDS.items():
            if kind.http:
                with self.subTest(server=name), self.serving(kind.http, kind.environment) as url:
                    self.conforms("server", url)

    def test_the_scenarios_of_the_suite_pass_on_standard_streams(self):
        for name, kind in KINDS.items():
            if kind.http:
                with self.subTest(server=name):
                    self.conforms("stdio", *kind.stdio, environment=kind.environment)


class Clients(McpTest):
    def test_the_scenarios_of_the_suite_pass(self):
        for name, kind in KINDS.items():
            if kind.client:
                with self.subTest(client=name):
                    self.conforms("client", shlex.join(kind.client), environment=kind.environment)


def main():
    build, wanted, arguments = Path(sys.argv[1]).absolute(), sys.argv[2].split(","), sys.argv[3:]
    peers = {"rust": (RustPeer(build, "commands"), rust)}
    if arguments[:1] == ["--parley"]:
        peers["parley"] = (ParleyPeer(shlex.split(arguments[1])), parley)
        arguments = arguments[2:]
    McpTest.PLACE, reason = fetch_mcp(build)
    if arguments[:1] == ["--why-not"]:
        print(reason)
        return
    for kind in wanted if not reason else ():
        if kind == "reference":
            KINDS[kind] = reference(McpTest.PLACE)
            continue
        peer, make = peers[kind]
        if why_not := peer.why_not():
            print(f"without {kind}: {why_not}")
        else:
            KINDS[kind] = make(peer.command())
    if not KINDS:
        print(f"skipped: {reason or 'none of these can be had'}")
        sys.exit(SKIPPED)
    unittest.main(argv=[sys.argv[0], *arguments], verbosity=2)


if __name__ == "__main__":
    main()
