"""Clients of MCP for tests: as an agent speaks it on the standard streams of a process, and over HTTP."""

import contextlib
import http.client
import json

LATEST, FIRST = "2025-11-25", "2024-11-05"


def introduction(version=LATEST):
    return {"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}


class Agent:
    """A client of MCP: what is common to standard streams and HTTP."""

    last = 0

    def request(self, method, params):
        self.last += 1
        return {"jsonrpc": "2.0", "id": self.last, "method": method, "params": params}

    def result(self, method, **params):
        return self.ask(method, **params)["result"]

    def error(self, method, **params):
        error = self.ask(method, **params)["error"]
        return error["code"], error["message"]

    def initialize(self, version=LATEST):
        introduced = self.result("initialize", **introduction(version))
        self.notify("notifications/initialized")
        return introduced

    def tools(self):
        return {tool["name"]: tool for tool in self.result("tools/list")["tools"]}

    def call(self, tool, **arguments):
        return self.result("tools/call", name=tool, arguments=arguments)


class StreamAgent(Agent):
    """On the standard streams of a process."""

    def __init__(self, process):
        self.process = process
        self.notifications = []

    def write(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def notify(self, method, **params):
        self.write(json.dumps({"jsonrpc": "2.0", "method": method, "params": params}))

    def begin(self, method, **params):
        self.write(json.dumps(self.request(method, params)))

    def ask(self, method, **params):
        self.begin(method, **params)
        return self.answer(self.last)

    def answer(self, number):
        """The response to a request, or to what had no number; notifications before it are kept."""
        while True:
            message = json.loads(self.process.stdout.readline())
            if "method" not in message:
                assert message["id"] == number, message
                return message
            self.notifications.append(message)

    def notified(self, method):
        """Waits for the next one that was not looked at."""
        while not self.notifications:
            message = json.loads(self.process.stdout.readline())
            assert "method" in message, message
            self.notifications.append(message)
        message = self.notifications.pop(0)
        assert message["method"] == method, message
        return message.get("params")


class HttpAgent(Agent):
    """Over HTTP at a port of a hub."""

    def __init__(self, port, token=None):
        self.port = port
        self.fields = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
        if token:
            self.fields["Authorization"] = f"Bearer {token}"

    @contextlib.contextmanager
    def open(self, method, body=None, connection=None, **fields):
        """The response, its body unread."""
        fields = {**self.fields, **{name.replace("_", "-"): value for name, value in fields.items()}}
        connection = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=100)
        with contextlib.closing(connection):
            connection.request(method, "/mcp", body if body is None else json.dumps(body), fields)
            yield connection.getresponse()

    def status(self, method, body=None, **fields):
        with self.open(method, body, **fields) as response:
            return response.status

    @staticmethod
    def messages(response):
        """Those of the stream of events, as they come."""
        for line in response:
            if line.startswith(b"data:") and line[5:].strip():
                yield json.loads(line[5:])

    def notify(self, method, **params):
        assert self.status("POST", {"jsonrpc": "2.0", "method": method, "params": params}) == 202

    def ask(self, method, **params):
        asked = self.request(method, params)
        with self.open("POST", asked) as response:
            assert response.status == 200, response.read()
            if method == "initialize":
                self.fields["Mcp-Session-Id"] = response.getheader("Mcp-Session-Id")
                self.fields["MCP-Protocol-Version"] = params["protocolVersion"]
            if response.getheader("Content-Type") == "application/json":
                return json.loads(response.read())
            return next(each for each in self.messages(response) if each.get("id") == asked["id"])
