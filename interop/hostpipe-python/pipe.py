"""Both sides of a host pipe, written from its description alone: lines of JSON over a Unix socket.

`Host` registers with a launcher, does what it is told and reports; `Launcher` is the other side for one host at a time.
Neither has anything of Parley.
"""

import collections
import json
import os
import socket
import threading

WAIT_S = 30  # ends what hangs; no statement about speed
ANSWERS_KEPT = 256


class Ended(Exception):
    """The other side is gone."""


class Lines:
    """Lines of JSON over a socket; lines that are none are counted and passed over."""

    def __init__(self, stream):
        self.socket = stream
        self.socket.settimeout(WAIT_S)
        self.skipped = []
        self.read_bytes = b""

    def write(self, data):
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise Ended from error

    def say(self, **line):
        self.write(json.dumps(line).encode() + b"\n")

    def line(self):
        while b"\n" not in self.read_bytes:
            try:
                data = self.socket.recv(65536)
            except TimeoutError:
                raise
            except OSError as error:  # also of one that was closed here
                raise Ended from error
            if not data:
                raise Ended
            self.read_bytes += data
        line, _, self.read_bytes = self.read_bytes.partition(b"\n")
        return line

    def close(self):
        self.socket.close()


def read_of_launcher(line):
    """An envelope, else a raw event: ("command", {...}) or ("event", {...}); None is neither."""
    try:
        said = json.loads(line)
    except ValueError:
        return None
    if not isinstance(said, dict):
        return None
    if said.get("kind") == "command" and isinstance(said.get("cmd"), str):
        return "command", said
    if said.get("kind") == "event" and isinstance(said.get("event"), str):
        return "event", {name: value for name, value in said.items() if name != "kind"}
    return ("event", said) if isinstance(said.get("event"), str) else None


class Host(Lines):
    """A host. `actions`: what it does for a command, a function that gives the report and its members, or raises."""

    def __init__(self, path, actions=None):
        stream = socket.socket(socket.AF_UNIX)
        stream.connect(path)
        super().__init__(stream)
        self.actions = actions or {}
        self.done = collections.OrderedDict()  # what was reported, by saga and command
        self.ran = []

    def register(self, pid=None, **more):
        self.say(cmd="register", kind="host", pid=os.getpid() if pid is None else pid, **more)
        return self.heard()

    def heard(self):
        """The next command or event."""
        while True:
            line = self.line()
            if not line.strip():
                continue
            read = read_of_launcher(line)
            if read:
                return read
            self.skipped.append(line)

    def event(self, name):
        kind, said = self.heard()
        assert (kind, said.get("event")) == ("event", name), f"{said} is not the event {name}"
        return said

    def command(self, name):
        kind, said = self.heard()
        assert (kind, said.get("cmd")) == ("command", name), f"{said} is not the command {name}"
        return said

    def do(self, said):
        """What a command wants, once: said again, it is reported again."""
        saga = said.get("saga_id")
        key = saga, said["cmd"]
        if saga and key in self.done:
            self.done.move_to_end(key)
            return self.write(self.done[key])
        self.ran.append(key)
        try:
            name, members = self.actions[said["cmd"]](said)
        except Exception as error:
            return self.say(cmd="saga_action_failed", saga_id=saga, reason=str(error))
        report = json.dumps({"cmd": name, "saga_id": saga, **members}).encode() + b"\n"
        self.done[key] = report
        while len(self.done) > ANSWERS_KEPT:
            self.done.popitem(last=False)
        self.write(report)

    def serve(self):
        """Does what comes until the launcher is gone."""
        try:
            while True:
                kind, said = self.heard()
                if kind == "command":
                    self.do(said)
        except Ended:
            return

    def ended(self):
        try:
            while True:
                self.line()
        except Ended:
            return True


class Launcher:
    """Listens for one host, agrees to whatever registers, and numbers its events."""

    def __init__(self, path):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()
        self.listener.settimeout(WAIT_S)
        self.version = 0
        self.host = None

    def accept(self):
        self.host = Lines(self.listener.accept()[0])
        said = self.said()
        assert said["cmd"] == "register", said
        self.event("registered", pid=said["pid"], kind=said["kind"])
        return said

    def said(self):
        return json.loads(self.host.line())

    def event(self, name, **members):
        self.version += 1
        self.host.say(event=name, **members, version=self.version)

    def command(self, name, saga, **members):
        self.host.say(kind="command", cmd=name, saga_id=saga, **members)

    def close(self):
        if self.host:
            self.host.close()
        self.listener.close()


def serve_in_thread(host):
    thread = threading.Thread(target=host.serve, daemon=True)
    thread.start()
    return thread
