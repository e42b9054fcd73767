#!/usr/bin/env python3
"""A hub of ours on the bus, under the client of bus-python.

Usage: bus_test.py PARLEY [SCENARIO..]    PARLEY is the program of ours, or `double`: the server in memory of bus-python
       bus_test.py PARLEY --list          what there is, a line each
       bus_test.py PARLEY --why-not       prints why it cannot run here, or nothing

Exit code 77 says that the program is not there.
"""

import contextlib
import faulthandler
import inspect
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from peers import SKIPPED, WATCHDOG_S

sys.path.insert(0, str(Path(__file__).resolve().parent / "bus-python"))
import carriers
import codec
from client import Client, Refused
from double import Server

TOKEN = b"a token of this test alone"

# --- how a hub is told what the scenarios need

LISTENS = ("unix:{place}/hub.sock", "tcp:127.0.0.1:0")
ARGUMENTS = ["--token-file", "bus={place}/token", "--allow", "token:bus publish,subscribe,converse,offer,call **"]
TOPICS = ["--topic", "orders", "--topic", "others"]  # arguments that make "orders" and "others" known
RESPONDERS = ["--echo", "echo"]  # arguments that make ECHO a subject that says again what it hears

# Messages of the subject WORK are pushed to whoever registered as WORKER; who registered as SLEEPER never answers.
ECHO, SILENT, WORK = "echo", "silent", "work"
SLEEPER = {"namespaces": ["default"], "task_queue": "work", "activity_types": [SILENT], "identity": "w2"}
WORKER = {"namespaces": ["default"], "task_queue": "work", "activity_types": ["work"], "identity": "w1"}

SCENARIOS = {}


def scenario(function):
    SCENARIOS[function.__name__] = function
    return function


def expect(is_so, what):
    if not is_so:
        raise AssertionError(what)


def equal(seen, expected):
    expect(seen == expected, f"{seen!r} is not {expected!r}")


def refused(act):
    """The number of the error that it ends with."""
    try:
        act()
    except Refused as error:
        return error.reason
    raise AssertionError("it was not refused")


class Place:
    """A hub in a folder of its own, and who is connected to it."""

    def __init__(self, program, stack):
        self.program = program if program == "double" else os.path.abspath(shutil.which(program))  # it runs elsewhere
        self.stack = stack
        self.folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="parley-bus-"))
        self.unix, self.port = self.start_double() if program == "double" else self.start_hub()
        self.web = f"ws://127.0.0.1:{self.port}/bus"
        self.tcp = f"tcp:127.0.0.1:{self.port}"
        self.carriers = (self.unix, self.tcp, self.web, f"ws://127.0.0.1:{self.port}/liminal")

    def start_double(self):
        server = self.stack.enter_context(Server(TOKEN, f"{self.folder}/hub.sock"))
        return f"unix:{self.folder}/hub.sock", server.port

    def start_hub(self):
        token = Path(self.folder, "token")
        token.touch(0o600)
        token.write_bytes(TOKEN)
        words = [*ARGUMENTS, *TOPICS, *RESPONDERS, *(each for at in LISTENS for each in ("--listen", at))]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PARLEY_")}
        environment["XDG_RUNTIME_DIR"] = environment["XDG_CONFIG_HOME"] = self.folder
        hub = subprocess.Popen([self.program, "hub", *(word.format(place=self.folder) for word in words)], cwd="/",
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, env=environment)
        watchdog = threading.Timer(WATCHDOG_S, hub.kill)  # a hub that hangs is ended, and who waits for it sees that
        watchdog.daemon = True
        watchdog.start()
        self.stack.callback(watchdog.cancel)
        self.stack.callback(hub.stdout.close)
        self.stack.callback(hub.wait)
        self.stack.callback(hub.terminate)
        said = [hub.stdout.readline() for _ in LISTENS]
        for line in said:
            expect("hub: listens at " in line, f"the hub says {line!r}")
        return f"unix:{self.folder}/hub.sock", int(said[1].split("tcp:127.0.0.1:")[1].split()[0])

    def client(self, address=None, token=TOKEN, **options):
        return self.stack.enter_context(Client(address or self.tcp, token, **options))


# --- the connection


@scenario
def connects_over_each_carrier(place):
    for address in place.carriers:
        client = place.client(address)
        client.ping()
        equal(client.connect(TOKEN).selected, (1, 0))
        expect(client.disconnect(), "it ends when it is asked to")


@scenario
def a_wrong_token_is_refused_and_the_connection_ends(place):
    for address in (place.tcp, place.web):
        client = place.client(address, connects=False)
        equal(refused(lambda: client.connect(b"another")), codec.AUTHENTICATION)
        expect(client.ended(), "it ends")


@scenario
def before_connect_a_ping_is_answered_and_a_publish_closes(place):
    subscriber = place.client()
    subscription = subscriber.subscribe("orders").subscription
    client = place.client(connects=False)
    client.ping()
    client.send(client.publish_frame("orders", b"stolen"))
    expect(client.ended(), "it ends")
    equal(client.early, [])
    place.client().publish("orders", b"allowed")
    equal(subscriber.delivery(subscription).envelope.payload, b"allowed")


@scenario
def without_a_version_in_common_it_is_refused(place):
    client = place.client(connects=False)
    equal(refused(lambda: client.connect(TOKEN, (2, 0), (3, 0))), codec.VERSION)


@scenario
def a_pipelined_ping_is_answered_before_the_end(place):
    for address in place.carriers:
        client = place.client(address)
        client.send(codec.frame("Ping"), codec.frame("Disconnect"))
        client.answer(0, "Pong")
        expect(client.ended(), "it ends")


@scenario
def frames_that_are_not_for_a_server_are_ignored(place):
    client = place.client()
    client.send(codec.frame("Pong"), codec.frame("PublishAck", message=1), codec.frame("Accept", message="m-1"),
                codec.Frame("Unknown", 7, 0, {"type": 0x7F, "body": b"\1\2\3"}), codec.frame("Ping"))
    client.answer(0, "Pong")
    equal(client.early, [])


@scenario
def what_is_no_frame_ends_its_connection_alone(place):
    other = place.client()
    for wrong in ("13000000000100000000", "1300000000000000000100", "090000000001ffffffff"):
        client = place.client()
        client.carrier.socket.sendall(bytes.fromhex(wrong))
        expect(client.ended(), "it ends")
    other.ping()
    place.client().ping()


@scenario
def whoever_ends_its_direction_gets_every_answer_and_then_the_end(place):
    for address in (place.unix, place.tcp):
        client, subscriber = place.client(address), place.client(address)
        subscription = subscriber.subscribe("orders").subscription
        payload = random.Random(2).randbytes(100 << 10)
        conversation = client.open("conv-1", ECHO)
        streams = [client.say(conversation, payload, wants_reply=True) for _ in range(8)]
        published = [client.publish_frame("orders", payload) for _ in range(40)]
        client.send(*published)
        for each in (client, subscriber):
            each.carrier.socket.shutdown(socket.SHUT_WR)
        for stream in streams:
            expect(client.reply(stream).payload == payload, "the reply is another")
        for each in published:
            client.answer(each.stream, "PublishAck")
        expect(client.ended(), "it ends")
        equal(client.early, [])
        expect(subscriber.ended(), "it ends")
        heard = [each for each in subscriber.early if each.name == "Deliver"]
        equal([each.sequence for each in heard], list(range(1, len(heard) + 1)))
        equal({each.stream for each in heard} - {subscriber.streams[subscription]}, set())


@scenario
def what_was_said_counts_also_when_the_client_has_gone(place):
    subscriber = place.client()
    subscription = subscriber.subscribe("orders").subscription
    client = place.client(place.unix)
    client.send(*(client.publish_frame("orders", b"%d" % number + bytes(1000)) for number in range(500)))
    client.close()
    for number in range(500):
        equal(subscriber.delivery(subscription).envelope.payload, b"%d" % number + bytes(1000))


@scenario
def whoever_takes_nothing_more_is_still_heard(place):
    subscriber = place.client()
    subscription = subscriber.subscribe("orders").subscription
    client = place.client(place.unix)
    client.carrier.socket.shutdown(socket.SHUT_RD)
    client.send(client.publish_frame("orders", b"the answer is lost"))
    client.send(*(client.publish_frame("orders", b"%d" % number) for number in range(100)))
    equal(subscriber.delivery(subscription).envelope.payload, b"the answer is lost")
    for number in range(100):
        equal(subscriber.delivery(subscription).envelope.payload, b"%d" % number)


@scenario
def a_websocket_that_says_goodbye_is_said_goodbye(place):
    client = place.client(place.web)
    client.send(codec.frame("Ping"))
    client.carrier.socket.sendall(client.carrier.message(carriers.CLOSE, b""))
    client.answer(0, "Pong")
    expect(client.ended(), "it ends")


@scenario
def a_burst_in_any_pieces_is_answered_in_its_order(place):
    subscriber = place.client()
    subscription = subscriber.subscribe("orders").subscription
    chance = random.Random(7)
    count = 0
    for piece_max in (1, 7, 100, 5000, 1 << 20):
        client = place.client()
        frames = []
        for number in range(40):
            frames += [client.publish_frame("orders", b"%d" % number), codec.frame("Ping")]
        data = b"".join(codec.encode(each) for each in frames)
        while data:
            size = chance.randint(1, piece_max)
            client.carrier.socket.sendall(data[:size])
            data = data[size:]
        for each in frames:
            answer = client.carrier.receive()
            equal((answer.name, answer.stream), ("Pong", 0) if each.name == "Ping" else ("PublishAck", each.stream))
        for number in range(40):
            count += 1
            heard = subscriber.delivery(subscription)
            equal((heard.sequence, heard.envelope.payload), (count, b"%d" % number))


def rejected_messages():
    """Messages of a WebSocket that are no frame each, as parts: opcode, payload, whether it is the last."""
    ping = codec.encode(codec.frame("Ping"))
    yield [(carriers.TEXT, ping, True)]
    yield [(carriers.BINARY, ping + ping, True)]
    yield [(carriers.BINARY, ping[:-1], True)]
    yield [(carriers.BINARY, b"", True)]


@scenario
def a_message_of_a_websocket_is_exactly_one_frame(place):
    other = place.client(place.web)
    for parts in rejected_messages():
        client = place.client(place.web)
        for opcode, payload, is_last in parts:
            message = bytearray(client.carrier.message(opcode, payload))
            message[0] = (0x80 if is_last else 0) | opcode
            client.carrier.socket.sendall(message)
        expect(client.ended(), "it ends")
        equal(client.early, [])
    ping = codec.encode(codec.frame("Ping"))
    for at in range(1, len(ping)):
        first = bytearray(other.carrier.message(carriers.BINARY, ping[:at]))
        first[0] = carriers.BINARY
        rest = bytearray(other.carrier.message(carriers.CONTINUED, ping[at:]))
        other.carrier.socket.sendall(bytes(first) + bytes(rest))
        other.answer(0, "Pong")


@scenario
def a_page_of_another_site_opens_no_websocket(place):
    for headers in (["Origin: https://evil.example"], ["Host: evil.example"]):
        try:
            place.client(place.web, headers=headers)
        except carriers.Ended:
            continue
        raise AssertionError("it was opened")


# --- topics


@scenario
def a_subscriber_hears_what_is_published_in_its_order(place):
    for subscribes in place.carriers:
        for publishes in place.carriers[:3]:
            subscriber, publisher = place.client(subscribes), place.client(publishes)
            subscription = subscriber.subscribe("orders").subscription
            for number in range(20):
                expect(publisher.publish("orders", b'{"n":%d}' % number)[1], "it reaches somebody")
            publisher.publish("others", b"{}")
            heard = [subscriber.delivery(subscription) for _ in range(20)]
            equal([(each.sequence, each.envelope.payload) for each in heard],
                  [(number + 1, b'{"n":%d}' % number) for number in range(20)])
            subscriber.unsubscribe(subscription)
            subscriber.ping()
            expect(not publisher.publish("orders", b"{}")[1], "it reaches nobody")


@scenario
def a_new_subscription_counts_from_one(place):
    client = place.client()
    for _ in range(3):
        subscription = client.subscribe("orders").subscription
        client.publish("orders", b"{}")
        equal(client.delivery(subscription).sequence, 1)
        client.unsubscribe(subscription)


@scenario
def a_large_payload_arrives_as_it_was(place):
    payload = random.Random(1).randbytes(6 << 20)
    for address in place.carriers[:3]:
        subscriber = place.client(address)
        subscription = subscriber.subscribe("orders").subscription
        place.client(address).publish("orders", payload)
        expect(subscriber.delivery(subscription).envelope.payload == payload, "it is another")
        subscriber.disconnect()


@scenario
def a_key_twice_is_delivered_once(place):
    subscriber, publisher = place.client(), place.client()
    subscription = subscriber.subscribe("orders").subscription
    message, reached = publisher.publish("orders", b'{"n":1}', key="k-1")
    expect(reached, "the first reaches somebody")
    equal(publisher.publish("orders", b'{"n":1}', key="k-1"), (message, False))
    publisher.publish("orders", b'{"n":2}', key="k-2")
    equal([subscriber.delivery(subscription).envelope.payload for _ in range(2)], [b'{"n":1}', b'{"n":2}'])


@scenario
def another_schema_is_refused(place):
    client = place.client()
    equal(refused(lambda: client.subscribe("orders", [codec.schema_id("nobody has this")])), codec.SCHEMA)


@scenario
def a_slow_reader_hurts_nobody_else(place):
    slow, fast, publisher, other = (place.client() for _ in range(4))
    slow_subscription = slow.subscribe("orders").subscription
    fast_subscription = fast.subscribe("orders").subscription
    payload = bytes(1 << 18)
    for number in range(128):
        publisher.publish("orders", payload)
        equal(fast.delivery(fast_subscription).sequence, number + 1)
    other.ping()
    # It has all, or from the beginning up to where it was told that it is too slow.
    try:
        for number in range(128):
            equal(slow.delivery(slow_subscription).sequence, number + 1)
    except Refused as error:
        equal(error.name, "SubscribeError")
    slow.ping()


# --- conversations


@scenario
def a_conversation_echoes(place):
    for address in place.carriers:
        client = place.client(address)
        conversation = client.open("conv-1", ECHO)
        for payload in (b"", b"hello", bytes(1 << 20)):
            expect(client.ask(conversation, payload).payload == payload, "the reply is another")
        client.say(conversation, b"no reply is wanted")
        equal(client.ask(conversation, b"this one's").payload, b"this one's")
        client.close_conversation(conversation, 3, "done")
        client.ping()
        equal(client.early, [])


@scenario
def a_message_to_what_is_not_open_is_an_error_on_its_stream(place):
    client, other = place.client(), place.client()
    conversation = client.open("conv-1", ECHO)
    client.ping()
    stream = other.say(conversation, b"x")
    error = other.conversation_error(conversation)
    equal(error.stream, stream)
    client.close_conversation(conversation)
    refused(lambda: client.ask(conversation, b"x"))
    client.ping()


@scenario
def what_is_open_is_not_opened_again(place):
    client = place.client()
    conversation = client.open("conv-1", ECHO)
    client.open("conv-1", ECHO)
    client.conversation_error(conversation)
    equal(client.ask(conversation, b"still there").payload, b"still there")


@scenario
def to_close_what_is_not_open_is_silent(place):
    client = place.client()
    client.close_conversation(12345)
    conversation = client.open("conv-1", ECHO)
    client.close_conversation(conversation)
    client.close_conversation(conversation)
    client.ping()
    equal(client.early, [])


@scenario
def a_reply_is_on_the_stream_of_its_message(place):
    client, sleeper = place.client(), place.client()
    equal(sleeper.register(**SLEEPER), None)
    silent, echo = client.open("silent", SILENT), client.open("echo", ECHO)
    client.say(silent, b"nobody answers", wants_reply=True)
    streams = [client.say(echo, b"%d" % number, wants_reply=True) for number in range(20)]
    for number in reversed(range(20)):
        equal(client.reply(streams[number]).payload, b"%d" % number)


# --- workers


@scenario
def a_worker_answers_what_is_pushed(place):
    worker, client = place.client(), place.client()
    equal(worker.register(**WORKER), None)
    conversation = client.open("conv-1", WORK)
    correlations = set()
    for number in range(3):
        stream = client.say(conversation, b"work %d" % number, wants_reply=True)
        push = worker.pushed()
        equal(push.payload, b"work %d" % number)
        correlations.add(push.correlation)
        worker.answer_push(push, b"done %d" % number)
        equal(client.reply(stream).payload, b"done %d" % number)
    equal(len(correlations), 3)
    worker.send(codec.frame("PushReply", correlation=999999, payload=b"nobody asked"))
    worker.ping()


@scenario
def when_a_worker_ends_whoever_waits_for_it_is_told_at_once(place):
    worker, client = place.client(), place.client()
    equal(worker.register(**WORKER), None)
    conversation = client.open("conv-1", WORK)
    stream = client.say(conversation, b"work", wants_reply=True)
    worker.pushed()
    worker.close()
    refused(lambda: client.reply(stream))
    client.ping()


@scenario
def the_program_lists_workers(place):
    worker, client = place.client(place.unix), place.client()
    equal(worker.register(**WORKER), None)
    client.say(client.open("conv-1", WORK), b"work", wants_reply=True)
    worker.pushed()
    if place.program == "double":
        return

    def listed(*options):
        return subprocess.run([place.program, "list", "--hub", place.unix, *options], capture_output=True, text=True,
                              check=True, timeout=WATCHDOG_S).stdout

    row = next(each.split(maxsplit=4) for each in listed().splitlines() if each.startswith("work "))
    equal(row, ["work", "parley.Participant", str(os.getpid()), "1", f"bus, w1 at {place.unix}"])
    entry, = json.loads(listed("--json"))
    equal((entry["name"], entry["identity"], entry["address"], entry["calls_in_flight"], entry["waiting"]),
          ("work", "w1", place.unix, 1, 0))
    worker.close()
    client.wait(lambda each: each.name == "ConversationError")
    equal(json.loads(listed("--json")), [])


def run(program, name):
    faulthandler.dump_traceback_later(WATCHDOG_S, exit=True)
    with contextlib.ExitStack() as stack:
        SCENARIOS[name](Place(program, stack))
    faulthandler.cancel_dump_traceback_later()


def main():
    program, *words = sys.argv[1:]
    if words == ["--list"]:
        print("\n".join(SCENARIOS))
        return
    reason = "" if program == "double" or shutil.which(program) else f"{program} was not built"
    if words == ["--why-not"]:
        print(reason)
        return
    if reason:
        print(f"skipped: {reason}")
        sys.exit(SKIPPED)
    failed = 0
    for name in words or SCENARIOS:
        try:
            run(program, name)
            print(f"ok      {name}", flush=True)
        except Exception as error:
            failed += 1
            line = [each.lineno for each in inspect.trace() if each.filename == __file__][-1]
            print(f"FAILED  {name}: {type(error).__name__} at line {line}: {error}", flush=True)
    print(f"{len(words or SCENARIOS) - failed} passed, {failed} failed")
    sys.exit(failed != 0)


if __name__ == "__main__":
    main()
