"""A server of the bus in memory, for the tests of the clients here: as much as they need, and nothing of how a real one
bounds and supervises. It speaks over TCP, a Unix socket and WebSockets, at /bus and /liminal.

A subject `crash` crashes at its first message and `silent` never answers; any other says again what it hears. To a
worker each message of the subject `work` is pushed, and its answer is the reply."""

import itertools
import queue
import socket
import threading

import carriers
import codec

VERSIONS = [(1, 0)]
SCHEMA = codec.schema_id("{}")


class Server:
    def __init__(self, token=None, unix=None, schemas=None):
        self.token = token
        self.schemas = schemas or {}  # topic -> the id of its schema
        self.lock = threading.Lock()
        self.subscriptions = {}  # number -> (session, stream, topic)
        self.sequences = {}
        self.keys = {}
        self.workers = []
        self.ended_workers = []
        self.asked = {}  # correlation -> (session, stream, conversation)
        self.numbers = itertools.count(1)
        self.correlations = itertools.count(1)
        self.open = []  # sessions and listeners
        self.threads = []
        self.port = self.listen(socket.create_server(("127.0.0.1", 0)))
        if unix:
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(unix)
            listener.listen()
            self.listen(listener)

    def listen(self, listener):
        self.open.append(listener)
        self.start(self.accept, listener)
        return listener.getsockname()[1]

    def start(self, run, *arguments):
        thread = threading.Thread(target=run, args=arguments, daemon=True)
        self.threads.append(thread)
        thread.start()

    def accept(self, listener):
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            with self.lock:
                self.open.append(sock)
            self.start(self.serve, sock)

    def serve(self, sock):
        with sock:
            try:
                session = Session(self, door(sock))
                writer = threading.Thread(target=session.write, daemon=True)
                writer.start()
                try:
                    session.run()
                finally:
                    session.outbound.put(None)
                    writer.join()
            except (carriers.Ended, codec.Fault, OSError):
                pass  # it costs this connection alone

    def close(self):
        with self.lock:
            for each in self.open:
                try:
                    each.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass  # it is closed already
                each.close()
        for thread in self.threads:
            thread.join()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def door(sock):
    """A carrier for what is opened with a GET, or for frames."""
    if sock.recv(1, socket.MSG_PEEK) != b"G":
        return carriers.StreamCarrier(sock)
    lines, rest = carriers.read_head(sock)
    headers = carriers.headers_of(lines)
    key = headers.get("sec-websocket-key")
    is_from_here = headers.get("host", "").startswith("127.0.0.1:") and "origin" not in headers
    if lines[0].split()[1] not in ("/bus", "/liminal") or not key or not is_from_here:
        sock.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        raise carriers.Ended("no WebSocket was wanted")
    sock.sendall(("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                  f"Sec-WebSocket-Accept: {carriers.accept_key(key)}\r\n\r\n").encode())
    return carriers.WebSocketCarrier(sock, masks=False, buffer=rest)


class Session:
    def __init__(self, server, carrier):
        self.server = server
        self.carrier = carrier
        self.outbound = queue.SimpleQueue()  # so that who does not read holds up nobody
        self.is_let_in = server.token is None
        self.conversations = {}  # number -> subject
        self.crashed = set()

    def run(self):
        try:
            while self.take(self.carrier.receive()):
                pass
        finally:
            with self.server.lock:
                self.leave()

    def leave(self):
        server = self.server
        for number in [each for each, (session, *_) in server.subscriptions.items() if session is self]:
            del server.subscriptions[number]
        if self not in server.workers:
            return
        server.workers.remove(self)
        server.ended_workers.append(self)
        for session, stream, conversation in server.asked.values():
            session.fail(stream, conversation, "the worker has ended")
        server.asked.clear()

    def take(self, frame):
        """False: the connection ends."""
        if not self.is_let_in and frame.name not in ("Connect", "Disconnect", "Ping", "Unknown"):
            return False
        with self.server.lock:
            handler = getattr(self, "on_" + frame.name, None)
            return True if handler is None else handler(frame) is not False

    def send(self, name, stream=None, flags=0, **fields):
        self.outbound.put(codec.frame(name, stream, flags, **fields))

    def write(self):
        try:
            while frame := self.outbound.get():
                self.carrier.send(frame)
        except OSError:
            pass  # it has gone

    # --- the connection

    def on_Connect(self, frame):
        if self.server.token is not None and frame.token != self.server.token:
            self.send("ConnectError", reason=codec.AUTHENTICATION, text="wrong token")
            return False
        selected = codec.negotiate(frame.lowest, frame.highest, VERSIONS)
        if selected is None:
            self.send("ConnectError", reason=codec.VERSION, text=None)
            return False
        self.is_let_in = True
        self.send("ConnectAck", selected=selected, capabilities=0)
        return True

    def on_Disconnect(self, _):
        return False

    def on_Ping(self, _):
        self.send("Pong")

    # --- topics

    def on_Subscribe(self, frame):
        schema = self.server.schemas.get(frame.topic, SCHEMA)
        if frame.schemas and schema not in frame.schemas:
            self.send("SubscribeError", frame.stream, reason=codec.SCHEMA, text="another schema")
            return
        number = next(self.server.numbers)
        self.server.subscriptions[number] = (self, frame.stream, frame.topic)
        self.server.sequences[number] = itertools.count(1)
        self.send("SubscribeAck", frame.stream, subscription=number, schema=schema)

    def on_Unsubscribe(self, frame):
        if self.server.subscriptions.get(frame.subscription, (None,))[0] is self:
            del self.server.subscriptions[frame.subscription]

    def on_Publish(self, frame):
        key = (frame.topic, frame.fields.get("key"))
        if key[1] is not None and key in self.server.keys:
            self.send("PublishAck", frame.stream, message=self.server.keys[key])
            return
        message = self.server.keys[key] = next(self.server.numbers)
        reached = [each for each in self.server.subscriptions.items() if each[1][2] == frame.topic]
        for number, (session, stream, _) in reached:
            session.send("Deliver", stream, sequence=next(self.server.sequences[number]), envelope=frame.envelope)
        self.send("PublishAck", frame.stream, codec.DELIVERED if reached else 0, message=message)

    # --- conversations

    def fail(self, stream, conversation, text):
        self.send("ConversationError", stream, conversation=conversation, reason=0xFFFF, text=text)

    def on_ConversationOpen(self, frame):
        if frame.conversation in self.conversations:
            self.fail(frame.stream, frame.conversation, "it is open")
        else:
            self.conversations[frame.conversation] = frame.subject

    def on_ConversationMessage(self, frame):
        subject = self.conversations.get(frame.conversation)
        if subject == "crash":
            self.crashed.add(frame.conversation)
        if subject is None or frame.conversation in self.crashed:
            self.fail(frame.stream, frame.conversation, "it is not open" if subject is None else "it crashed")
        elif subject == "work" and self.server.workers:
            correlation = next(self.server.correlations)
            self.server.asked[correlation] = (self, frame.stream, frame.conversation)
            self.server.workers[0].send("Push", 1, correlation=correlation, payload=frame.envelope.payload)
        elif subject != "silent" and frame.flags & codec.REPLY:
            self.reply(frame.stream, frame.conversation, frame.envelope.payload)

    def reply(self, stream, conversation, payload):
        self.send("ConversationMessage", stream, codec.REPLY, conversation=conversation,
                  envelope=codec.Envelope(payload))

    def on_ConversationClose(self, frame):
        self.conversations.pop(frame.conversation, None)

    # --- workers

    def on_WorkerRegister(self, frame):
        rejected = None if frame.namespaces else "it works for nobody"
        if rejected is None:
            self.server.workers.append(self)
        self.send("WorkerRegisterAck", rejected=rejected)

    def on_PushReply(self, frame):
        asked = self.server.asked.pop(frame.correlation, None)
        if asked:
            session, stream, conversation = asked
            session.reply(stream, conversation, frame.payload)
