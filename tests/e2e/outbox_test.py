#!/usr/bin/env python3
"""Commands that are sent so that each is applied once, as people and scripts send them: what they are told of each,
also when a worker or the hub stops, dies, or is not there yet.

Usage: outbox_test.py PARLEY WORKER ADDING_WORKER LAUNCHER HOST
"""

import json
import os
import re
import signal
import subprocess
import sys
import unittest

from command_suite import PARLEY, CommandTest, UnixConnection

ADDING_WORKER, LAUNCHER, HOST = (os.path.abspath(path) for path in sys.argv[3:6])


def greet(name):
    return json.dumps({"name": name, "titles": []})


GREET = greet("anna")


class OutboxTest(CommandTest):
    def send(self, command, *arguments, lines=()):
        return subprocess.run([PARLEY, "send", command, *arguments], input="".join(line + "\n" for line in lines),
                              capture_output=True, text=True, check=False, timeout=100, env=self.environment)

    def begin_to_send(self, command, *arguments):
        return self.begin(PARLEY, "send", command, *arguments)

    def ended(self, sending):
        """(exit code, what it said)"""
        out, error = sending.communicate(timeout=100)
        return sending.returncode, out + error

    def outboxes(self):
        return json.loads(self.parley("outbox", "--json").stdout)

    def ticket_in_flight(self, sending):
        """The ticket of the one command there is, once the hub has it."""
        while sending.poll() is None:
            for each in self.outboxes():
                if int(each["in_flight"]) + int(each["waiting"]) == 1:
                    return f"{each['outbox']}-1"
        return self.fail(self.ended(sending))

    def has_stopped(self, process):
        """Waits until the system has stopped it."""
        while True:
            with open(f"/proc/{process.pid}/stat", encoding="utf-8") as stat:
                if stat.read().rpartition(")")[2].split()[0] == "T":
                    return

    def stays(self, *options):
        """A command that runs until its worker ends, and has begun to."""
        sending = self.begin_to_send("wait", json.dumps({"file": self.path("runs")}), *options)
        while not os.path.exists(self.path("runs")):
            self.assertIsNone(sending.poll())
        return sending


class Sending(OutboxTest):
    def setUp(self):
        super().setUp()
        self.hub()

    def test_what_it_gave_is_printed(self):
        # rule: delivery/W-08
        self.worker()
        ran = self.send("greet", GREET)
        self.assertEqual((ran.returncode, ran.stdout, ran.stderr), (0, '{"text":"hello anna"}\n', ""))

    def test_each_line_is_a_request_and_the_results_stand_in_their_order(self):
        self.worker()
        lines = [greet(f"number {n}") for n in range(500)]
        ran = self.send("greet", "-", lines=[*lines, ""])
        self.assertEqual((ran.returncode, ran.stderr), (0, ""))
        self.assertEqual(ran.stdout.splitlines(), [f'{{"text":"hello number {n}"}}' for n in range(500)])

    def test_one_that_fails_is_told_with_its_ticket_and_the_others_go_on(self):
        # rule: delivery/R-29
        self.worker()
        ran = self.send("disk.wipe")
        self.expect(ran, 14)
        self.assertRegex(ran.stderr, r"^parley: [0-9a-f]{16}-1: failed: .*the disk is write-protected")
        ran = self.send("greet", "-", lines=[greet("a"), '{"nam":"b"}', "{", greet("c")])
        self.assertEqual(ran.stdout, '{"text":"hello a"}\n{"text":"hello c"}\n')
        self.assertEqual(ran.returncode, 12, ran.stderr)
        self.assertIn("-2: failed: invalid:", ran.stderr)
        self.assertIn("it was not sent", ran.stderr)

    def test_a_line_that_is_no_request_is_told_by_its_number(self):
        self.worker()
        ran = self.send("greet", "-", lines=[GREET, "", "{", GREET])
        self.assertEqual(ran.stdout, 2 * '{"text":"hello anna"}\n')
        self.assertIn("line 3 of the input: ", ran.stderr)
        self.assertNotEqual(ran.returncode, 0)

    def test_a_line_is_sent_as_it_comes(self):
        self.worker()
        sending = self.begin(PARLEY, "send", "greet", "-", stdin=subprocess.PIPE)
        for name in ("anna", "bert"):
            sending.stdin.write(greet(name) + "\n")
            sending.stdin.flush()
            self.assertEqual(sending.stdout.readline(), f'{{"text":"hello {name}"}}\n')
        self.assertEqual(self.ended(sending), (0, ""))

    def test_input_that_cannot_be_read_is_no_end_of_it(self):
        self.worker()
        folder = os.open(self.place, os.O_RDONLY)
        ran = subprocess.run([PARLEY, "send", "greet", "-"], stdin=folder, capture_output=True, text=True, check=False,
                             timeout=100, env=self.environment)
        os.close(folder)
        self.expect(ran, 13, "standard input cannot be read to its end")

    def test_an_interruption_does_not_wait_for_the_next_line(self):
        self.worker()
        sending = self.begin(PARLEY, "send", "greet", "-", stdin=subprocess.PIPE)
        sending.stdin.write(GREET + "\n")
        sending.stdin.flush()
        self.assertEqual(sending.stdout.readline(), '{"text":"hello anna"}\n')
        sending.send_signal(signal.SIGINT)
        self.assertEqual(sending.wait(), 0)

    def test_what_runs_past_its_deadline_is_unknown_also_to_a_script(self):
        self.worker()
        exit_code, said = self.ended(self.stays("--deadline", "1"))
        self.assertEqual(exit_code, 19, said)
        self.assertIn("look before you send it again", said)

    def test_a_name_that_nobody_has_is_told_at_once(self):
        self.worker()
        self.expect(self.send("gret"), 13, "nobody has the command gret", "did you mean greet?", "--wait")

    def test_json_is_a_line_for_each_result(self):
        self.worker()
        ran = self.send("greet", "-", "--json", lines=[greet("a"), '{"nam":"b"}'])
        self.assertEqual(ran.returncode, 12, ran.stderr)
        applied, failed = (json.loads(line) for line in ran.stdout.splitlines())
        self.assertRegex(applied.pop("ticket"), "^[0-9a-f]{16}-1$")
        self.assertEqual(applied, {"result": "applied", "value": {"text": "hello a"}})
        self.assertEqual((failed["result"], failed["error"]["kind"]), ("failed", "invalid"))

    def test_a_group_that_is_larger_than_its_quota_waits_for_room(self):
        self.worker()
        lines = [greet(f"number {n}") for n in range(100)]
        ran = self.send("greet", "-", "--group", "guests", lines=lines)
        self.assertEqual((ran.returncode, len(ran.stdout.splitlines())), (0, 100), ran.stderr)

    def test_a_deadline_ends_it_before_it_is_started(self):
        # rule: delivery/K-07
        self.worker()
        self.expect(self.send("gret", "--wait", "--deadline", "0.3"), 16,
                    "-1: expired: ", "nobody has the command gret; did you mean greet?")

    def test_a_deadline_that_is_none_is_told(self):
        self.expect(self.send("greet", "--deadline", "soon"), 2, "a number of seconds")

    def test_what_became_of_a_ticket_can_be_asked_while_it_has_no_result(self):
        # rule: delivery/K-08
        worker = self.worker()
        sending = self.stays("--json")
        ticket = self.ticket_in_flight(sending)
        self.expect(self.parley("outbox", ticket), 0, f"{ticket}: running")
        self.assertEqual(json.loads(self.parley("outbox", ticket, "--json").stdout)["stage"], "running")
        [row] = self.parley("outbox").stdout.splitlines()[1:]
        self.assertEqual((row.split()[0], row.split()[-6:]), (ticket[:16], ["0"] * 6))
        worker.kill()
        self.assertEqual(self.ended(sending)[0], 19)
        self.expect(self.parley("outbox", ticket), 13, "it never came here, or its sender has the result")
        self.expect(self.parley("outbox", "17"), 2, "17 is no ticket")
        self.expect(self.parley("outbox"), 0, "no outbox sends to the hub")

    def test_shells_complete_the_names_of_commands(self):
        self.worker()
        self.assertEqual(self.parley("complete", "--", "send", "g").stdout, "greet\n")
        self.assertEqual(self.parley("complete", "--", "send", "").stdout.splitlines(),
                         ["disk.wipe", "greet", "step.up", "wait"])

    def test_metrics_tell_what_was_sent_and_what_came_of_it(self):
        # rule: delivery/W-26
        self.worker()
        self.send("greet", "-", lines=[greet("a"), '{"nam":"b"}'])
        _, text = self.request(UnixConnection(self.socket_path), "GET", "/metrics")
        rows = dict(line.rsplit(" ", 1) for line in text.decode().splitlines() if not line.startswith("#"))
        told = {name.split("outbox_", 1)[1]: value for name, value in rows.items() if "outbox_senders_" in name}
        self.assertEqual((told["senders_received_total"], told["senders_started_total"]), ("2", "2"))
        self.assertEqual(told['senders_results_total{kind="applied"}'], "1")
        self.assertEqual(told['senders_results_total{kind="failed"}'], "1")
        self.assertEqual(told["senders_sessions_total"], "1")


class Outages(OutboxTest):
    """Somebody is not there yet, stops, or dies."""

    def test_what_is_sent_before_there_is_a_hub_or_a_worker_waits_for_both(self):
        sending = self.begin_to_send("greet", GREET, "--wait")
        self.assertIn("it is tried again until the deadline", sending.stderr.readline() + sending.stderr.readline())
        self.hub()
        self.ticket_in_flight(sending)
        self.worker()
        self.assertEqual(self.ended(sending), (0, '{"text":"hello anna"}\n'))

    def test_without_a_hub_and_without_wait_it_says_so(self):
        self.expect(self.send("greet"), 3, "start one with `parley hub`")

    def test_what_was_running_in_a_worker_that_is_killed_is_unknown(self):
        # rule: delivery/K-05
        self.hub()
        worker = self.worker()
        sending = self.stays()
        worker.kill()
        exit_code, said = self.ended(sending)
        self.assertEqual(exit_code, 19, said)
        self.assertIn("-1: unknown: ", said)
        self.assertIn("it may have been applied: look before you send it again", said)

    def test_what_is_sent_while_the_worker_is_away_is_applied_when_it_is_back(self):
        # rule: delivery/K-08
        self.hub()
        self.worker().kill()
        sending = self.begin_to_send("greet", GREET, "--wait")
        self.ticket_in_flight(sending)
        self.worker()
        self.assertEqual(self.ended(sending), (0, '{"text":"hello anna"}\n'))

    def waiting_while_the_hub_dies(self, *options):
        """One that the hub had when it was killed, and nobody had run."""
        hub = self.hub()
        sending = self.begin_to_send("math.add", '{"a":2,"b":3}', "--wait", *options)
        self.ticket_in_flight(sending)
        hub.kill()
        hub.wait()
        self.hub()
        self.worker(ADDING_WORKER)
        return self.ended(sending)

    def test_a_hub_that_dies_may_have_applied_what_it_had(self):
        # rule: delivery/W-12
        exit_code, said = self.waiting_while_the_hub_dies()
        self.assertEqual(exit_code, 19, said)
        self.assertRegex(said, "-1: unknown: .*\n.*look before you send it again")

    def test_what_any_hub_may_have_goes_on_with_the_next_one(self):
        # rule: delivery/K-05
        exit_code, said = self.waiting_while_the_hub_dies("--any")
        self.assertEqual(exit_code, 0, said)
        self.assertTrue(said.startswith('{"sum":5}\n'), said)

    def test_a_hub_that_was_stopped_goes_on_where_it_was(self):
        # rule: delivery/W-13
        hub = self.hub()
        sending = self.begin_to_send("greet", GREET, "--wait")
        self.ticket_in_flight(sending)
        hub.send_signal(signal.SIGSTOP)
        self.has_stopped(hub)
        behind = self.begin_to_send("greet", greet("bert"), "--wait")
        self.assertIsNone(sending.poll())
        hub.send_signal(signal.SIGCONT)
        self.worker()
        self.assertEqual(self.ended(sending), (0, '{"text":"hello anna"}\n'))
        self.assertEqual(self.ended(behind), (0, '{"text":"hello bert"}\n'))

    def test_a_hub_that_is_stopped_past_the_deadline_leaves_it_unknown(self):
        # rule: delivery/K-07
        hub = self.hub()
        sending = self.begin_to_send("greet", GREET, "--wait", "--deadline", "5")
        self.ticket_in_flight(sending)
        hub.send_signal(signal.SIGSTOP)
        exit_code, said = self.ended(sending)
        hub.send_signal(signal.SIGCONT)
        self.assertEqual(exit_code, 19, said)
        self.assertIn("the peer has not said by its deadline what became of it", said)

    def test_an_interruption_says_what_became_of_each(self):
        # rule: delivery/K-12
        self.hub()
        self.worker()
        sending = self.stays()
        sending.send_signal(signal.SIGINT)
        exit_code, said = self.ended(sending)
        self.assertEqual(exit_code, 19, said)
        self.assertIn("-1: unknown: ", said)
        self.assertIn("shutting down", said)

    def test_an_interruption_cancels_what_has_not_been_started(self):
        sending = self.begin_to_send("greet", GREET, "--wait")
        self.assertIn("it is tried again until the deadline", sending.stderr.readline() + sending.stderr.readline())
        sending.send_signal(signal.SIGINT)
        exit_code, said = self.ended(sending)
        self.assertNotIn(exit_code, (0, 19), said)
        self.assertIn("-1: cancelled: ", said)

    def test_of_those_with_one_key_that_were_not_sent_the_last_one_goes(self):
        # rule: delivery/W-18
        sending = self.begin(PARLEY, "send", "greet", "-", "--key", "who", "--wait", "--json", stdin=subprocess.PIPE)
        sending.stdin.write("".join(greet(f"number {n}") + "\n" for n in range(10)))
        sending.stdin.flush()
        for _ in range(9):
            self.assertEqual(json.loads(sending.stdout.readline())["result"], "cancelled")
        self.hub()
        self.worker()
        exit_code, said = self.ended(sending)
        self.assertEqual(exit_code, 17, said)
        self.assertIn('"result":"applied","value":{"text":"hello number 9"}', said)

    def test_an_interruption_cancels_what_nobody_has_yet(self):
        # rule: delivery/K-08
        self.hub()
        sending = self.begin_to_send("greet", GREET, "--wait")
        self.ticket_in_flight(sending)
        sending.send_signal(signal.SIGINT)
        exit_code, said = self.ended(sending)
        self.assertNotIn(exit_code, (0, 19), said)
        self.assertIn("-1: cancelled: ", said)


class Rights(OutboxTest):
    def test_whoever_may_not_call_is_told_so(self):
        port = self.tokens("see **", "call greet")
        self.worker()
        remote = ("--hub", f"tcp:127.0.0.1:{port}", "--token-file", f"{self.place}/token")
        ran = self.send("greet", GREET, *remote)
        self.assertEqual((ran.returncode, ran.stdout), (0, '{"text":"hello anna"}\n'), ran.stderr)
        self.expect(self.send("disk.wipe", *remote), 14, "-1: failed: refused: ", "call", "disk.wipe")


class Example(OutboxTest):
    def test_the_host_is_stopped_and_killed_and_each_command_ends_once(self):
        # rule: delivery/K-05 delivery/W-12
        ledger = self.path("ledger")
        ran = self.run_program(LAUNCHER, HOST, f"unix:{self.path('launcher.sock')}", ledger)
        self.assertEqual((ran.returncode, ran.stderr), (0, ""), ran.stdout)
        self.assertEqual([line for line in ran.stdout.splitlines() if "dials" not in line], [
            "open: applied",
            "close: failed (main has unsaved changes)",
            "title of a host that was stopped: applied",
            "expires: expired (before it was sent)",
            "render of a host that was killed: unknown (peer restarted)",
            "title for the host before: failed (peer restarted)",
            "title 1: cancelled (a newer one of its key took its place)",
            "title 2: applied",
            "open, by any host: applied",
            "dialog: cancelled (before it was sent)",
            "4 applied, 2 failed, 1 expired, 2 cancelled, 0 refused, 1 unknown",
        ], ran.stdout)
        with open(ledger, encoding="utf-8") as file:
            tickets = re.findall(r"-(\d+)\"", file.read())
        self.assertEqual(len(tickets), len(set(tickets)), tickets)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
