"""What the tests against peers in other languages share: where the peers come from, and how one is given orders."""

import itertools
import json
import os
import shutil
import socket
import subprocess
import threading
from pathlib import Path

HERE = Path(__file__).resolve().parent

SKIPPED = 77
FETCH_MAX_S = 300
WATCHDOG_S = 100  # ends what hangs; no statement about speed
NODE_MAJOR_MIN = 18

# --- where the peers come from


def copy_changed(sources, base, target):
    """Copies of sources, by their paths below base; only what changed, so that nothing is built twice."""
    for source in sources:
        copy = target / source.relative_to(base)
        copy.parent.mkdir(parents=True, exist_ok=True)
        if not copy.exists() or copy.read_bytes() != source.read_bytes():
            shutil.copyfile(source, copy)
    return target


def outcome(command, tool, **options):
    """Why a command that fetches did not succeed; empty if it did."""
    try:
        ran = subprocess.run(command, check=False, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, timeout=FETCH_MAX_S, **options)
    except subprocess.TimeoutExpired:
        return f"{tool} had not fetched after {FETCH_MAX_S} s"
    if ran.returncode == 0:
        return ""
    errors = [line for line in ran.stdout.splitlines() if line.startswith(("error", "npm error"))]
    return f"{tool} cannot fetch: " + (errors[0] if errors else f"it ended with {ran.returncode}")


class RustPeer:
    """The program of KIND-rust, built by cargo from a copy of its sources, because cargo writes beside them."""

    def __init__(self, build, kind, is_release=False):
        self.source, self.program = HERE / f"{kind}-rust", f"{kind}_peer"
        self.build = build / f"{kind}-rust"
        self.is_release = is_release

    def cargo(self, *arguments):
        sources = [self.source / "Cargo.toml", *sorted((self.source / "src").glob("*.rs"))]
        crate = copy_changed(sources, self.source, self.build / "crate")
        return ["cargo", *arguments, "--manifest-path", str(crate / "Cargo.toml")]

    def environment(self):
        return {**os.environ, "CARGO_TARGET_DIR": str(self.build / "target"), "CARGO_TERM_COLOR": "never"}

    def why_not(self):
        if not shutil.which("cargo"):
            return "there is no cargo here"
        return outcome(self.cargo("fetch"), "cargo", env=self.environment())

    def command(self):
        profile = ["--release"] if self.is_release else []
        built = subprocess.run(self.cargo("build", *profile), check=False, text=True, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=self.environment())
        if built.returncode:
            raise SystemExit(built.stdout)
        return [str(self.build / "target" / ("release" if self.is_release else "debug") / self.program)]


class NodePeer:
    """The program of commands-node, which needs nothing but Node."""

    def why_not(self):
        return why_no_node()

    def command(self):
        return ["node", str(HERE / "commands-node/peer.mjs")]


class ParleyPeer:
    """A program of ours, built before."""

    def __init__(self, program):
        self.program = program

    def why_not(self):
        return "" if shutil.which(self.program[0]) else f"{self.program[0]} was not built"

    def command(self):
        return self.program


def why_no_node():
    if not shutil.which("node"):
        return "there is no node here"
    version = subprocess.run(["node", "--version"], check=True, text=True, stdout=subprocess.PIPE).stdout.strip()
    if int(version[1:].split(".")[0]) < NODE_MAJOR_MIN:
        return f"node is {version}, and {NODE_MAJOR_MIN} is the least"
    return ""


def fetch_mcp(build):
    """The programs of mcp/ beside the packages that they need, in build/mcp, and why that cannot be had."""
    place = build / "mcp"
    if reason := why_no_node():
        return place, reason
    if not shutil.which("npm"):
        return place, "there is no npm here"
    copy_changed(sorted((HERE / "mcp").glob("*.mjs")), HERE / "mcp", place)
    manifest = HERE / "mcp/package.json"
    fetched = place / "fetched.json"  # the manifest that node_modules belongs to
    if fetched.exists() and fetched.read_bytes() == manifest.read_bytes():
        return place, ""
    copy_changed([manifest], HERE / "mcp", place)
    command = ["npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error"]
    reason = outcome(command, "npm", cwd=place)
    if not reason:
        shutil.copyfile(manifest, fetched)
    return place, reason


# --- a peer that runs

# Of clients over HTTP, and what a server that wants one knows: ours lets nobody in at a port without.
TOKEN = "a token of this test alone"


class Refused(Exception):
    """What an order was answered with, where it was not carried out."""

    def __init__(self, error):
        super().__init__(f"{error['code']}: {error['message']}")
        self.code, self.message = error["code"], error["message"]


class Peer:
    """A peer as a process; it is ready when this is made. Orders may be in flight side by side."""

    def __init__(self, command, carrier=None, orders_at=None, **variables):
        """A carrier is a socket that the peer has as its standard streams; its orders then come from orders_at."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PEER_")}
        environment["PEER_TOKEN"] = TOKEN
        if orders_at:
            variables["PEER_ORDERS"] = f"unix:{orders_at}"
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(orders_at)
            listener.listen()
        streams = {"stdin": carrier or subprocess.PIPE, "stdout": carrier or subprocess.PIPE}
        self.process = subprocess.Popen(command, **streams, env={**environment, **variables})
        # A peer that hangs is ended, and who waits for it then reads the end of its answers.
        self.watchdog = threading.Timer(WATCHDOG_S, self.process.kill)
        self.watchdog.daemon = True
        self.watchdog.start()
        if orders_at:
            listener.settimeout(WATCHDOG_S)
            connected, _ = listener.accept()
            listener.close()
            self.orders, self.answers = connected.makefile("w"), connected.makefile("r")
            connected.close()
        else:
            self.orders = os.fdopen(os.dup(self.process.stdin.fileno()), "w")
            self.answers = os.fdopen(os.dup(self.process.stdout.fileno()), "r")
            self.process.stdin.close()
            self.process.stdout.close()
        self.numbers = itertools.count(1)
        self.early = {}  # answers that were not yet asked for
        self.listens = self.read()["listens"]

    def read(self):
        line = self.answers.readline()
        if not line:
            raise AssertionError(f"the peer ended with {self.process.wait()} and no answer")
        return json.loads(line)

    def begin(self, do, **fields):
        number = next(self.numbers)
        self.orders.write(json.dumps({"do": do, "id": number, **fields}) + "\n")
        self.orders.flush()
        return number

    def end(self, number):
        while number not in self.early:
            answer = self.read()
            self.early[answer["id"]] = answer
        answer = self.early.pop(number)
        if not answer["ok"]:
            raise Refused(answer["error"])
        return answer

    def order(self, do, **fields):
        return self.end(self.begin(do, **fields))

    def execute(self, command, request=None, **fields):
        if request is not None:
            fields["request"] = request
        return self.order("execute", command=command, **fields).get("result")

    def commands(self):
        return [command["id"] for command in self.order("list")["commands"]]

    def events(self, count=0):
        """All that it has heard, once there are so many."""
        return [event["event"] for event in self.order("events", count=count)["events"]]

    def kill(self):
        self.watchdog.cancel()
        self.process.kill()
        self.process.wait()
        for stream in (self.orders, self.answers):
            try:
                stream.close()
            except OSError:
                pass  # an order that it did not take any more
