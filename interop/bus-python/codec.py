"""Frames of the bus, as liminal 0.2.3 speaks it: bytes to values and back, and the ids that both ends derive."""

import struct
from dataclasses import dataclass, field

HEAD = struct.Struct(">BBII")  # type, flags, stream, length of the body

INCOMPLETE_HEAD, TRUNCATED_BODY, UNKNOWN_FRAME, WRONG_STREAM, WRONG_STATE = 1, 2, 3, 4, 5
AUTHENTICATION, VERSION, SCHEMA, MALFORMED = 6, 7, 8, 9
UNKNOWN_TOPIC, QUIESCED = 0x0101, 0x0102

DELIVERED = 0x01  # flag of a PublishAck
WITH_KEY = 0x02  # flag of a Publish
REPLY = 0x01  # flag of a ConversationMessage: one is wanted, or this is one

NO_SCHEMA = bytes(32)

# type -> name and fields, in their order. A field whose kind ends with `?` is there or not, by a byte before it.
FRAMES = {
    0x01: ("Connect", (("lowest", "version"), ("highest", "version"), ("token", "bytes"))),
    0x02: ("ConnectAck", (("selected", "version"), ("capabilities", "u32"))),
    0x03: ("ConnectError", (("reason", "u16"), ("text", "text?"))),
    0x04: ("Disconnect", ()),
    0x05: ("Subscribe", (("topic", "text"), ("schemas", "schemas"), ("in_flight_max", "u32"))),
    0x06: ("SubscribeAck", (("subscription", "u64"), ("schema", "schema"))),
    0x07: ("SubscribeError", (("reason", "u16"), ("text", "text?"))),
    0x08: ("Unsubscribe", (("subscription", "u64"),)),
    0x09: ("Publish", (("topic", "text"), ("envelope", "envelope"))),
    0x0A: ("PublishAck", (("message", "u64"),)),
    0x0B: ("PublishError", (("reason", "u16"), ("text", "text?"))),
    0x0C: ("ConversationOpen", (("conversation", "u64"), ("subject", "text"))),
    0x0D: ("ConversationMessage", (("conversation", "u64"), ("envelope", "envelope"))),
    0x0E: ("ConversationClose", (("conversation", "u64"), ("reason", "u16?"), ("text", "text?"))),
    0x0F: ("ConversationError", (("conversation", "u64"), ("reason", "u16"), ("text", "text?"))),
    0x10: ("Accept", (("message", "text"),)),
    0x11: ("Defer", (("message", "text"), ("reason", "text?"))),
    0x12: ("Reject", (("message", "text"), ("reason", "text?"))),
    0x13: ("Ping", ()),
    0x14: ("Pong", ()),
    0x15: ("Push", (("correlation", "u64"), ("payload", "bytes"))),
    0x16: ("PushReply", (("correlation", "u64"), ("payload", "bytes"))),
    0x17: ("WorkerRegister", (("namespaces", "texts"), ("task_queue", "text"), ("node", "text?"),
                              ("activity_types", "texts"), ("identity", "text"))),
    0x18: ("WorkerRegisterAck", (("rejected", "rejection"),)),
    0x19: ("Deliver", (("sequence", "u64"), ("envelope", "envelope"))),
}
TYPES = {name: number for number, (name, _) in FRAMES.items()}
CONTROL = {TYPES[name] for name in ("Connect", "ConnectAck", "ConnectError", "Disconnect", "Ping", "Pong",
                                    "WorkerRegister", "WorkerRegisterAck")}


class Fault(Exception):
    """Bytes that are no frame, and the number that says why."""

    def __init__(self, reason, what):
        super().__init__(what)
        self.reason = reason


@dataclass
class Envelope:
    payload: bytes = b""
    schema: bytes = NO_SCHEMA
    parent: str | None = None
    clock: int | None = None


@dataclass
class Frame:
    """One of FRAMES by its name, or `Unknown` with its `type` and `body`."""
    name: str
    stream: int = 0
    flags: int = 0
    fields: dict = field(default_factory=dict)

    def __getattr__(self, name):
        try:
            return self.__dict__["fields"][name]
        except KeyError:
            raise AttributeError(name) from None


def frame(name, stream=None, flags=0, **fields):
    if stream is None:
        stream = 0 if TYPES[name] in CONTROL else 1
    return Frame(name, stream, flags, fields)


# --- to bytes


def put_number(format):
    return struct.Struct(format).pack


def put_bytes(value):
    return struct.pack(">I", len(value)) + value


def put_text(value):
    return put_bytes(value.encode())


def put_list(put):
    return lambda values: struct.pack(">I", len(values)) + b"".join(put(value) for value in values)


def put_envelope(value):
    cause = put_option(put_text)(value.parent) + put_option(put_number(">Q"))(value.clock)
    return put_bytes(value.schema + put_bytes(cause) + put_bytes(value.payload))


def put_option(put):
    return lambda value: b"\0" if value is None else b"\1" + put(value)


PUT = {
    "u16": put_number(">H"),
    "u32": put_number(">I"),
    "u64": put_number(">Q"),
    "version": lambda value: struct.pack(">HH", *value),
    "bytes": put_bytes,
    "text": put_text,
    "texts": put_list(put_text),
    "schema": bytes,
    "schemas": put_list(bytes),
    "envelope": put_envelope,
    "rejection": put_option(put_text),
}


def encode(frame):
    if frame.name == "Unknown":
        return HEAD.pack(frame.type, frame.flags, frame.stream, len(frame.body)) + frame.body
    body = b""
    for name, kind in fields_of(frame.name, frame.flags):
        put = PUT[kind.removesuffix("?")]
        body += (put_option(put) if kind.endswith("?") else put)(frame.fields[name])
    return HEAD.pack(TYPES[frame.name], frame.flags, frame.stream, len(body)) + body


def fields_of(name, flags):
    fields = FRAMES[TYPES[name]][1]
    return (*fields, ("key", "text")) if name == "Publish" and flags & WITH_KEY else fields


# --- from bytes


class Reader:
    def __init__(self, data):
        self.data = data
        self.at = 0

    def take(self, count):
        if len(self.data) - self.at < count:
            raise Fault(MALFORMED, "a field does not end inside of what it lies in")
        self.at += count
        return self.data[self.at - count:self.at]

    def number(self, format):
        return struct.unpack(format, self.take(struct.calcsize(format)))[0]

    def u16(self):
        return self.number(">H")

    def u32(self):
        return self.number(">I")

    def u64(self):
        return self.number(">Q")

    def version(self):
        return self.u16(), self.u16()

    def bytes(self):
        return self.take(self.u32())

    def text(self):
        try:
            return self.bytes().decode()
        except UnicodeDecodeError:
            raise Fault(MALFORMED, "a text is not UTF-8") from None

    def texts(self):
        return [self.text() for _ in range(self.u32())]

    def schema(self):
        return self.take(32)

    def schemas(self):
        return [self.schema() for _ in range(self.u32())]

    def option(self, read):
        tag = self.number(">B")
        if tag > 1:
            raise Fault(MALFORMED, "an option begins with neither 0 nor 1")
        return read() if tag else None

    def rejection(self):
        return self.option(self.text)

    def envelope(self):
        inner = Reader(self.bytes())
        schema = inner.schema()
        cause = Reader(inner.bytes())
        parent, clock = cause.option(cause.text), cause.option(cause.u64)
        cause.end()
        payload = inner.bytes()
        inner.end()
        return Envelope(payload, schema, parent, clock)

    def end(self):
        if self.at != len(self.data):
            raise Fault(MALFORMED, "bytes are left")


def decode(data):
    """The first frame of the data, and how many bytes it has. Faults 1 and 2 say that more may come."""
    if len(data) < HEAD.size:
        raise Fault(INCOMPLETE_HEAD, "a head has ten bytes")
    number, flags, stream, length = HEAD.unpack(data[:HEAD.size])
    size = HEAD.size + length
    if len(data) < size:
        raise Fault(TRUNCATED_BODY, "the body goes on")
    body = bytes(data[HEAD.size:size])
    if number not in FRAMES:
        return Frame("Unknown", stream, flags, {"type": number, "body": body}), size
    if (number in CONTROL) != (stream == 0):
        raise Fault(WRONG_STREAM, f"type {number:02x} on stream {stream}")
    name = FRAMES[number][0]
    reader = Reader(body)
    fields = {}
    for each, kind in fields_of(name, flags):
        read = getattr(reader, kind.removesuffix("?"))
        fields[each] = reader.option(read) if kind.endswith("?") else read()
    reader.end()
    if fields.get("in_flight_max") == 0:
        raise Fault(MALFORMED, "a subscription that takes nothing")
    return Frame(name, stream, flags, fields), size


def decode_message(data):
    """A message that is exactly one frame, as on a WebSocket."""
    read, size = decode(data)
    if size != len(data):
        raise Fault(MALFORMED, "bytes are left behind the frame")
    return read


# --- ids


def fnv1a64(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 % (1 << 64)
    return value


def schema_id(schema):
    """Of the text of a schema."""
    numbers, data = [], schema.encode()
    for _ in range(4):
        data = struct.pack(">Q", fnv1a64(data))
        numbers.append(data)
    return b"".join(numbers)


def conversation_id(label):
    return fnv1a64(label.encode())


def negotiate(lowest, highest, ours):
    """The highest of ours that lies between these, or nothing."""
    return max((version for version in ours if lowest <= version <= highest), default=None)
