#!/usr/bin/env python3
"""Commands of Parley beside the registries of other implementations and the floor, interleaved in one run.

Usage: bench/commands.py [--reps N] [--bin DIR] [--interop DIR] [--smoke]

  --reps N        repetitions; figures are their medians (default 5)
  --bin DIR       where the release build is (default build/release)
  --interop DIR   where what interop/ fetches and builds is (default build/dev/interop)
  --smoke         one repetition, to show that it works

Each implementation is measured against itself, as its users would run it: in one process, over lines on TCP and over
HTTP. The floor is Asio's round trip over TCP. An implementation that cannot be had here is left out and named.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

sys.dont_write_bytecode = True
ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "interop"))
from peers import TOKEN, NodePeer, RustPeer  # noqa: E402


def measured(command, *arguments):
    done = subprocess.run([*command, "--bench", *arguments], check=True, text=True, stdout=subprocess.PIPE,
                          env={**os.environ, "PEER_TOKEN": TOKEN})
    return json.loads(done.stdout)["rows"]


class Server:
    """A peer that serves `root.add` at an address."""

    def __init__(self, command, listen):
        variables = {"PEER_NAME": "root", "PEER_ROLE": "root", "PEER_LISTEN": listen, "PEER_TOKEN": TOKEN}
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env={**os.environ, **variables})
        self.address = json.loads(self.process.stdout.readline())["listens"][0]

    def __enter__(self):
        return self.address

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def floor(binaries, in_flight, seconds):
    done = subprocess.run([str(binaries / "bench/peer_asio"), "unary", "transport=tcp", f"inflight={in_flight}",
                           f"secs={seconds}"], check=True, text=True, stdout=subprocess.PIPE)
    row = json.loads(done.stdout.splitlines()[-1])
    return {"path": "tcp", "in_flight": in_flight, "per_second": row["rate"], "p50_us": row["p50_us"]}


def run_once(binaries, others):
    found = []
    ours = {"parley": ([str(binaries / "bench/commands_bench")], [str(binaries / "tests/commands/commands_peer")])}
    for name, (client, server) in {**ours, **{kind: (command, command) for kind, command in others.items()}}.items():
        found += [(name, row) for row in measured(client)]
        for listen in ["tcp:127.0.0.1:0"] + (["http:127.0.0.1:0"] if name != "rust" else []):
            with Server(server, listen) as address:
                found += [(name, row) for row in measured(client, address, "root.add")]
    return found + [("asio", floor(binaries, in_flight, 1)) for in_flight in (1, 64)]


def table(rows):
    by_row = defaultdict(lambda: defaultdict(list))
    for name, row in rows:
        by_row[(row["path"], row["in_flight"])][name].append(row)
    names = ["parley", "rust", "node", "asio"]
    lines = ["| path | in flight | " + " | ".join(f"{name}: p50 µs, calls/s" for name in names) + " |",
             "|---|---|" + "---|" * len(names)]
    for (path, in_flight), row in by_row.items():
        cells = []
        for name in names:
            found = row.get(name)
            cells.append(f"{statistics.median(each['p50_us'] for each in found):.2f}, "
                         f"{statistics.median(each['per_second'] for each in found):,.0f}" if found else "–")
        lines.append(f"| {path} | {in_flight} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reps", type=int, default=5)
    parser.add_argument("--bin", type=Path, default=ROOT / "build/release")
    parser.add_argument("--interop", type=Path, default=ROOT / "build/dev/interop")
    parser.add_argument("--smoke", action="store_true")
    options = parser.parse_args()
    others = {}
    for name, peer in (("rust", RustPeer(options.interop, "commands", is_release=True)), ("node", NodePeer())):
        if reason := peer.why_not():
            print(f"without {name}: {reason}", file=sys.stderr)
        else:
            others[name] = peer.command()
    rows = []
    for _ in range(1 if options.smoke else options.reps):
        rows += run_once(options.bin.resolve(), others)
    print(table(rows))


if __name__ == "__main__":
    main()
