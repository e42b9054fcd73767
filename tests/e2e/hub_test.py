#!/usr/bin/env python3
"""The program `parley` as users run it: a hub, workers and clients as processes, and the mistakes people make first.

Usage: hub_test.py PARLEY WORKER CLIENT BLOCKING_CLIENT SERVICE OLD_CALCULATOR
"""

import json
import os
import signal
import subprocess

import program_suite
from program_suite import BLOCKING_CLIENT, CLIENT, OLD_CALCULATOR, PARLEY, SERVICE, WORKER


class HubTest(program_suite.ProgramTest):
    def test_a_worker_and_a_client_meet(self):
        self.hub()
        self.start(WORKER, self.address, until="offered")
        for client in (CLIENT, BLOCKING_CLIENT):
            ran = subprocess.run([client, self.address], capture_output=True, text=True, check=False, timeout=100)
            self.assertEqual((ran.returncode, ran.stdout), (0, "2 + 3 = 5\n1 + 2 + 3 = 6\n"), ran.stderr)

    def test_a_worker_outlives_its_hub_and_offers_itself_again(self):
        first = self.hub()
        self.start(WORKER, self.address, until="offered")
        first.kill()
        first.wait()
        self.hub()
        while "Calculator" not in self.run_parley("list").stdout:
            pass
        ran = subprocess.run([CLIENT, self.address], capture_output=True, text=True, check=False, timeout=100)
        self.assertEqual(ran.returncode, 0, ran.stderr)

    def test_who_provides_what_is_listed(self):
        self.hub()
        self.assertEqual(self.run_parley("list").stdout, "nobody provides anything yet\n")
        worker = self.start(WORKER, self.address, "Desk.Calculator", until="offered")
        listed = json.loads(self.run_parley("list", "--json").stdout)
        self.assertEqual([(entry["name"], entry["service"], entry["pid"]) for entry in listed],
                         [("Desk.Calculator", "Calculator", worker.pid)])
        lines = self.run_parley("list").stdout.splitlines()
        self.assertEqual(lines[0].split(), ["NAME", "SERVICE", "PROCESS", "IN", "FLIGHT"])
        self.assertEqual(lines[1].split(), ["Desk.Calculator", "Calculator", str(worker.pid), "0"])
        who = json.loads(self.run_parley("who", "--json").stdout)
        self.assertEqual([entry["offers"] for entry in who], [["Desk.Calculator"], []])
        self.assertEqual(who[0]["uid"], os.getuid())
        self.assertIn("Desk.Calculator", self.run_parley("who").stdout)

    def test_a_worker_that_is_killed_is_gone_at_once(self):
        self.hub()
        worker = self.start(WORKER, self.address, until="offered")
        worker.kill()
        worker.wait()
        self.assertEqual(json.loads(self.run_parley("list", "--json").stdout), [])

    def test_a_client_of_a_name_that_nobody_provides_is_told(self):
        self.hub()
        self.start(WORKER, self.address, "Calculatr", until="offered")
        ran = subprocess.run([CLIENT, self.address], capture_output=True, text=True, check=False, timeout=100)
        self.assertEqual(ran.returncode, 1)
        self.assertIn('nobody provides "Calculator"; did you mean "Calculatr"?', ran.stderr)

    def test_a_client_that_knows_another_signature_can_learn_which_argument_differs(self):
        self.hub()
        self.start(WORKER, self.address, until="offered")
        service = f"unix:{self.place}/service.sock"
        self.start(SERVICE, service, until=service)
        for address in (self.address, service):
            ran = subprocess.run([OLD_CALCULATOR, address], capture_output=True, text=True, check=False, timeout=100)
            self.assertEqual(ran.returncode, 1)
            self.assertIn('"Calculator": add differs: argument 2 (b) is i64 there and i32 here', ran.stderr)

    def test_it_ends_when_it_is_asked_to_and_removes_its_socket(self):
        for asked in (signal.SIGTERM, signal.SIGINT):
            hub = self.hub()
            worker = self.start(WORKER, self.address, until="offered")
            hub.send_signal(asked)
            self.assertEqual(hub.wait(), 0)
            self.assertEqual(hub.stdout.read(), "hub: ended\n")
            self.end(worker)
            self.assertEqual(os.listdir(f"{self.place}/parley"), [])

    def test_a_hub_whose_output_nobody_reads_goes_on_and_says_so_when_it_ends(self):
        hub = self.hub()
        hub.stdout.close()
        hub.send_signal(signal.SIGTERM)
        self.assertEqual(hub.wait(), 4)
        self.assertEqual(os.listdir(f"{self.place}/parley"), [])

    def test_its_directory_is_private(self):
        self.hub()
        self.assertEqual(os.stat(f"{self.place}/parley").st_mode & 0o777, 0o700)

    def test_a_second_hub_is_told_that_one_is_there(self):
        self.hub()
        second = self.run_parley("hub")
        self.assertEqual(second.returncode, 14)
        self.assertIn("if another hub runs there", second.stderr)

    def test_a_hub_that_was_killed_is_replaced(self):
        first = self.hub()
        first.kill()
        first.wait()
        self.hub()
        self.assertEqual(self.run_parley("list").returncode, 0)

    def test_without_a_hub_it_says_how_to_start_one(self):
        ran = self.run_parley("list")
        self.assertEqual(ran.returncode, 3)
        self.assertEqual(ran.stderr.splitlines(), [
            f"parley: no hub at {self.address} ({self.address}: No such file or directory)",
            "  start one with `parley hub`, or say where it is: --hub ADDRESS, or PARLEY_HUB in the environment"])
        elsewhere = f"unix:{self.place}/elsewhere.sock"
        self.assertIn(elsewhere, self.run_parley("list", PARLEY_HUB=elsewhere).stderr)
        self.assertIn(elsewhere, self.run_parley("list", "--hub", elsewhere, PARLEY_HUB="unix:/x").stderr)

    def test_an_address_that_is_none_says_how_they_look(self):
        ran = self.run_parley("list", "--hub", "nonsense")
        self.assertEqual(ran.returncode, 2)
        self.assertIn("addresses look like unix:", ran.stderr)
        self.assertEqual(self.run_parley("hub", "--listen", "nonsense").returncode, 2)
        self.assertIn("the directory must exist", self.run_parley("hub", "--listen", f"unix:{self.place}/no/x").stderr)

    def test_a_service_is_no_hub(self):
        address = f"unix:{self.place}/service.sock"
        self.start(SERVICE, address, until=address)
        ran = self.run_parley("list", "--hub", address)
        self.assertEqual(ran.returncode, 3)
        self.assertIn("is a service and no hub", ran.stderr)

    # --- calls

    def test_any_method_is_called_with_json(self):
        self.hub()
        self.start(WORKER, self.address, until="offered")
        ran = self.run_parley("call", "Calculator.add", "[2, 3]")
        self.assertEqual((ran.returncode, ran.stdout), (0, "5\n"), ran.stderr)
        big = self.run_parley("call", "Calculator.add", '["9007199254740993", 1]', "--deadline", "5",
                              "--metadata", "a=b")
        self.assertEqual(big.stdout, '"9007199254740994"\n')
        self.assertIn("beside it:", self.run_parley("call", "Calculator.add", "[2, 3]", "--detailed").stdout)

    def test_a_stream_is_fed_from_a_file_or_from_standard_input(self):
        self.hub()
        self.start(WORKER, self.address, until="offered")
        path = os.path.join(self.place, "numbers")
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(f"{number}\n" for number in range(1, 1001))
        self.assertEqual(self.run_parley("call", "Calculator.sum", path).stdout, "500500\n")
        ran = subprocess.run([PARLEY, "call", "Calculator.sum", "[]", "-"], input="1\n\n2\n39\n", capture_output=True,
                             text=True, check=False, timeout=100, env=self.environment)
        self.assertEqual((ran.returncode, ran.stdout), (0, "42\n"), ran.stderr)
        bad = subprocess.run([PARLEY, "call", "Calculator.sum", "-"], input="1\nx\n", capture_output=True, text=True,
                             check=False, timeout=100, env=self.environment)
        self.assertNotEqual(bad.returncode, 0)
        self.assertIn("line 2", bad.stderr)
        folder = os.open(self.place, os.O_RDONLY)
        ran = subprocess.run([PARLEY, "call", "Calculator.sum", "[]", "-"], stdin=folder, capture_output=True,
                             text=True, check=False, timeout=100, env=self.environment)
        os.close(folder)
        self.assertEqual((ran.returncode, ran.stdout), (12, ""), ran.stderr)

    def test_mistakes_in_calls_are_told_with_what_is_right(self):
        self.hub()
        self.start(WORKER, self.address, until="offered")
        for arguments, exit_code, told in (
                (["Calculater.add", "[1, 2]"], 13, 'did you mean "Calculator"?'),
                (["Calculator.ad", "[1, 2]"], 13, "did you mean add?"),
                (["Calculator.zzzzzz"], 13, "it has add, sum"),
                (["Calculator"], 2, "names no command and no method"),
                (["Calculator.add", "[1]"], 12, "it is add(i64, i64) -> i64"),
                (["Calculator.add", '[1, "x"]'], 12, "$[1]"),
                (["Calculator.add", "[1, 2"], 12, "it is add(i64, i64) -> i64"),
                (["Calculator.sum"], 2, "the method reads 1 streams, and 0 are given"),
                (["Calculator.sum", "/no/such/file"], 2, "/no/such/file cannot be read"),
                (["Calculator.sum", "/"], 12, "cannot be read")):
            with self.subTest(arguments=arguments):
                ran = self.run_parley("call", *arguments)
                self.assertEqual(ran.returncode, exit_code, ran.stderr)
                self.assertIn(told, ran.stderr)
                self.assertEqual(ran.stdout, "")

    def test_output_that_cannot_be_written_is_an_error(self):
        self.hub()
        with open("/dev/full", "w", encoding="utf-8") as full:
            ran = subprocess.run([PARLEY, "list"], stdout=full, stderr=subprocess.PIPE, text=True, check=False,
                                 timeout=100, env=self.environment)
        self.assertEqual(ran.returncode, 4)
        self.assertIn("standard output cannot be written to", ran.stderr)

    def test_methods_are_listed_with_what_they_take_and_give(self):
        self.hub()
        self.start(WORKER, self.address, until="offered")
        self.assertEqual(self.run_parley("list", "--methods").stdout,
                         "Calculator.add(i64, i64) -> i64\nCalculator.sum(Rx of i32) -> i64\n")
        described = json.loads(self.run_parley("list", "-m", "--json").stdout)
        self.assertEqual([method["name"] for method in described["Calculator"]["methods"]], ["add", "sum"])

    def test_providers_of_one_name_with_different_signatures_are_told_of(self):
        self.hub()
        self.start(WORKER, self.address, until="offered")
        self.assertEqual(self.run_parley("list", "--methods").stderr, "")
        self.start(OLD_CALCULATOR, self.address, "offer", until="offered")
        self.assertRegex(self.run_parley("list", "--methods").stderr,
                         r"session \d \(process \d+\) provides Calculator too, but no add with this signature")

    def test_what_is_built_in_is_called_too(self):
        self.hub()
        self.start(WORKER, self.address, until="offered")
        ran = self.run_parley("call", "parley.Directory.list")
        self.assertEqual([entry["name"] for entry in json.loads(ran.stdout)], ["Calculator"], ran.stderr)

    # --- who may do what

    SECRET = "what the token ci is known by"

    def secret_file(self, secret=SECRET, mode=0o600, name="ci.token"):
        path = os.path.join(self.place, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(secret + "\n")
        os.chmod(path, mode)
        return path

    def tcp_hub(self, *rules):
        """A hub with the token ci; its addresses, the one of TCP first."""
        allow = [word for rule in rules for word in ("--allow", rule)]
        hub = self.start(PARLEY, "hub", "--listen", "tcp:127.0.0.1:0", "--listen", self.local(), "--token-file",
                         f"ci={self.secret_file()}", *allow, until="hub: listens at tcp:127.0.0.1:")
        first = self.first_line.split()[3]
        self.assertIn(self.local(), hub.stdout.readline())
        return first

    def local(self):
        return f"unix:{self.place}/hub.sock"

    def test_over_tcp_a_token_lets_in(self):
        tcp = self.tcp_hub("token:ci see,call Calculator")
        self.start(WORKER, self.local(), until="offered")
        ran = self.run_parley("call", "Calculator.add", "[2, 3]", "--hub", tcp, PARLEY_TOKEN=self.SECRET)
        self.assertEqual((ran.returncode, ran.stdout), (0, "5\n"), ran.stderr)
        ran = self.run_parley("who", "--json", "--hub", tcp, "--token-file", os.path.join(self.place, "ci.token"),
                              PARLEY_TOKEN="the file counts before this")
        self.assertEqual([entry["principal"] for entry in json.loads(ran.stdout)], ["token:ci"], ran.stderr)
        both = json.loads(self.run_parley("who", "--json", "--hub", self.local()).stdout)
        self.assertEqual([entry["principal"] for entry in both], 2 * [f"uid:{os.getuid()}"])

    def test_over_tcp_no_token_and_a_wrong_one_are_refused_with_what_to_do(self):
        tcp = self.tcp_hub("token:ci see,call Calculator")
        ran = self.run_parley("list", "--hub", tcp)
        self.assertEqual(ran.returncode, 3, ran.stderr)
        self.assertIn("no token came: give one", ran.stderr)
        wrong = "a secret that nobody is known by"
        ran = self.run_parley("list", "--hub", tcp, PARLEY_TOKEN=wrong)
        self.assertEqual(ran.returncode, 3, ran.stderr)
        self.assertIn("the token is none of this hub's", ran.stderr)
        self.assertNotIn(wrong, ran.stderr)
        ran = subprocess.run([CLIENT, tcp], capture_output=True, text=True, check=False, timeout=100)
        self.assertEqual(ran.returncode, 1)
        self.assertIn("no token came: give one", ran.stderr)

    def test_refusals_are_shown_and_no_secret_in_any_output(self):
        tcp = self.tcp_hub("token:ci see Calculator")
        self.assertEqual(self.run_parley("audit", "--hub", self.local()).stdout, "nothing was refused to anybody\n")
        self.start(WORKER, self.local(), until="offered")
        wrong = "a secret that nobody is known by"
        with_token = {"PARLEY_TOKEN": self.SECRET}
        outputs = [self.run_parley("call", "Calculator.add", "[2, 3]", "--hub", tcp, **with_token),
                   self.run_parley("audit", "--hub", tcp, **with_token),
                   self.run_parley("who", "--hub", tcp, PARLEY_TOKEN=wrong),
                   self.run_parley("audit", "--hub", self.local()),
                   self.run_parley("audit", "--json", "--hub", self.local()),
                   self.run_parley("who", "--json", "--hub", self.local()),
                   self.run_parley("call", "parley.Hub.counters", "--hub", self.local())]
        self.assertEqual([ran.returncode for ran in outputs], [14, 14, 3, 0, 0, 0, 0],
                         [ran.stderr for ran in outputs])
        self.assertIn('token:ci may not call "Calculator"; a rule that allows it: token:ci call Calculator',
                      outputs[0].stderr)
        lines = outputs[3].stdout.splitlines()
        self.assertEqual(lines[0].split(), ["WHEN", "WHO", "FROM", "VERB", "NAME", "TIMES", "WHY"])
        self.assertEqual([line.split()[1] for line in lines[1:]], ["token:ci", "token:ci", "-"])
        audit = json.loads(outputs[4].stdout)
        self.assertEqual([(each["principal"], each["verb"], each["name"]) for each in audit["refusals"]],
                         [("token:ci", "call", "Calculator"), ("token:ci", "operate", "parley.Hub"), ("", "", "")])
        self.assertEqual(audit["dropped"], 0)
        self.assertTrue(audit["refusals"][2]["peer"].startswith("tcp:127.0.0.1:"))
        for ran in outputs:
            for secret in (self.SECRET, wrong):
                self.assertNotIn(secret, ran.stdout + ran.stderr)

    def test_a_hub_that_could_let_in_the_wrong_ones_does_not_start(self):
        rule = "token:ci see **"
        for arguments, told in (
                (["--listen", "tcp:127.0.0.1:0"], "--token-file NAME=PATH"),
                (["--token-file", f"ci={self.secret_file()}"], "may nothing: say what"),
                (["--allow", rule, "--token-file", f"ci={self.secret_file(mode=0o640, name='open')}"], "chmod 600"),
                (["--allow", rule, "--token-file", f"ci={self.secret_file('short', name='s')}"], "it takes 16 to 1024"),
                (["--allow", rule, "--token-file", f"ci={self.place}/missing"], "No such file"),
                (["--allow", rule, "--token-file", self.secret_file()], "is not NAME=PATH"),
                (["--allow", "ci see **"], "is no principal"),
                (["--allow", "token:zz see **"], "there is none: --token-file zz=PATH"),
                (["--allow", "token:ci see a*"], "is no pattern")):
            with self.subTest(arguments=arguments):
                ran = self.run_parley("hub", *arguments)
                self.assertEqual(ran.returncode, 2, ran.stderr)
                self.assertIn(told, ran.stderr)
                self.assertNotIn("short", ran.stderr)

    def test_a_token_in_a_file_that_others_may_read_is_not_used(self):
        self.hub()
        ran = self.run_parley("list", "--token-file", self.secret_file(mode=0o644))
        self.assertEqual(ran.returncode, 2)
        self.assertIn("chmod 600", ran.stderr)
        ran = self.run_parley("list", "--token-file", self.secret_file())
        self.assertEqual(ran.returncode, 3)
        self.assertIn(f"or none, to come in as uid:{os.getuid()}", ran.stderr)

    def test_wrong_usage_ends_with_2_and_help_with_0(self):
        for arguments in ([], ["no-such-command"], ["list", "--no-such-option"], ["who", "extra"]):
            self.assertEqual(self.run_parley(*arguments).returncode, 2, arguments)
        shown = self.run_parley("--help")
        self.assertEqual(shown.returncode, 0)
        for command in ("hub", "list", "call", "who", "audit"):
            self.assertIn(command, shown.stdout)
            self.assertEqual(self.run_parley(command, "--help").returncode, 0)
        self.assertEqual(self.run_parley("--version").returncode, 0)


if __name__ == "__main__":
    program_suite.main()
