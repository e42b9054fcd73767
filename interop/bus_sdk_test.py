#!/usr/bin/env python3
"""A hub of ours on the bus, under the published client of bus-rust, beside that of bus-python.

Usage: bus_sdk_test.py BUILD_FOLDER PARLEY [unittest arguments]
       bus_sdk_test.py BUILD_FOLDER --why-not   prints why it cannot run here, or nothing

PARLEY is the program of ours. Exit code 77 says that the crate cannot be had.
"""

import contextlib
import shutil
import sys
import unittest
from pathlib import Path

import bus_test
from bus_test import ECHO, WORK, WORKER
from peers import SKIPPED, Peer, Refused, RustPeer

TOKEN = bus_test.TOKEN.decode()
PEER, PARLEY = [], ""


class SdkTest(unittest.TestCase):
    def setUp(self):
        stack = self.enterContext(contextlib.ExitStack())
        self.hub = bus_test.Place(PARLEY, stack)
        self.stack = stack
        self.tcp = f"127.0.0.1:{self.hub.port}"
        self.addresses = (self.tcp, self.hub.web, self.hub.web.replace("/bus", "/liminal"))

    def peer(self, address=None):
        """One that is connected, or not yet where there is no address."""
        peer = Peer(PEER)
        self.stack.callback(peer.kill)
        if address:
            peer.order("connect", address=address, token=TOKEN)
        return peer

    def worker(self, **changes):
        worker = self.peer()
        worker.order("register", address=self.tcp, token=TOKEN, worker={**WORKER, **changes})
        return worker

    def refused(self, code, peer, do, **fields):
        with self.assertRaises(Refused) as caught:
            peer.order(do, **fields)
        self.assertEqual(caught.exception.code, code, caught.exception)
        return str(caught.exception)

    def request(self, peer, subject, message):
        return peer.order("request", subject=subject, message=message)["reply"]

    # --- the connection

    def test_it_connects_over_each_carrier_and_speaks_1_0(self):
        for address in self.addresses:
            self.assertEqual(self.peer().order("connect", address=address, token=TOKEN)["version"], [1, 0])

    def test_a_wrong_token_is_refused(self):
        for address in self.addresses:
            self.refused("connection", self.peer(), "connect", address=address, token="another")

    # --- topics

    def test_what_it_publishes_reaches_subscribers_of_each_kind_in_its_order(self):
        for address in self.addresses:
            publisher, subscriber, other = self.peer(address), self.peer(), self.hub.client()
            subscriber.order("subscribe", address=address, token=TOKEN, topic="orders")
            subscription = other.subscribe("orders").subscription
            for number in range(50):
                publisher.order("publish", topic="orders", message={"number": number})
            for number in range(50):
                wanted = f'{{"number":{number}}}'
                self.assertEqual(subscriber.order("next")["payload"], wanted)
                self.assertEqual(other.delivery(subscription).envelope.payload, wanted.encode())
            subscriber.kill()
            other.close()

    def test_what_others_publish_reaches_it(self):
        subscriber = self.peer()
        subscriber.order("subscribe", address=self.tcp, token=TOKEN, topic="orders")
        _, is_delivered = self.hub.client().publish("orders", "grüß dich".encode())
        self.assertTrue(is_delivered)
        self.assertEqual(subscriber.order("next")["payload"], "grüß dich")

    def test_a_key_is_delivered_once_and_it_learns_which_time(self):
        publisher, subscriber = self.peer(self.tcp), self.peer()
        unheard = publisher.order("publish", topic="orders", message=0, key="before")
        self.assertFalse(unheard["delivered"])
        subscriber.order("subscribe", address=self.tcp, token=TOKEN, topic="orders")
        said = [publisher.order("publish", topic="orders", message=1, key="k")["delivered"] for _ in range(2)]
        self.assertEqual(said, [True, False])
        publisher.order("publish", topic="orders", message=2)
        self.assertEqual([subscriber.order("next")["payload"] for _ in range(2)], ["1", "2"])

    def test_a_topic_that_is_not_is_refused(self):
        said = (self.refused("backpressure", self.peer(self.tcp), "publish", topic="nothing", message=1),
                self.refused("protocol", self.peer(), "subscribe", address=self.tcp, token=TOKEN, topic="nothing"))
        for each in said:
            self.assertIn("there is no topic nothing", each)

    # --- conversations

    def test_requests_are_answered(self):
        for address in self.addresses:
            peer = self.peer(address)
            for number in range(3):
                self.assertEqual(self.request(peer, ECHO, {"number": number}), {"number": number})
            peer.order("send", subject=ECHO, message="nobody waits for what this says")
            self.assertEqual(self.request(peer, ECHO, "last"), "last")

    def test_two_conversations_of_a_connection_keep_apart(self):
        worker, peer = self.worker(), self.peer(self.tcp)
        self.assertEqual(self.request(peer, ECHO, 1), 1)
        asked = peer.begin("request", subject=WORK, message=2)
        worker.order("reply", correlation=worker.order("pushed")["correlation"], payload="3")
        self.assertEqual(peer.end(asked)["reply"], 3)
        self.assertEqual(self.request(peer, ECHO, 4), 4)

    def test_a_subject_of_nobody_is_an_error_of_the_conversation(self):
        peer = self.peer(self.tcp)
        said = self.refused("conversation", peer, "request", subject="nobody", message=1)
        self.assertIn("nobody", said)

    # --- workers

    def test_it_works_for_clients_of_each_kind(self):
        worker = self.worker()
        other = self.hub.client()
        conversation = other.open("conv-1", WORK)
        correlations = set()
        for number in range(3):
            stream = other.say(conversation, b"work %d" % number, wants_reply=True)
            push = worker.order("pushed")
            self.assertEqual(push["payload"], f"work {number}")
            correlations.add(push["correlation"])
            worker.order("reply", correlation=push["correlation"], payload=f"done {number}")
            self.assertEqual(other.reply(stream).payload, b"done %d" % number)
        self.assertEqual(len(correlations), 3)
        for address in self.addresses:
            client = self.peer(address)
            asked = client.begin("request", subject=WORK, message={"from": address})
            worker.order("reply", correlation=worker.order("pushed")["correlation"], payload='["done"]')
            self.assertEqual(client.end(asked)["reply"], ["done"])

    def test_others_work_for_it(self):
        worker, client = self.hub.client(), self.peer(self.tcp)
        self.assertIsNone(worker.register(**WORKER))
        asked = client.begin("request", subject=WORK, message="work")
        worker.answer_push(worker.pushed(), b'"done"')
        self.assertEqual(client.end(asked)["reply"], "done")

    def test_whoever_waits_for_a_worker_that_goes_is_told(self):
        for how in ("leave", "kill"):
            worker, client = self.worker(), self.peer(self.tcp)
            asked = client.begin("request", subject=WORK, message="work")
            worker.order("pushed")
            worker.order("leave") if how == "leave" else worker.kill()
            with self.assertRaises(Refused) as caught:
                client.end(asked)
            self.assertEqual(caught.exception.code, "conversation", caught.exception)
            self.assertIn("its connection is gone", str(caught.exception))

    def test_a_worker_for_nothing_is_rejected_with_the_reason(self):
        said = self.refused("protocol", self.peer(), "register", address=self.tcp, token=TOKEN,
                            worker={**WORKER, "activity_types": []})
        self.assertIn("a worker for nothing", said)

    def test_a_worker_publishes_where_it_is_pushed_to(self):
        worker, subscriber = self.worker(), self.hub.client()
        subscription = subscriber.subscribe("orders").subscription
        said = worker.order("publish_as_worker", topic="orders", payload="seen")
        self.assertEqual((said["is_accepted"], said["failures"]), (True, []))
        self.assertEqual(subscriber.delivery(subscription).envelope.payload, b"seen")
        said = worker.order("publish_as_worker", topic="nothing", payload="lost")
        self.assertEqual((said["is_accepted"], len(said["failures"])), (False, 1))


def main():
    global PEER, PARLEY
    peer = RustPeer(Path(sys.argv[1]).absolute(), "bus")
    why_not = peer.why_not()
    if sys.argv[2] == "--why-not":
        print(why_not)
        return
    if why_not:
        print(f"skipped: {why_not}")
        sys.exit(SKIPPED)
    PARLEY = sys.argv[2]
    if not shutil.which(PARLEY):
        sys.exit(f"{PARLEY} was not built")
    PEER = peer.command()
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)


if __name__ == "__main__":
    main()
