#!/usr/bin/env python3
"""The Python client of the bus by itself: its codec against the vectors, and all it does against a server in memory."""

import json
import sys
import tempfile
import threading
import unittest
from pathlib import Path

import carriers
import codec
from client import Client, Refused
from double import SCHEMA, Server

VECTORS = Path(__file__).resolve().parents[2] / "tests/vectors/bus"


def vectors(name):
    return [json.loads(line) for line in (VECTORS / name).read_text().splitlines() if line]


class Codec(unittest.TestCase):
    def test_each_vector_decodes_and_encodes_to_itself(self):
        seen = set()
        for vector in vectors("encode.jsonl"):
            with self.subTest(vector["label"]):
                data = bytes.fromhex(vector["hex"])
                frame, size = codec.decode(data)
                self.assertEqual(size, len(data))
                self.assertEqual(codec.encode(frame), data)
                seen.add(frame.name)
        self.assertEqual(seen, {*codec.TYPES, "Unknown"}, "of each type there is one")

    def test_a_vector_cut_anywhere_wants_more_and_one_with_more_leaves_it(self):
        for vector in vectors("encode.jsonl"):
            data = bytes.fromhex(vector["hex"])
            with self.subTest(vector["label"]):
                for size in range(len(data)):
                    with self.assertRaises(codec.Fault) as fault:
                        codec.decode(data[:size])
                    self.assertEqual(fault.exception.reason, 1 if size < 10 else 2)
                self.assertEqual(codec.decode(data + b"x")[1], len(data))
                with self.assertRaises(codec.Fault):
                    codec.decode_message(data + b"x")
                longer = data[:6] + (len(data) - 9).to_bytes(4, "big") + data[10:] + b"\0"
                if codec.decode(data)[0].name != "Unknown":
                    with self.assertRaises(codec.Fault) as fault:
                        codec.decode(longer)
                    self.assertEqual(fault.exception.reason, codec.MALFORMED)

    def test_what_is_no_frame_is_refused_with_its_number(self):
        for vector in vectors("decode.jsonl"):
            with self.subTest(vector["decode"]):
                data = bytes.fromhex(vector["hex"])
                if "err" in vector:
                    with self.assertRaises(codec.Fault) as fault:
                        codec.decode(data)
                    self.assertEqual(fault.exception.reason, vector["err"])
                    continue
                frame, size = codec.decode(data)
                name = f"Unknown({frame.type})" if frame.name == "Unknown" else frame.name
                self.assertEqual((name, size), (vector["ok"], vector["consumed"]))

    def test_values_are_where_they_belong(self):
        for label, frame in (
            ("connect_token_s3cret", codec.frame("Connect", lowest=(1, 0), highest=(2, 1), token=b"s3cret")),
            ("subscribe_no_schema", codec.frame("Subscribe", topic="orders", schemas=[], in_flight_max=1024)),
            ("publish_causal", codec.frame("Publish", 5, topic="c", envelope=codec.Envelope(
                b"hi", b"\x11" * 32, "m-1", 7))),
            ("worker_register_node_empty", codec.frame("WorkerRegister", namespaces=[], task_queue="q", node="",
                                                       activity_types=[], identity="w1")),
            ("conversation_close_reason_msg", codec.frame("ConversationClose", conversation=7, reason=3, text="bye")),
        ):
            expected = next(each["hex"] for each in vectors("encode.jsonl") if each["label"] == label)
            self.assertEqual(codec.encode(frame).hex(), expected, label)

    def test_a_version_is_agreed_on(self):
        for lowest, highest, expected in (((1, 0), (1, 0), (1, 0)), ((0, 9), (3, 0), (1, 0)), ((2, 0), (2, 0), None)):
            self.assertEqual(codec.negotiate(lowest, highest, [(1, 0)]), expected)

    def test_ids_are_those_that_everybody_derives(self):
        self.assertEqual(codec.schema_id("{}").hex(),
                         "08f44b07b5901a25d1e17335725217d3115bb35de7b287a54bb3187d127cc0f4")
        self.assertEqual(codec.schema_id("a").hex(),
                         "af63dc4c8601ec8c1d2ab86824aabbb68a29ce17945f5dd1415b05aac47ac868")
        self.assertEqual(codec.conversation_id("conv-1"), 0x03675A7615D27B9D)
        self.assertEqual(codec.conversation_id("billing"), 0x4005570295AFD25C)


class WithServer(unittest.TestCase):
    token = b""

    def setUp(self):
        place = self.enterContext(tempfile.TemporaryDirectory())
        self.server = self.enterContext(Server(self.token or None, f"{place}/bus.sock",
                                               {"with": codec.schema_id("a")}))
        self.addresses = (f"tcp:127.0.0.1:{self.server.port}", f"unix:{place}/bus.sock",
                          f"ws://127.0.0.1:{self.server.port}/bus", f"ws://127.0.0.1:{self.server.port}/liminal")

    def client(self, address=None, **options):
        return self.enterContext(Client(address or self.addresses[0], self.token, **options))


class Connects(WithServer):
    token = b"s3cret"

    def test_over_each_carrier(self):
        for address in self.addresses:
            with self.subTest(address), Client(address, self.token) as client:
                client.ping()
                self.assertTrue(client.disconnect())

    def test_a_wrong_token_is_told_and_ends_it(self):
        client = self.client(connects=False)
        with self.assertRaises(Refused) as refused:
            client.connect(b"wrong")
        self.assertEqual(refused.exception.reason, codec.AUTHENTICATION)
        self.assertTrue(client.ended())

    def test_without_a_token_there_is_nothing_but_a_ping(self):
        client = self.client(connects=False)
        client.ping()
        client.send(client.publish_frame("orders", b"{}"))
        self.assertTrue(client.ended())

    def test_without_a_version_in_common_it_is_refused(self):
        with self.assertRaises(Refused) as refused:
            self.client(connects=False).connect(self.token, (2, 0), (3, 0))
        self.assertEqual(refused.exception.reason, codec.VERSION)

    def test_a_page_that_is_no_bus_is_told_so(self):
        with self.assertRaises(carriers.Ended):
            self.client(f"ws://127.0.0.1:{self.server.port}/else")


class Talks(WithServer):
    def test_what_is_published_is_delivered_in_order_over_each_carrier(self):
        for address in self.addresses:
            with self.subTest(address):
                subscriber, publisher = self.client(address), self.client()
                subscription = subscriber.subscribe("orders")
                self.assertEqual(subscription.schema, SCHEMA)
                for number in range(3):
                    self.assertTrue(publisher.publish("orders", b"%d" % number, schema=SCHEMA)[1])
                heard = [subscriber.delivery(subscription.subscription) for _ in range(3)]
                self.assertEqual([(each.sequence, each.envelope.payload) for each in heard],
                                 [(1, b"0"), (2, b"1"), (3, b"2")])
                subscriber.unsubscribe(subscription.subscription)
                subscriber.ping()
                self.assertFalse(publisher.publish("orders", b"x")[1])

    def test_a_key_twice_is_one_message(self):
        client = self.client()
        subscription = client.subscribe("orders").subscription
        first, second = client.publish("orders", b"a", "key"), client.publish("orders", b"a", "key")
        self.assertEqual(second, (first[0], False))
        client.publish("orders", b"b")
        self.assertEqual([client.delivery(subscription).envelope.payload for _ in range(2)], [b"a", b"b"])

    def test_another_schema_is_refused(self):
        client = self.client()
        self.assertEqual(client.subscribe("with", [codec.schema_id("b"), codec.schema_id("a")]).schema,
                         codec.schema_id("a"))
        with self.assertRaises(Refused) as refused:
            client.subscribe("with", [SCHEMA])
        self.assertEqual(refused.exception.reason, codec.SCHEMA)

    def test_large_messages_go_over_each_carrier(self):
        for size in (125, 126, 65535, 65536, 3_000_000):
            for address in self.addresses[:3]:
                with self.subTest(address, size=size):
                    client = self.client(address)
                    conversation = client.open("large", "echo")
                    payload = bytes(range(251)) * (size // 251) + b"." * (size % 251)
                    self.assertEqual(client.ask(conversation, payload).payload, payload)

    def test_replies_come_on_the_stream_of_their_message(self):
        client = self.client()
        conversation = client.open("conv-1", "echo")
        first, second = (client.say(conversation, text, wants_reply=True) for text in (b"1", b"2"))
        self.assertEqual(client.reply(second).payload, b"2")
        self.assertEqual(client.reply(first).payload, b"1")

    def test_errors_of_conversations_are_told(self):
        client = self.client()
        conversation = client.open("conv-1", "crash")
        client.open("conv-1", "crash")
        self.assertEqual(client.conversation_error(conversation).text, "it is open")
        with self.assertRaises(Refused):
            client.ask(conversation, b"x")
        client.close_conversation(conversation, 3, "bye")
        client.close_conversation(conversation)
        with self.assertRaises(Refused):
            client.ask(conversation, b"x")
        client.ping()

    def test_a_worker_answers_what_is_pushed(self):
        worker, client = self.client(), self.client()
        self.assertIsNotNone(worker.register([], "q", [], "w1"))
        self.assertIsNone(worker.register(["default"], "q", ["a", "b"], "w1", node="n"))
        conversation = client.open("conv-1", "work")
        stream = client.say(conversation, b"work", wants_reply=True)
        push = worker.pushed()
        self.assertEqual(push.payload, b"work")
        worker.answer_push(push, b"done")
        worker.answer_push(push, b"again")
        self.assertEqual(client.reply(stream).payload, b"done")

    def test_when_a_worker_ends_whoever_waits_for_it_is_told(self):
        worker, client = self.client(), self.client()
        self.assertIsNone(worker.register(["default"], "q", [], "w1"))
        stream = client.say(client.open("conv-1", "work"), b"work", wants_reply=True)
        worker.pushed()
        worker.close()
        with self.assertRaises(Refused):
            client.reply(stream)

    def test_a_frame_in_pieces_is_a_frame(self):
        client = self.client()
        data = b"".join(codec.encode(codec.frame("Ping")) for _ in range(5))

        def drip():
            for byte in data:
                client.carrier.socket.sendall(bytes([byte]))

        thread = threading.Thread(target=drip)
        thread.start()
        for _ in range(5):
            client.answer(0, "Pong")
        thread.join()

    def test_what_is_no_frame_ends_its_connection_alone(self):
        other, client = self.client(), self.client()
        client.carrier.socket.sendall(bytes.fromhex("13000000000100000000"))
        self.assertTrue(client.ended())
        other.ping()


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=2))
