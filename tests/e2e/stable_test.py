#!/usr/bin/env python3
"""A stable session of two processes, whose links a proxy between them cuts: nothing is lost, doubled or reordered, and
no call is left without an end. When the server dies and another comes in its place, the session is lost.

Usage: stable_test.py STABLE_PEER [--seconds N] [--every-ms N]

Without options there are so many cuts, each after bytes have passed. With --seconds there is one every 200 ms (or as
--every-ms says), for so long; the figures are printed.
"""

import argparse
import json
import os
import random
import selectors
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from collections import Counter

CUTS = 15
BYTES_BETWEEN_CUTS = 20_000


class Proxy:
    """Passes bytes between whoever dials and a server, and cuts. `may_cut` is asked after every piece that passed."""

    def __init__(self, port, may_cut):
        self.server_port = port
        self.may_cut = may_cut
        self.cuts = 0
        self.bytes = 0
        self.bytes_on_link = 0
        self.has_ended = False
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.pairs = {}  # socket -> the other one
        self.waiting = {}  # socket -> bytes for it
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.wake, self.woken = socket.socketpair()
        self.selector.register(self.woken, selectors.EVENT_READ)
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def close(self):
        self.has_ended = True
        self.wake.send(b"x")
        self.thread.join()
        for each in [self.listener, self.wake, self.woken, *self.pairs]:
            each.close()
        self.selector.close()

    def run(self):
        while not self.has_ended:
            for key, _ in self.selector.select(0.05):
                if key.fileobj is self.listener:
                    self.accept()
                elif key.fileobj is not self.woken and key.fileobj in self.pairs:
                    self.move(key.fileobj)
            if self.pairs and self.may_cut(self):
                self.cut()

    def accept(self):
        near, _ = self.listener.accept()
        far = socket.socket()
        try:
            far.connect(("127.0.0.1", self.server_port))
        except ConnectionError:
            near.close()
            far.close()
            return
        self.bytes_on_link = 0
        for one, other in ((near, far), (far, near)):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.pairs[one] = other
            self.selector.register(one, selectors.EVENT_READ)

    def move(self, source):
        other = self.pairs[source]
        try:
            data = source.recv(random.choice((1, 100, 5000, 65536)))
            if data:
                other.sendall(data)
                self.bytes += len(data)
                self.bytes_on_link += len(data)
                return
        except OSError:
            pass
        self.drop(source, other)

    def drop(self, *ends):
        for end in ends:
            if self.pairs.pop(end, None) is not None:
                self.selector.unregister(end)
                end.close()

    def cut(self):
        """At whatever byte it stands, and what is under way is lost."""
        self.cuts += 1
        for end in self.pairs:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.drop(*list(self.pairs))


class Stable(unittest.TestCase):
    def setUp(self):
        self.place = self.enterContext(tempfile.TemporaryDirectory(prefix="stable-test-"))
        self.journal = f"{self.place}/journal"

    def serve(self):
        server = subprocess.Popen([PEER, "serve", "tcp:127.0.0.1:0", self.journal], stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.end, server)
        return server, int(server.stdout.readline().rsplit(":", 1)[1])

    @staticmethod
    def end(process):
        process.kill()
        process.wait()
        process.stdout.close()

    def work(self, proxy, how, count):
        worker = subprocess.Popen([PEER, "work", f"tcp:127.0.0.1:{proxy.port}", how, str(count)],
                                  stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.end, worker)
        self.assertEqual(worker.stdout.readline(), "connected\n")
        return worker

    def result(self, worker, allowed):
        figures = worker.stdout.readline()
        self.assertEqual(worker.wait(allowed), 0, figures)
        return json.loads(figures)

    def noted(self):
        with open(self.journal, encoding="utf-8") as lines:
            return Counter(line for line in lines.read().splitlines())

    def check_notes(self, figures):
        noted = self.noted()
        self.assertEqual(max(noted.values()), 1, "a call was made twice")
        self.assertEqual(len(noted), figures["calls"])

    def test_cuts_after_progress_lose_and_double_nothing(self):
        _, port = self.serve()
        proxy = Proxy(port, lambda p: p.cuts < CUTS and p.bytes_on_link >= BYTES_BETWEEN_CUTS)
        self.addCleanup(proxy.close)
        figures = self.result(self.work(proxy, "resumed", CUTS), allowed=100)
        self.assertEqual(figures["end"], "done")
        self.assertGreaterEqual(figures["resumed"], CUTS)
        self.check_notes(figures)

    def test_a_server_that_is_started_anew_has_lost_the_session(self):
        server, port = self.serve()
        has_worked = threading.Event()

        def may_cut(proxy):
            if proxy.bytes_on_link < BYTES_BETWEEN_CUTS:
                return False
            if proxy.cuts == 3:
                has_worked.set()
            return proxy.cuts < 3

        proxy = Proxy(port, may_cut)
        self.addCleanup(proxy.close)
        worker = self.work(proxy, "lost", 0)
        self.assertTrue(has_worked.wait(100), "nothing passes any more")
        server.kill()
        server.wait()
        _, proxy.server_port = self.serve()
        figures = self.result(worker, allowed=100)
        self.assertGreaterEqual(figures["resumed"], 3)
        noted = self.noted()
        self.assertEqual(max(noted.values()), 1, "a call of a lost session was made again")
        # What was answered was done; one call of each caller may have been, and nobody knows.
        self.assertIn(len(noted) - figures["calls"], range(5))


def run_long(seconds, every_ms):
    last = [time.monotonic()]

    def is_due(_):
        if time.monotonic() - last[0] < every_ms / 1000:
            return False
        last[0] = time.monotonic()
        return True

    test = Stable()
    test.setUp()
    try:
        _, port = test.serve()
        proxy = Proxy(port, is_due)
        test.addCleanup(proxy.close)
        figures = test.result(test.work(proxy, "seconds", seconds), allowed=seconds + 60)
        test.check_notes(figures)
        print(f"{seconds} s, a cut every {every_ms} ms: {proxy.cuts} cuts, the session came back {figures['resumed']} "
              f"times; {figures['calls']} calls and {figures['items']} items, none lost, doubled or reordered; "
              f"{figures['resent']} messages sent again, {figures['repeated']} of these dropped; "
              f"{proxy.bytes} bytes")
    finally:
        test.doCleanups()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("peer")
    parser.add_argument("--seconds", type=int)
    parser.add_argument("--every-ms", type=int, default=200)
    arguments = parser.parse_args()
    PEER = os.path.abspath(arguments.peer)
    if arguments.seconds:
        run_long(arguments.seconds, arguments.every_ms)
    else:
        unittest.main(argv=sys.argv[:1], verbosity=2)
