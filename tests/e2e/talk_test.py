#!/usr/bin/env python3
"""Conversations as people and scripts have them: from a terminal and in pipes; what is shown of them; and what is said
when somebody dies, or something is wrong.

Usage: talk_test.py PARLEY WORKER EXAMPLE_WORKER EXAMPLE_CLIENT
"""

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
import unittest

from command_suite import PARLEY, WORKER, CommandTest

EXAMPLE_WORKER, EXAMPLE_CLIENT = (os.path.abspath(path) for path in sys.argv[3:5])


class TalkTest(CommandTest):
    def part(self, *names, subject="desk"):
        """Workers that take part, in this order."""
        return [self.start(WORKER, self.address, subject, name, until="takes part") for name in names]

    def talk(self, *options, lines=(), subject="desk"):
        return subprocess.run([PARLEY, "talk", subject, *options], input="".join(line + "\n" for line in lines),
                              capture_output=True, text=True, check=False, timeout=100, env=self.environment)

    def open(self, *options, subject="desk"):
        """A conversation that goes on; its number."""
        talk = self.begin(PARLEY, "talk", subject, "--json", *options, stdin=subprocess.PIPE)
        return talk, self.told(talk, "opened")["conversation"]

    @staticmethod
    def say(talk, text):
        talk.stdin.write(text + "\n")
        talk.stdin.flush()

    @staticmethod
    def told(talk, *whats):
        """The next thing that happens of one of these kinds."""
        while True:
            line = talk.stdout.readline()
            assert line, talk.stderr.read()
            thing = json.loads(line)
            if thing.get("what") in whats:
                return thing


class Talking(TalkTest):
    def test_in_a_pipe_each_line_has_a_reply_and_the_rest_is_on_standard_error(self):
        self.hub()
        self.part("anna")
        ran = self.talk(lines=["one", "two", ""])
        self.assertEqual((ran.returncode, ran.stdout), (0, "anna: one\nanna: two\nanna: \n"), ran.stderr)
        self.assertIn("with anna", ran.stderr)
        self.assertTrue(ran.stderr.endswith("parley: the conversation is closed\n"), ran.stderr)
        self.expect(self.parley("conversations"), 0, "no conversation is open")

    def test_many_lines_are_answered_in_their_order(self):
        self.hub()
        self.part("anna")
        lines = [f"line {n}" for n in range(2000)]
        ran = self.talk(lines=lines)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertEqual(ran.stdout.splitlines(), [f"anna: {line}" for line in lines])

    def test_one_question_and_its_reply(self):
        self.hub()
        self.part("anna")
        ran = self.talk("--ask", "how are you?")
        self.assertEqual((ran.returncode, ran.stdout), (0, "anna: how are you?\n"), ran.stderr)
        ran = self.talk("--ask", "-", lines=["two", "lines"])
        self.assertEqual((ran.returncode, ran.stdout), (0, "anna: two\nlines\n"), ran.stderr)

    def test_json_is_a_line_for_each_thing_that_happens(self):
        # rule: conversations/R-39
        self.hub()
        self.part("anna")
        ran = self.talk("--json", lines=["hello", "nothing", "bytes"])
        self.assertEqual((ran.returncode, ran.stderr), (0, ""))
        things = [json.loads(line) for line in ran.stdout.splitlines()]
        self.assertEqual(things[0]["participants"], [{"who": things[0]["participants"][0]["who"], "name": "anna"}])
        self.assertEqual([thing["phase"] for thing in things if thing["what"] == "moved"][::2], ["active", "closed"])
        answers = [thing for thing in things if thing["what"] in ("reply", "done")]
        self.assertEqual([(each["what"], each["request"]) for each in answers],
                         [("reply", 1), ("done", 2), ("reply", 3)])
        self.assertEqual((answers[0]["text"], answers[2]["base64"]), ("anna: hello", "//4="))

    def test_messages_of_json_are_checked_before_they_are_said(self):
        self.hub()
        self.part("anna")
        ran = self.talk("--json-payload", "--json", lines=['{"a":1}', "{a: 1}", '{"b": 2}'])
        self.assertEqual(ran.returncode, 12, ran.stdout)
        things = [json.loads(line) for line in ran.stdout.splitlines()]
        self.assertEqual([thing["json"] for thing in things if thing["what"] == "reply"], [{"a": 1}, {"b": 2}])
        self.assertEqual([thing["message"] for thing in things if thing["what"] == "unanswered"], [2])
        self.expect(self.talk("--json-payload", lines=["{a: 1}"]), 12, "message 1 is not answered: invalid:",
                    "--json-payload wants one text of JSON a line")
        self.expect(self.talk("--json-payload", "--ask", "hello"), 2, "a text has its own: '\"hello\"'")

    def test_on_a_terminal_replies_say_from_whom_and_ctrl_d_ends_it_well(self):
        self.hub()
        self.part("anna")
        controller, terminal = pty.openpty()
        process = subprocess.Popen([PARLEY, "talk", "desk"], stdin=terminal, stdout=terminal, stderr=terminal,
                                   env=self.environment)
        os.close(terminal)
        shown = self.read_until(controller, "each line is a message")
        os.write(controller, b"hello\n")
        shown += self.read_until(controller, "anna: anna: hello")
        os.write(controller, b"\x04")
        shown += self.read_until(controller, "the conversation is closed")
        self.assertEqual(process.wait(), 0, shown)
        os.close(controller)

    @staticmethod
    def read_until(controller, text):
        shown = ""
        while text not in shown:
            shown += os.read(controller, 65536).decode()
        return shown


class Ends(TalkTest):
    """Somebody dies, nobody answers, or somebody has enough."""

    def test_a_crash_is_told_at_once_and_fails_the_conversation(self):
        # rule: conversations/D-21 conversations/R-92
        self.hub()
        [worker] = self.part("anna")
        talk, _ = self.open()
        self.say(talk, "wait")
        self.assertEqual(worker.stdout.readline(), "waits\n")
        worker.kill()
        ended = self.told(talk, "ended")
        self.assertEqual((ended["name"], ended["is_crash"]), ("anna", True))
        self.assertIn("no connection", ended["reason"])
        self.assertEqual(talk.wait(), 19, "unknown: it may have been done")
        things = [json.loads(line) for line in talk.stdout]
        self.assertEqual([thing["kind"] for thing in things if thing.get("what") == "unanswered"], ["unknown"])
        self.assertIn("failed", [thing.get("phase") for thing in things])
        self.assertEqual(things[-1]["error"]["code"], 9001)
        self.assertIn("--on-crash route_to_next", talk.stderr.read())

    def test_with_route_to_next_it_goes_on_with_another_one(self):
        # rule: conversations/D-6
        self.hub()
        self.part("anna", "bert")
        ran = self.talk("--on-crash", "route_to_next", lines=["die", "more"])
        self.assertEqual((ran.returncode, ran.stdout), (0, "bert: die\nbert: more\n"), ran.stderr)
        self.assertRegex(ran.stderr, r"anna has crashed: no connection: .*, (just now|[\d.]+ ms ago)\n")
        self.assertRegex(ran.stderr, r"message 1 goes to bert, (at once|[\d.]+ ms after that), marked as repeated\n")

    def test_whoever_fails_at_a_message_leaves_that_conversation_alone(self):
        self.hub()
        self.part("anna")
        self.expect(self.talk("--ask", "fail"), 19,
                    "anna has crashed: error: refused: the command failed (it was told to)")
        self.assertEqual(self.talk("--ask", "hello").stdout, "anna: hello\n")

    def test_a_deadline_ends_it(self):
        self.hub()
        self.part("anna")
        ran = self.talk("--ask", "wait", "--deadline", "0.2")
        self.expect(ran, 16, "--deadline SECONDS gives it longer")

    def test_an_interruption_closes_it(self):
        # rule: conversations/R-91
        self.hub()
        [worker] = self.part("anna")
        talk, _ = self.open()
        self.say(talk, "hello")
        self.told(talk, "reply")
        talk.send_signal(signal.SIGINT)
        self.assertEqual(talk.wait(), 0)
        talk, _ = self.open()
        self.say(talk, "wait")
        self.assertEqual(worker.stdout.readline(), "waits\n")
        talk.send_signal(signal.SIGINT)
        self.assertEqual(talk.wait(), 17)
        self.assertIn("1 message is not answered yet", talk.stderr.read())
        while "no conversation is open" not in self.parley("conversations").stdout:
            pass

    def test_the_end_of_the_hub_ends_it(self):
        hub = self.hub()
        self.part("anna")
        talk, _ = self.open()
        hub.kill()
        self.assertEqual(talk.wait(), 18)
        self.assertIn("the hub has ended the session", talk.stderr.read())

    def test_a_reader_that_is_gone_ends_it(self):
        self.hub()
        self.part("anna")
        talk, _ = self.open()
        talk.stdout.close()
        with contextlib.suppress(BrokenPipeError):
            self.say(talk, "hello")
        self.assertIn(talk.wait(), (4, -signal.SIGPIPE))


class Looking(TalkTest):
    def test_what_is_open_is_shown_with_who_takes_part(self):
        # rule: conversations/R-79
        self.hub()
        anna, _ = self.part("anna", "bert")
        talk, number = self.open("--on-crash", "route_to_next", "--deadline", "1000")
        self.say(talk, "hello")
        self.told(talk, "reply")
        anna.kill()
        self.told(talk, "ended")
        lines = [line.split() for line in self.parley("conversations").stdout.splitlines()]
        self.assertEqual(lines[0], ["ID", "SUBJECT", "PHASE", "SINCE", "UNANSWERED", "UNREAD", "DEADLINE", "WITH"])
        self.assertEqual(lines[1][:3], [str(number), "desk", "active"])
        self.assertIn("anna (ended: no connection), bert", self.parley("conversations").stdout)
        [shown] = json.loads(self.parley("conversations", "--json").stdout)
        self.assertEqual((shown["id"], shown["phase"], shown["unread"]), (number, "active", 0))
        self.assertEqual([part["name"] for part in shown["participants"]], ["anna", "bert"])
        self.assertIsNone(shown["participants"][1].get("end"))

    def test_all_that_was_said_is_shown(self):
        self.hub()
        self.part("anna")
        talk, number = self.open()
        self.say(talk, "hello")
        self.told(talk, "reply")
        [sent, received] = json.loads(self.parley("conversations", str(number), "--json").stdout)["entries"]
        self.assertEqual((sent["what"], sent["outcome"], sent["text"]), ("sent", "answered", "hello"))
        self.assertEqual((received["what"], received["text"]), ("received", "anna: hello"))
        self.assertTrue(sent["publisher"].startswith("uid:"), sent)
        for n in range(300):  # more than are kept
            self.say(talk, f"number {n}")
            self.told(talk, "reply")
        said = self.parley("conversations", str(number)).stdout
        self.assertIn("to anna: number 299\n", said)
        self.assertIn("from anna: anna: number 299\n", said)
        entries = json.loads(self.parley("conversations", str(number), "--json").stdout)["entries"]
        self.assertEqual([entry["number"] for entry in entries], list(range(603 - len(entries), 603)))
        self.assertIn(f"{602 - len(entries)} older entries are kept no more", said)


class Mistakes(TalkTest):
    def test_who_takes_part_has_no_methods_to_list_and_that_is_no_mistake(self):
        self.hub()
        self.part("anna")
        self.assertIn("parley.Participant", self.parley("list").stdout)
        self.expect(self.parley("list", "--methods"), 0)

    def test_a_subject_that_nobody_offers(self):
        self.hub()
        self.expect(self.talk("--ask", "hello"), 13, "nobody takes part", "`parley list` shows what is offered")
        self.part("anna")
        self.expect(self.talk("--ask", "hello", subject="desc"), 13, "did you mean desk?")
        self.expect(self.talk("--ask", "hello", subject=""), 12, '"" is no name')

    def test_input_that_cannot_be_read_is_no_end_of_it(self):
        self.hub()
        self.part("anna")
        folder = os.open(self.place, os.O_RDONLY)
        ran = subprocess.run([PARLEY, "talk", "desk"], stdin=folder, capture_output=True, text=True, check=False,
                             timeout=100, env=self.environment)
        os.close(folder)
        self.expect(ran, 13, "standard input cannot be read to its end")

    def test_a_policy_or_a_deadline_that_is_none(self):
        self.expect(self.talk("--on-crash", "ignore"), 2, "ignore")
        self.expect(self.talk("--deadline", "soon"), 2, "a number of seconds")
        self.expect(self.talk("--on-crsh", "fail"), 2, "did you mean --on-crash?")

    def test_a_conversation_that_is_not_open(self):
        self.hub()
        self.expect(self.parley("conversations", "7"), 13, "no conversation 7 is open", "shows what is open")
        self.expect(self.parley("conversations", "desk"), 2)

    def test_whoever_may_not_is_told_which_rule_would_let_him(self):
        port = self.tokens("see **")
        self.part("anna")
        ran = self.talk("--ask", "hello", "--hub", f"tcp:127.0.0.1:{port}", "--token-file", f"{self.place}/token")
        self.expect(ran, 14, "converse", "desk")

    def test_shells_complete_subjects(self):
        self.hub()
        self.part("anna")
        self.part("bert", subject="door")
        self.assertEqual(self.parley("complete", "--", "talk", "d").stdout.splitlines(), ["desk", "door"])


class Example(TalkTest):
    def test_a_worker_dies_and_the_conversation_goes_on(self):
        self.hub()
        workers = [self.start(EXAMPLE_WORKER, self.address, name, until="takes part")
                   for name in ("anna", "bert", "carl")]
        ran = subprocess.run([EXAMPLE_CLIENT, self.address], capture_output=True, text=True, check=False, timeout=100)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertEqual(ran.stdout.splitlines(), [
            "soup: anna serves soup", "  anna is dead: no connection", "  message 2 goes to bert",
            "poison: bert serves poison, carefully", "bread: bert serves bread", "cake: bert serves cake"])
        self.assertEqual(workers[0].wait(), -signal.SIGKILL)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
