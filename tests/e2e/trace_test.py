#!/usr/bin/env python3
"""What `parley call --trace` and `parley hub --trace` write down, and how it belongs together.

Usage: trace_test.py PARLEY WORKER CLIENT BLOCKING_CLIENT SERVICE OLD_CALCULATOR
"""

import json
import os
import stat

import program_suite
from program_suite import PARLEY, WORKER

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


class TraceTest(program_suite.ProgramTest):
    def spans(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def hub_with_a_worker(self, *told):
        told = told or ("--trace", self.path("hub.spans"))
        self.start(PARLEY, "hub", *told, until=f"hub: listens at {self.address}")
        self.start(WORKER, self.address, until="offered")

    def call(self, *arguments):
        ran = self.run_parley("call", "Calculator.add", "[2, 300]", *arguments)
        self.assertEqual((ran.returncode, ran.stdout), (0, "302\n"), ran.stderr)

    def test_a_call_through_the_hub_is_one_trace(self):
        self.hub_with_a_worker()
        self.call("--trace", self.path("call.spans"))
        *asked, called = self.spans("call.spans")
        self.assertEqual([span["name"] for span in asked], ["Commands.list", "Describe.describe"])
        self.assertEqual(called["name"], "Calculator.add")
        self.assertEqual((called["kind"], called["outcome"]), ("caller", "value"))
        self.assertEqual((called["argument_bytes"], called["result_bytes"]), (3, 2))
        self.assertEqual(called["peer"], self.address)
        self.assertNotIn("parent_span_id", called)
        self.assertEqual(stat.S_IMODE(os.stat(self.path("call.spans")).st_mode), 0o600)
        relayed = [span for span in self.spans("hub.spans") if span["trace_id"] == called["trace_id"]]
        self.assertEqual(len(relayed), 1)
        self.assertEqual((relayed[0]["kind"], relayed[0]["parent_span_id"]), ("relay", called["span_id"]))
        self.assertTrue(relayed[0]["name"].startswith("Calculator method "), relayed[0]["name"])
        self.assertEqual((relayed[0]["argument_bytes"], relayed[0]["result_bytes"]), (3, 2))

    def test_a_call_may_belong_to_a_trace_that_is_there(self):
        with open(self.path("hub.toml"), "w", encoding="utf-8") as file:
            file.write(f"trace = '{self.path('hub.spans')}'\n")
        self.hub_with_a_worker("--config", self.path("hub.toml"))
        self.call("--metadata", f"traceparent=00-{TRACE}-{SPAN}-01", "--trace", self.path("call.spans"))
        called = self.spans("call.spans")[-1]
        self.assertEqual((called["trace_id"], called["parent_span_id"]), (TRACE, SPAN))
        self.call("--metadata", f"traceparent=00-{TRACE}-{SPAN}-01")
        relayed = [span for span in self.spans("hub.spans") if span["trace_id"] == TRACE]
        self.assertEqual([span["parent_span_id"] for span in relayed], [called["span_id"], SPAN])

    def test_the_hubs_own_services_are_traced_and_calls_without_a_trace_pass_unseen(self):
        self.hub_with_a_worker()
        before = len(self.spans("hub.spans"))
        self.call()
        self.run_parley("who")
        own = self.spans("hub.spans")[before:]
        self.assertEqual([(span["kind"], span["name"]) for span in own],
                         [("handler", "Commands.list"), ("handler", "Hub.who")])

    def test_a_place_that_takes_no_file_is_said(self):
        for command in (["hub"], ["call", "Calculator.add", "[1, 2]"]):
            ran = self.run_parley(*command, "--trace", self.path("missing/spans"))
            self.assertEqual((ran.returncode, ran.stdout), (2, ""))
            self.assertIn("cannot write spans to", ran.stderr)
            self.assertIn("missing/spans", ran.stderr)


if __name__ == "__main__":
    program_suite.main()
