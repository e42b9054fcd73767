#!/usr/bin/env python3
"""Gives report.py a few rows."""

import sys
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import report  # noqa: E402
import run  # noqa: E402


def row(case, peer, rep, **figures):
    return {"case": case, "peer": peer, "rep": rep, "transport": "unix", "test": "unary", **figures}


class GoalsTest(unittest.TestCase):
    def line(self, rows, what, reference=""):
        return next(line for line in report.goals(rows).splitlines() if line.startswith(f"| {what} | {reference}"))

    def test_the_ratio_is_taken_within_a_repetition_and_then_the_median(self):
        rows = [row("B", "asio-epoll", 0, rate=100), row("B", "parley", 0, rate=80),    # 0.8
                row("B", "asio-epoll", 1, rate=1000), row("B", "parley", 1, rate=600),  # 0.6
                row("B", "asio-epoll", 2, rate=10), row("B", "parley", 2, rate=9),      # 0.9
                row("B", "parley", 3, rate=9)]                                          # no reference
        self.assertIn("| 0.8 (0.6–0.9) | ≥ 0.7 ok | ≥ 0.85 **short** |", self.line(rows, "64 in flight, rate", "asio"))

    def test_a_figure_that_must_be_small_is_short_when_it_is_large(self):
        rows = [row("A", "asio-epoll", 0, p50_us=10.0), row("A", "parley", 0, p50_us=12.0)]
        self.assertIn("| ≤ 1.1 **short** | ≤ 1 **short** |", self.line(rows, "1 in flight, p50"))

    def test_spinning_is_compared_in_its_own_case(self):
        rows = [row("A-paced-spin", "parley", 0, p50_us=20.0), row("A-paced-spin", "parley-spin", 0, p50_us=22.0),
                row("A-paced", "parley", 0, p50_us=1.0)]
        self.assertIn("| 1.1 (1.1–1.1) | ≤ 1.15 ok | – |", self.line(rows, "paced, spinning against not, p50"))

    def test_items_are_told_apart_by_size_and_window(self):
        rows = [row("C-w16", "grpc-cb", 0, rate=1, item=64), row("C-w16", "parley", 0, rate=3, item=64),
                row("C-w16", "parley", 0, rate=99, item=4096), row("C-w256", "parley", 0, rate=99, item=64)]
        self.assertIn("| 3 (3–3) | ≥ 2 ok |", self.line(rows, "64 B items, window 16"))
        self.assertIn("not measured", self.line(rows, "64 B items, window 256"))

    def test_memory_is_no_ratio(self):
        rows = [row("E", "parley", 0, server_kib_per_conn=4.5, client_kib_per_conn=2.0)]
        self.assertIn("| 4.5 (4.5–4.5) | ≤ 4 **short** |", self.line(rows, "idle connection, server KiB"))
        self.assertIn("| 2 (2–2) | ≤ 4 ok |", self.line(rows, "idle connection, client KiB"))

    def test_tcp_is_not_what_the_goals_are_about(self):
        rows = [row("B", "asio-epoll", 0, rate=100), dict(row("B", "parley", 0, rate=80), transport="tcp")]
        self.assertIn("not measured", self.line(rows, "64 in flight, rate", "asio"))

    def test_what_is_protected_is_compared_with_what_is_protected_alike(self):
        rows = [dict(row("T-stream", peer, 0, rate=rate, item=65536), transport="tcp")
                for peer, rate in (("asio-epoll", 100), ("asio-tls", 10), ("parley-tls", 8), ("parley", 90))]
        rows = [dict(r, test="stream", mb_s=1.0, cpu_us=1.0, ctxsw=1.0) for r in rows]
        self.assertIn("| 0.8 (0.8–0.8) | ≥ 0.95 **short** |", self.line(rows, "64 KiB items over TLS", "asio-tls"))
        self.assertIn("not measured", self.line(rows, "64 KiB items over WebSocket"))
        lines = report.tables(rows).splitlines()
        self.assertIn("0.80×", next(line for line in lines if line.startswith("| parley-tls |")))
        self.assertIn("0.90×", next(line for line in lines if line.startswith("| parley |")))


class RunsTest(unittest.TestCase):
    def test_a_peer_is_read_from_its_text(self):
        self.assertEqual(run.peer("a/b+c/exe:cb+window=4+x=y"), run.Peer("a/b+c/exe", "cb", ("window=4", "x=y")))
        self.assertEqual(run.peer("exe"), run.Peer("exe"))
        with self.assertRaises(SystemExit):
            run.peer("exe+window")

    def test_ours_takes_part_with_its_windows_and_spinning(self):
        ours = [run.Peer("peer_parley")]
        windows = {r.options["window"] for r in run.runs_of("C-w256", ours) if r.peer.exe == "peer_parley"}
        self.assertEqual(windows, {256})
        spinning = [r.peer for r in run.runs_of("A-same-spin", ours)]
        self.assertEqual(spinning, [run.Peer("peer_asio"), *ours, run.Peer("peer_parley", "spin")])
        for case in run.CASES:
            names = [r.peer.exe for r in run.runs_of(case, ours)]
            without = ("D", "O", "O64", "H1000", "H-talk", "H-talk64", "H-idle", "H-flood", "H-deaths", "H-program")
            self.assertEqual("peer_parley" in names, case not in without, case)
            self.assertEqual("peer_hub" in names, case in ("H", "H64", "H1000", "H-idle"), case)

    def test_every_goal_is_about_a_case_that_a_run_for_goals_has(self):
        for goal in report.GOALS:
            self.assertIn(goal.ours.case, run.GOAL_CASES)


if __name__ == "__main__":
    unittest.main()
