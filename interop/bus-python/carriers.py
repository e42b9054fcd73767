"""What frames travel on: a byte stream, where one follows the other, or a WebSocket, where each is a binary message."""

import base64
import hashlib
import os
import socket
import struct

import codec

FRAME_BYTES_MAX = 64 << 20
ACCEPT_SALT = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
CONTINUED, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


class Ended(Exception):
    """The other end has closed, or what it sent stopped in the middle."""


class StreamCarrier:
    def __init__(self, sock):
        self.socket = sock
        self.buffer = bytearray()

    def send(self, *frames):
        self.socket.sendall(b"".join(codec.encode(each) for each in frames))

    def receive(self):
        while True:
            try:
                read, size = codec.decode(self.buffer)
                del self.buffer[:size]
                return read
            except codec.Fault as fault:
                if fault.reason not in (codec.INCOMPLETE_HEAD, codec.TRUNCATED_BODY):
                    raise
            if len(self.buffer) >= codec.HEAD.size and codec.HEAD.unpack_from(self.buffer)[3] > FRAME_BYTES_MAX:
                raise codec.Fault(codec.MALFORMED, "a frame longer than anybody sends")
            self.fill()

    def fill(self):
        try:
            data = self.socket.recv(1 << 16)
        except ConnectionError as error:
            raise Ended(str(error)) from None
        if not data:
            raise Ended("the stream has ended")
        self.buffer += data

    def close(self):
        self.socket.close()


class WebSocketCarrier(StreamCarrier):
    """Made over a socket on which the handshake is done; `masks` is what a client does, and a server does not."""

    def __init__(self, sock, masks, buffer=b""):
        super().__init__(sock)
        self.masks = masks
        self.buffer += buffer

    def send(self, *frames):
        self.socket.sendall(b"".join(self.message(BINARY, codec.encode(each)) for each in frames))

    def message(self, opcode, payload):
        size = len(payload)
        mask = 0x80 if self.masks else 0
        if size < 126:
            head = struct.pack(">BB", 0x80 | opcode, mask | size)
        elif size < 1 << 16:
            head = struct.pack(">BBH", 0x80 | opcode, mask | 126, size)
        else:
            head = struct.pack(">BBQ", 0x80 | opcode, mask | 127, size)
        if not self.masks:
            return head + payload
        key = os.urandom(4)
        return head + key + masked(payload, key)

    def receive(self):
        whole, begun = b"", None
        while True:
            is_last, opcode, payload = self.receive_part()
            if opcode == PING:
                self.socket.sendall(self.message(PONG, payload))
            elif opcode == CLOSE:
                raise Ended("the WebSocket was closed")
            elif opcode != PONG:
                begun = opcode if begun is None else begun
                whole += payload
                if is_last:
                    if begun != BINARY:
                        raise codec.Fault(codec.MALFORMED, "a message that is not binary")
                    return codec.decode_message(whole)

    def receive_part(self):
        first, second = self.exactly(2)
        size = second & 0x7F
        if size == 126:
            size, = struct.unpack(">H", self.exactly(2))
        elif size == 127:
            size, = struct.unpack(">Q", self.exactly(8))
        key = self.exactly(4) if second & 0x80 else None
        payload = self.exactly(size)
        return bool(first & 0x80), first & 0x0F, masked(payload, key) if key else payload

    def exactly(self, count):
        while len(self.buffer) < count:
            self.fill()
        data = bytes(self.buffer[:count])
        del self.buffer[:count]
        return data


def masked(payload, key):
    if not payload:
        return b""
    long_key = (key * (len(payload) // 4 + 1))[:len(payload)]
    number = int.from_bytes(payload, "big") ^ int.from_bytes(long_key, "big")
    return number.to_bytes(len(payload), "big")


def accept_key(key):
    return base64.b64encode(hashlib.sha1((key + ACCEPT_SALT).encode()).digest()).decode()


def read_head(sock):
    """The lines of an HTTP head, and what came behind it."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = sock.recv(4096)
        if not more:
            raise Ended("no head of HTTP came")
        data += more
    head, _, rest = data.partition(b"\r\n\r\n")
    return head.decode("latin-1").split("\r\n"), rest


def headers_of(lines):
    return {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}


def upgrade(sock, host, path, headers=()):
    """A client's handshake."""
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}", "Upgrade: websocket", "Connection: Upgrade",
             f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", *headers]
    sock.sendall("\r\n".join([*lines, "", ""]).encode())
    answer, rest = read_head(sock)
    if " 101 " not in answer[0] + " " or headers_of(answer).get("sec-websocket-accept") != accept_key(key):
        raise Ended(f"no WebSocket there: {answer[0]}")
    return WebSocketCarrier(sock, masks=True, buffer=rest)


def dial(address, timeout_s, headers=()):
    """`unix:PATH`, `tcp:HOST:PORT` or `ws://HOST:PORT/PATH`."""
    if address.startswith("unix:"):
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(timeout_s)
        sock.connect(address.removeprefix("unix:"))
        return StreamCarrier(sock)
    is_web = address.startswith("ws://")
    place, _, path = address.removeprefix("ws://").removeprefix("tcp:").partition("/")
    host, _, port = place.rpartition(":")
    sock = socket.create_connection((host, int(port)), timeout_s)
    if not is_web:
        return StreamCarrier(sock)
    try:
        return upgrade(sock, place, "/" + path, headers)
    except BaseException:
        sock.close()
        raise
