"""What the tests of commands have in common: a place of their own, a hub, workers, and processes that go on.

The programs are those of the command line, PARLEY and WORKER first.
"""

import contextlib
import http.client
import json
import os
import socket
import sys

from process_suite import ProcessTest

PARLEY, WORKER = (os.path.abspath(path) for path in sys.argv[1:3])
SECRET = "a secret of sixteen bytes and more"


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket, as `curl --unix-socket` speaks it."""

    def __init__(self, path):
        super().__init__("localhost", timeout=100)
        self.socket_path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(100)
        self.sock.connect(self.socket_path)


class CommandTest(ProcessTest):
    def hub(self, *options):
        return self.start(PARLEY, "hub", *options, until="hub: listens at ")

    def worker(self, program=WORKER):
        return self.start(program, self.address, until="attached")

    def tokens(self, *rules, address=None):
        """A hub that listens at a port, too, where one with a token may what the rules say; the port."""
        token = f"{self.place}/token"
        with open(token, "w", encoding="utf-8") as file:
            file.write(SECRET)
        os.chmod(token, 0o600)
        options = [word for rule in rules for word in ("--allow", f"token:ci {rule}")]
        hub = self.begin(PARLEY, "hub", "--token-file", f"ci={token}", *options, "--listen", address or self.address,
                         "--listen", "tcp:127.0.0.1:0")
        lines = [hub.stdout.readline() for _ in range(2)]
        return int(lines[1].split("tcp:127.0.0.1:")[1].split()[0])

    def parley(self, *arguments, **environment):
        return self.run_program(PARLEY, *arguments, **environment)

    def expect(self, ran, exit_code, *said):
        self.assertEqual(ran.returncode, exit_code, ran.stdout + ran.stderr)
        for text in said:
            self.assertIn(text, ran.stdout + ran.stderr)

    def request(self, connection, method, path, body=None, **headers):
        """(status, the JSON of the answer)"""
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None and "Content-Type" not in fields:
            fields["Content-Type"] = "application/json"
        with contextlib.closing(connection):
            connection.request(method, path, body if body is None or isinstance(body, str) else json.dumps(body),
                               fields)
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if "json" in answer.getheader("Content-Type", "") else text

    @staticmethod
    def execution(command, request=None):
        message = {"id": "b6a7d3e2-0000-4000-8000-000000000001", "type": "execute.command.request",
                   "commandId": command}
        return message if request is None else {**message, "request": request}
