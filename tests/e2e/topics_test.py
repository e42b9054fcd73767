#!/usr/bin/env python3
"""Topics as people and scripts use them: said to whoever listens, with keys and schemas; and what is said when
something is wrong.

Usage: topics_test.py PARLEY WORKER
"""

import json
import signal
import sys
import unittest

from command_suite import PARLEY, CommandTest

SCHEMA = '{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}'


class TopicsTest(CommandTest):
    def subscribe(self, *options):
        """A subscription that has begun."""
        process = self.begin(PARLEY, "subscribe", *options)
        self.assertIn("subscribes to", process.stderr.readline())
        return process

    def file(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)


class Publishing(TopicsTest):
    def test_what_is_published_reaches_those_who_subscribe(self):
        self.hub("--topic", "news")
        self.expect(self.parley("publish", "news", "early"), 0, "it reached nobody: nobody subscribes to news now")
        listeners = [self.subscribe("news", "--count", "2") for _ in range(2)]
        self.expect(self.parley("publish", "news", "one"), 0, "it reached 2 subscribers")
        self.expect(self.parley("publish", "news", "two"), 0)
        for listener in listeners:
            self.assertEqual((listener.wait(), listener.stdout.read()), (0, "one\ntwo\n"))

    def test_shells_complete_topics(self):
        self.hub("--topic", "news", "--topic", "new.orders", "--topic", "weather")
        for command in ("publish", "subscribe"):
            ran = self.parley("complete", "--", command, "new")
            self.assertEqual(ran.stdout.splitlines(), ["new.orders", "news"])
        self.assertEqual(self.parley("complete", "--", "subscribe", "news", "w").stdout, "weather\n")
        self.assertEqual(self.parley("complete", "--", "publish", "news", "w").stdout, "")

    def test_standard_input_is_published_as_it_is(self):
        # rule: conversations/R-97
        self.hub("--topic", "news")
        listener = self.subscribe("news", "--json", "--count", "2")
        with open(self.file("text", "two\nlines\n"), encoding="utf-8") as text:
            ran = self.begin(PARLEY, "publish", "news", "-", "--json", stdin=text)
        self.assertEqual(json.loads(ran.stdout.read())["reached"], 1)
        with open(self.path("bytes"), "wb") as file:
            file.write(b"\xff\xfe")
        with open(self.path("bytes"), "rb") as given:
            self.assertEqual(self.begin(PARLEY, "publish", "news", "-", stdin=given).wait(), 0)
        heard = [json.loads(line) for line in listener.stdout]
        self.assertEqual([(each["topic"], each["sequence"]) for each in heard], [("news", 1), ("news", 2)])
        self.assertEqual((heard[0]["text"], heard[1]["base64"]), ("two\nlines", "//4="))
        self.assertTrue(heard[0]["publisher"].startswith("uid:"), heard[0])

    def test_under_a_key_it_is_published_once(self):
        # rule: conversations/R-102
        self.hub("--topic", "news")
        listener = self.subscribe("news", "--count", "2")
        self.expect(self.parley("publish", "news", "one", "--key", "k"), 0, "it reached 1 subscriber\n")
        self.expect(self.parley("publish", "news", "one", "--key", "k"), 0,
                    "published under k before, and is not again")
        self.expect(self.parley("publish", "news", "other", "--key", "k"), 14, "each message has a key of its own")
        self.expect(self.parley("publish", "news", "two"), 0)
        self.assertEqual((listener.wait(), listener.stdout.read()), (0, "one\ntwo\n"))

    def test_several_topics_are_told_apart(self):
        self.hub("--topic", "news", "--topic", "logs")
        listener = self.subscribe("news", "logs", "--count", "2")
        self.parley("publish", "logs", "a")
        self.parley("publish", "news", "b")
        self.assertEqual((listener.wait(), listener.stdout.read()), (0, "logs a\nnews b\n"))

    def test_a_topic_can_be_made_by_who_publishes(self):
        self.hub()
        self.expect(self.parley("publish", "news", "one"), 13, "there is no topic news", "--declare` makes a topic")
        self.expect(self.parley("subscribe", "news"), 13, "--declare` makes a topic")
        self.assertEqual(self.parley("publish", "news", "--declare").stdout, "")
        listener = self.subscribe("news", "--count", "1")
        self.expect(self.parley("publish", "news", "one", "--declare"), 0, "it reached 1 subscriber")
        self.assertEqual((listener.wait(), listener.stdout.read()), (0, "one\n"))

    def test_a_payload_is_held_against_its_schema_and_a_topic_has_one(self):
        # rule: conversations/D-16
        schema, other = self.file("n.json", SCHEMA), self.file("other.json", '{"type":"object"}')
        self.hub("--topic", f"numbers={schema}")
        listener = self.subscribe("numbers", "--schema", schema, "--count", "1")
        self.expect(self.parley("publish", "numbers", '{"n":"x"}', "--schema", schema), 12, "it does not fit", "n.json")
        self.expect(self.parley("publish", "numbers", '{"n":1}', "--schema", other), 14, "another schema")
        self.expect(self.parley("subscribe", "numbers", "--schema", other), 14, "--schema FILE names each")
        self.expect(self.parley("publish", "numbers", '{"n":1}', "--schema", schema), 0, "it reached 1 subscriber")
        self.assertEqual((listener.wait(), listener.stdout.read()), (0, '{"n":1}\n'))


class Kept(TopicsTest):
    def heard(self, *options):
        """What is heard before the count of the options is reached: standard output, and what is said beside it."""
        ran = self.parley("subscribe", *options)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        return ran.stdout, ran.stderr

    def test_what_is_kept_is_there_for_who_comes_later(self):
        # rule: delivery/I-04
        self.hub("--keep", "desk")
        self.expect(self.parley("publish", "desk", "one"), 0, "it is kept as version 1, and reached 0 subscribers")
        self.parley("publish", "desk", "two")
        self.assertEqual(self.heard("desk", "--replay", "--count", "2")[0], "one\ntwo\n")
        self.assertEqual(self.heard("desk", "--replay", "--after", "1", "--count", "1")[0], "two\n")
        self.expect(self.parley("publish", "desk", "one window", "--snapshot", "--at", "1"), 0,
                    "how desk is at version 1")
        out, beside = self.heard("desk", "--live", "--count", "2")
        self.assertEqual(out, "one window\ntwo\n")
        self.assertIn("this is how desk is at version 1", beside)

    def test_who_comes_back_goes_on_where_he_was(self):
        # rule: delivery/I-04, delivery/I-06
        self.hub("--keep", "desk")
        for text in ("one", "two", "three"):
            self.parley("publish", "desk", text)
        begun, first = map(json.loads, self.heard("desk", "--replay", "--count", "1", "--json")[0].splitlines())
        self.assertEqual((begun["topic"], begun["kind"], begun["version"]), ("desk", "begun", 0))
        self.assertEqual((first["kind"], first["version"], first["text"]), ("message", 1, "one"))
        after = f"{first['incarnation']}:{first['version']}"
        self.assertEqual(self.heard("desk", "--replay", "--after", after, "--count", "2")[0], "two\nthree\n")
        out = self.heard("desk", "--replay", "--after", "7:2", "--count", "1", "--json")[0].splitlines()
        incarnation = first["incarnation"]
        self.assertEqual(json.loads(out[0]), {"topic": "desk", "kind": "begun", "version": 2, "incarnation": 7})
        self.assertEqual(json.loads(out[1]), {"topic": "desk", "kind": "gap", "version": 0, "incarnation": incarnation,
                                              "missed": 0, "complete_from": 1})
        self.assertEqual(json.loads(out[2])["text"], "one")
        beside = self.heard("desk", "--replay", "--after", "7:2", "--count", "1")[1]
        self.assertIn("is not of desk as it is kept now", beside)

    def test_who_is_stopped_for_a_while_is_put_right(self):
        # rule: delivery/I-03, delivery/I-04
        self.hub("--keep", "desk")
        live = self.subscribe("desk", "--live", "--json")
        live.send_signal(signal.SIGSTOP)
        with open(self.file("much", "x" * (3 << 20)), encoding="utf-8") as text:
            for _ in range(10):
                text.seek(0)
                self.assertEqual(self.begin(PARLEY, "publish", "desk", "-", stdin=text).wait(), 0)
        self.parley("publish", "desk", "state", "--snapshot")
        self.parley("publish", "desk", "last")
        live.send_signal(signal.SIGCONT)
        heard = []
        while not heard or heard[-1]["version"] != 11:
            heard.append(json.loads(live.stdout.readline()))
        self.assertEqual([(each["kind"], each["text"]) for each in heard[-2:]],
                         [("snapshot", "state"), ("message", "last")])
        self.assertLess(len(heard), 12)

    def test_a_topic_is_kept_by_who_publishes(self):
        self.hub()
        self.expect(self.parley("subscribe", "desk", "--live"), 13, "--keep` keeps a topic")
        self.assertEqual(self.parley("publish", "desk", "--keep").stdout, "")
        self.expect(self.parley("publish", "desk", "one", "--keep"), 0, "version 1")
        self.assertEqual(self.heard("desk", "--live", "--count", "1")[0], "one\n")
        self.expect(self.parley("publish", "desk", "x", "--snapshot", "--at", "2"), 12, "the newest is 1")
        self.expect(self.parley("publish", "desk", "x", "--snapshot", "--at", "7:1"), 14, "another incarnation")
        self.expect(self.parley("publish", "desk", "--snapshot"), 2, "is missing", "STATE")
        for wrong in ("-1", "x", "7:"):
            self.expect(self.parley("publish", "desk", "x", "--snapshot", f"--at={wrong}"), 2, "INCARNATION:VERSION")
        self.expect(self.parley("publish", "none", "x", "--snapshot"), 13, "--keep` keeps a topic")

    def test_a_key_that_comes_again_names_where_the_first_stands(self):
        self.hub("--keep", "desk")
        self.parley("publish", "desk", "zero")
        first, again = (json.loads(self.parley("publish", "desk", "one", "--key", "k", "--json").stdout) for _ in "12")
        self.assertEqual((first["is_repeated"], again["is_repeated"]), (False, True))
        self.assertEqual((first["position"]["version"], again["position"]), (2, first["position"]))
        at = f"{first['position']['incarnation']}:2"
        shown = json.loads(self.parley("publish", "desk", "state", "--snapshot", "--at", at, "--json").stdout)
        self.assertEqual(shown, {"version": 2, "incarnation": first["position"]["incarnation"]})

    def test_what_somebody_else_keeps_is_not_kept_again(self):
        self.hub("--keep", "desk")
        self.expect(self.parley("publish", "desk", "one", "--keep"), 14, "somebody else keeps", "without --keep")
        self.parley("publish", "own", "one", "--keep", "--key", "k")
        self.expect(self.parley("publish", "own", "two", "--keep", "--key", "k"), 14, "a key of its own")
        self.expect(self.parley("publish", "desk", "one"), 0, "version 1")

    def test_a_topic_is_kept_no_more_when_its_keeper_says_so(self):
        # rule: delivery/I-03
        self.hub()
        self.parley("publish", "desk", "one", "--keep")
        follower = self.subscribe("desk", "--replay")
        self.assertEqual(follower.stdout.readline(), "one\n")
        self.expect(self.parley("publish", "desk", "--keep", "--unkeep"), 2)
        self.assertEqual(self.parley("publish", "desk", "--unkeep").stdout, "")
        self.assertEqual(follower.wait(), 14)
        self.assertIn("kept no more", follower.stderr.read())
        self.expect(self.parley("subscribe", "desk", "--live"), 13, "--keep` keeps a topic")
        self.expect(self.parley("publish", "desk", "two", "--keep"), 0, "version 1")

    def test_ways_of_following_that_are_none(self):
        self.hub("--keep", "desk")
        self.expect(self.parley("subscribe", "desk", "--live", "--replay"), 2)
        self.expect(self.parley("subscribe", "desk", "--after", "1"), 2, "--live or --replay")
        self.expect(self.parley("subscribe", "desk", "logs", "--live", "--after", "1"), 2, "one topic")
        for wrong in ("x", "1:", ":1", "1:2:3", "-1", "99999999999999999999"):
            self.expect(self.parley("subscribe", "desk", "--live", f"--after={wrong}"), 2, "INCARNATION:VERSION")
        self.expect(self.parley("publish", "desk", "x", "--at", "1"), 2)
        schema = self.file("n.json", SCHEMA)
        self.expect(self.parley("subscribe", "desk", "--live", "--schema", schema), 14, "--schema FILE names each")


class Ends(TopicsTest):
    def test_an_interruption_ends_it_well(self):
        self.hub("--topic", "news")
        listener = self.subscribe("news")
        listener.send_signal(signal.SIGINT)
        self.assertEqual(listener.wait(), 0)
        while "nobody" not in self.parley("publish", "news", "one").stdout:
            pass

    def test_the_end_of_the_hub_ends_it(self):
        hub = self.hub("--topic", "news")
        listener = self.subscribe("news")
        hub.kill()
        self.assertEqual(listener.wait(), 18)
        self.assertIn("the hub has ended the session", listener.stderr.read())

    def test_who_does_not_keep_up_is_shed_and_told(self):
        # rule: conversations/R-98
        self.hub("--topic", "news")
        listener = self.subscribe("news")
        listener.send_signal(signal.SIGSTOP)
        with open(self.file("much", "x" * (3 << 20)), encoding="utf-8") as text:
            while "it reached nobody" not in self.begin(PARLEY, "publish", "news", "-", stdin=text).stdout.read():
                text.seek(0)
        listener.send_signal(signal.SIGCONT)
        listener.stdout.read()
        self.assertEqual(listener.wait(), 15)
        self.assertIn("came faster than this was read", listener.stderr.read())


class Mistakes(TopicsTest):
    def test_schemas_that_are_none(self):
        self.hub("--topic", "news")
        self.expect(self.parley("publish", "news", "x", "--schema", self.path("none")), 2, "cannot be read")
        broken = self.file("broken.json", "{")
        self.expect(self.parley("publish", "news", "x", "--schema", broken), 2, "it is a JSON Schema")
        self.expect(self.parley("subscribe", "news", "--schema", self.path("none")), 2, "cannot be read")

    def test_whoever_may_not_is_told_so(self):
        port = self.tokens("see **")
        at = ["--hub", f"tcp:127.0.0.1:{port}", "--token-file", f"{self.place}/token"]
        self.expect(self.parley("publish", "news", "x", *at), 14, "publish", "news")
        self.expect(self.parley("subscribe", "news", *at), 14, "subscribe", "news")
        self.expect(self.parley("audit"), 0, "token:ci", "publish")

    def test_words_that_are_missing(self):
        self.expect(self.parley("publish"), 2, "topic is required")
        self.expect(self.parley("subscribe", "--count", "0", "news"), 2)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
