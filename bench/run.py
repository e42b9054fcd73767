#!/usr/bin/env python3
"""Runs Parley beside what users would otherwise pick, in one interleaved run, and compares.

Usage: bench/run.py [--reps N] [--cases A,B,...] [--only PEER,...] [--extra SPEC,...] [--goals] [--smoke]
       bench/run.py --report | --report-goals

  --cases CASES     which cases (bench/README.md says what they are; default: all)
  --only PEERS      only these, as program or program:variant
  --extra SPECS     more programs, each exe[:variant][+key=value]...; the keys are given to the program in each of its
                    runs. They take part in A, B, C and E and their kinds. peer_parley takes part by itself.
  --goals           only what the table of goals needs, and that table
  --report          no run: the tables of what was measured last
  --report-goals    no run: the table of goals of what was measured last
  --smoke           every case for a moment, to show that it works; measures nothing
  --bin DIR         where the programs are; without it they are built into build/release/bench first
  --out PREFIX      results go to PREFIX.jsonl (a line a run) and PREFIX.md (default: DIR/results)

Repetition is the outer loop. A run during which other programs used the processors is repeated after waiting for a
quiet moment, and so is one next to which a fixed calibration loop ran slowly (a shared host); the cleanest attempt
counts.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path

sys.dont_write_bytecode = True
import report  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
OURS = "peer_parley"

# params: given to the program in each run, and part of its name in the tables.
Peer = namedtuple("Peer", "exe variant params", defaults=("", ()))
Run = namedtuple("Run", "peer scenario options")


def peer(spec):
    """`folder/exe:variant+key=value` as a Peer."""
    folder, _, name = spec.rpartition("/")
    name, *params = name.split("+")
    exe, _, variant = name.partition(":")
    for param in params:
        if "=" not in param:
            raise SystemExit(f"run.py: {spec}: `{param}` is not key=value")
    return Peer(f"{folder}/{exe}" if folder else exe, variant, tuple(params))


def peers(specs):
    return [peer(spec) for spec in specs.split()]


SOCKET = peers("peer_raw:block peer_raw:epoll peer_asio peer_asio_uring peer_sdbus peer_zmq peer_capnp peer_grpc:sync "
               "peer_grpc:cq peer_grpc:cb peer_nng")
MANY = peers("peer_raw:block peer_raw:epoll peer_asio peer_asio_uring peer_grpc:cb")
SHM = peers("peer_shm:spin peer_shm:hybrid peer_shm:futex")
STREAM = peers("peer_raw:batch peer_raw:naive peer_asio peer_asio_uring peer_zmq peer_capnp peer_grpc:sync "
               "peer_grpc:cb peer_nng")
STREAM_FLOORS = peers("peer_raw:batch peer_asio peer_grpc:cb")
IDLE = peers("peer_raw:epoll peer_asio peer_asio_uring peer_nng peer_capnp peer_grpc:sync peer_grpc:cq peer_grpc:cb "
             "peer_zmq")

PLACES = {
    "split": {"place": "split", "cpuc": "0", "cpus": "1"},
    "same": {"place": "same", "cpuc": "0", "cpus": "0"},
    "free": {"place": "free", "cpuc": "0,1", "cpus": "0,1"},
}
ITEMS = (64, 4096, 65536)
WINDOWS = {"C-w16": 16, "C-w256": 256, "C-w1024": 1024}
FLOODS = peers("hub_flood:quiet hub_flood:items hub_flood:large hub_flood:calls hub_flood:both")
SECURE_FLOORS = peers("peer_asio peer_asio_secure:websocket peer_asio_secure:tls peer_asio_secure:wss")
SECURE = peers("peer_parley peer_parley:websocket peer_parley:tls peer_parley:wss") + SECURE_FLOORS
HUB_CASES = ["H", "H64", "H1000", "H-talk", "H-talk64", "H-idle", "H-flood", "H-deaths", "H-program"]
CASES = ["A", "A-same", "A-free", "A-paced", "A-spin", "A-same-spin", "A-paced-spin", "B", "B512", "C", *WINDOWS, "D",
         "E", "T", "T-stream", "O", "O64", *HUB_CASES]

# What the table of goals is made from.
GOAL_CASES = ["A", "A-spin", "A-same-spin", "A-paced-spin", "B", "B512", "C", *WINDOWS, "E", "T-stream", "O", "O64",
              *HUB_CASES]
GOAL_PEERS = FLOODS + SECURE_FLOORS + peers(
    "peer_raw:batch peer_asio peer_grpc:cb peer_asio_relay peer_hub peer_hub:introduced peer_inproc:eof "
    "outbox_bench outbox_bench:enqueue outbox_bench:stopped "
    "conversations_bench:hub conversations_bench:worker hub_processes:worker hub_processes:hub hub_processes:client "
    "hub_processes:waiter hub_processes:next hub_processes:file hub_processes:call hub_processes:true")


def runs(who, scenario, transports, **options):
    return [Run(p, scenario, {**options, "transport": t}) for p in who for t in transports]


def unary_case(case, extra):
    place = next((name for name in ("same", "free") if name in case), "split")
    options = dict(PLACES[place])
    if "paced" in case:
        options["gap_us"] = 1000
    if case.endswith("-spin"):  # ours with and without, beside the reference
        spinning = [p._replace(variant="spin") for p in extra if not p.variant]
        return runs(peers("peer_asio") + extra + spinning, "unary", ["unix"], **options)
    transports = ["unix", "tcp"] if case == "A" else ["unix"]
    # Spinning on one shared processor means nothing; completion queues and callbacks cannot be paced by their caller.
    shm = SHM if place == "split" else peers("peer_shm:futex")
    unpaced = peers("peer_grpc:cq peer_grpc:cb") if "paced" in case else []
    socket = [p for p in SOCKET if p not in unpaced]
    return (runs(shm, "unary", ["shm"], **options) + runs(socket + extra, "unary", transports, **options) +
            runs(peers("peer_nats"), "unary", ["tcp"], **options))


def loaded_case(case, extra):
    if case == "B512":
        options = dict(PLACES["split"], inflight=512)
        return (runs(peers("peer_shm:hybrid"), "unary", ["shm"], **options) +
                runs(MANY + extra, "unary", ["unix"], **options))
    options = dict(PLACES["split"], inflight=64)
    return (runs(SHM, "unary", ["shm"], **options) + runs(SOCKET + extra, "unary", ["unix", "tcp"], **options) +
            runs(peers("peer_nats peer_nats:asap"), "unary", ["tcp"], **options))


def stream_case(case, extra):
    found = []
    for item in ITEMS:
        options = dict(PLACES["split"], item=item)
        if case in WINDOWS:
            found += runs(STREAM_FLOORS, "stream", ["unix"], **options)
            found += runs(extra, "stream", ["unix"], window=WINDOWS[case], **options)
        else:
            found += runs(SHM, "stream", ["shm"], **options)
            found += runs(STREAM + extra, "stream", ["unix", "tcp"], **options)
            found += runs(peers("peer_nats"), "stream", ["tcp"], **options)
    return found


def in_process_case():
    found = []
    for scenario in ("roundtrip", "throughput"):
        found += [Run(Peer("actors_bench"), scenario, options)
                  for options in ({"threads": 1, "cpus": "0"}, {"threads": 2}, {"threads": 2, "spin": 1})]
        found += [Run(p, scenario, {}) for p in peers("peer_inproc:spsc-spin peer_inproc:spsc-wait peer_inproc:mutex")]
        found += [Run(Peer("peer_caf"), scenario, options)
                  for options in ({"threads": 1, "cpus": "0"}, {"threads": 2}, {"threads": 2, "detached": 1})]
    found.append(Run(Peer("actors_bench"), "ask", {"threads": 1, "cpus": "0"}))
    found.append(Run(Peer("actors_bench"), "idle", {"n": 1000}))
    for scenario in ("monitor", "link"):
        found.append(Run(Peer("actors_bench"), scenario, {"threads": 1, "cpus": "0"}))
        found += [Run(Peer("peer_caf"), scenario, options) for options in ({"threads": 1, "cpus": "0"}, {"threads": 2})]
    return found + [Run(p, "crash", {}) for p in peers("peer_inproc:pidfd peer_inproc:eof")]


def hub_case(case, extra):
    """The hub on a CPU of its own, so that each hop wakes another CPU, as it does from client to server."""
    place = {"place": "hub", "cpuc": "0", "cpus": "0", "cpub": "1"}
    if case == "H-idle":
        return runs(peers("peer_hub"), "idle", ["unix"], conns=10000, **PLACES["split"])
    if case == "H-flood":  # places its processes itself, the hub alone on CPU 1
        return [Run(p, "flood", {}) for p in FLOODS]
    if case == "H-deaths":
        who = peers("hub_processes:worker hub_processes:hub hub_processes:client hub_processes:waiter "
                    "hub_processes:next hub_processes:file")
        return [Run(p, "deaths", {}) for p in who] + [Run(p, "crash", {}) for p in peers("peer_inproc:eof")]
    if case == "H-program":
        return [Run(p, "program", {}) for p in peers("hub_processes:call hub_processes:true")]
    if case == "H1000":
        return runs(peers("peer_hub"), "unary", ["unix"], inflight=1000, clients=1000, **place)
    inflight = {"inflight": 64} if case.endswith("64") else {}
    if case.startswith("H-talk"):
        both = ["unix", "tcp"]
        return (runs(peers("peer_asio_relay conversations_bench:worker"), "unary", both, **inflight, **place) +
                runs(peers("peer_asio conversations_bench:hub"), "unary", both, **inflight, **PLACES["split"]))
    through = runs(peers("peer_asio_relay peer_hub"), "unary", ["unix"], **inflight, **place)
    # Who was introduced has the hub on the side, where it does nothing.
    past = runs(peers("peer_hub:introduced"), "unary", ["unix"], cpub="1", **inflight, **PLACES["split"])
    return through + past + runs(peers("peer_asio") + extra, "unary", ["unix"], **inflight, **PLACES["split"])


def runs_of(case, extra):
    if case not in CASES:
        raise SystemExit(f"run.py: there is no case {case}; there are {', '.join(CASES)}")
    if case.startswith("A"):
        return unary_case(case, extra)
    if case.startswith("B"):
        return loaded_case(case, extra)
    if case.startswith("C"):
        return stream_case(case, extra)
    if case.startswith("H"):
        return hub_case(case, extra)
    if case == "O":
        who = peers("peer_asio outbox_bench outbox_bench:enqueue outbox_bench:stopped")
        return runs(who, "unary", ["unix"], **PLACES["split"])
    if case == "O64":
        return runs(peers("peer_asio outbox_bench"), "unary", ["unix"], inflight=64, **PLACES["split"])
    if case == "T":
        return runs(SECURE, "unary", ["tcp"], **PLACES["split"])
    if case == "T-stream":
        return runs(SECURE, "stream", ["tcp"], item=65536, **PLACES["split"])
    return in_process_case() if case == "D" else runs(IDLE + extra, "idle", ["unix"], **PLACES["split"])


def is_local(run):
    return run.options.get("transport", "unix") in ("unix", "shm")


def chosen_runs(case, extra, arguments):
    only = arguments.only.split(",") if arguments.only else None
    found = []
    possible = runs_of(case, extra)
    any_local = any(is_local(run) for run in possible)
    for run in possible:
        names = (run.peer.exe, f"{run.peer.exe}:{run.peer.variant}")
        if only and not any(name in only for name in names):
            continue
        is_goal = run.peer in GOAL_PEERS or run.peer.exe in [p.exe for p in extra]
        if arguments.goals and not (is_goal and (is_local(run) or case.startswith("T"))):
            continue
        if arguments.smoke and any_local and not is_local(run):  # once a case is enough, if possible without TCP
            continue
        found.append(run)
    return found


# --- measuring -------------------------------------------------------------------------------------------------------


def idle_ticks():
    fields = Path("/proc/stat").read_text().splitlines()[0].split()
    return int(fields[4]) + int(fields[5])


class Bench:
    """Starts the programs, and repeats a run that something disturbed."""

    def __init__(self, arguments):
        self.bin = Path(arguments.bin)
        self.wait_max = arguments.wait
        self.smoke = arguments.smoke
        self.waited = 0.0
        self.fastest = None  # best calibration so far
        self.failures = {}
        self.missing = set()

    def wait_until_quiet(self, seconds_max):
        start = time.monotonic()
        hz, processors = os.sysconf("SC_CLK_TCK"), os.cpu_count()
        while time.monotonic() - start < seconds_max:
            idle, before = idle_ticks(), time.monotonic()
            time.sleep(0.25)
            passed = time.monotonic() - before
            if processors * passed - (idle_ticks() - idle) / hz < 0.08 * passed:
                break
        self.waited += time.monotonic() - start

    def noise(self, row):
        """Above 1: the run does not count if a better one can be had.

        Other programs: quiet runs that sleep and wake on every call show up to 21 % (the time between a wake-up
        interrupt and its task is charged to nobody), disturbed ones 35 % and more; /proc/stat counts in steps of
        10 ms, so short windows get a wider margin. Slow host: the loop next to the run took 10 % longer than the best
        one so far.
        """
        noise = row.get("other_cpu_pct", 0) / (23 + 2 / max(row.get("secs", 1), 0.01))
        if "cal_cpu_ns" in row:
            self.fastest = min(self.fastest or row["cal_cpu_ns"], row["cal_cpu_ns"])
            noise = max(noise, (row["cal_cpu_ns"] / self.fastest - 1) / 0.1)
        return noise

    def command(self, case, rep, run):
        exe = run.peer.exe
        path = Path(exe) if "/" in exe else self.bin / exe
        if not path.exists():
            self.missing.add(exe)
            return None
        options = {"case": case, "rep": rep}
        if run.peer.variant:
            options["variant"] = run.peer.variant
        options.update(run.options)
        if self.smoke:
            many = run.scenario in ("roundtrip", "ask", "throughput", "monitor", "link")
            options.update(secs=0.05, warm=0.01, conns=20, n=20000 if many else 3)
        return [str(path), run.scenario, *(f"{k}={v}" for k, v in options.items()), *run.peer.params]

    def attempt(self, command, run):
        said = b""
        try:
            ran = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
            said = ran.stderr
            row = json.loads(ran.stdout)
        except (OSError, subprocess.TimeoutExpired, ValueError) as error:
            print(f"FAILED {' '.join(command)}: {type(error).__name__} {said.decode(errors='replace').strip()[-300:]}",
                  file=sys.stderr, flush=True)
            return None
        row["peer"] += "".join(f"+{param}" for param in run.peer.params)
        row.setdefault("test", run.scenario)
        row["noise"] = round(self.noise(row), 2)
        return row

    def measure(self, case, rep, run):
        """The cleanest of up to four attempts; None if the program is missing or fails."""
        command = self.command(case, rep, run)
        key = (case, run.peer)
        if command is None or self.failures.get(key, 0) >= 2:
            return None
        best = None
        attempts = 1 if self.smoke or run.scenario in ("idle", "crash", "deaths", "program") else 4
        for attempt in range(attempts):
            if attempt and self.waited < self.wait_max:
                self.wait_until_quiet(15)
            row = self.attempt(command, run)
            if row is None:
                self.failures[key] = self.failures.get(key, 0) + 1
                break
            row["attempt"] = attempt
            if best is None or row["noise"] < best["noise"]:
                best = row
            if best["noise"] <= 1:
                break
        return best


def run_all(arguments, extra):
    bench = Bench(arguments)
    rows = []
    start = time.monotonic()
    with open(os.devnull if arguments.smoke else f"{arguments.out}.jsonl", "w", encoding="utf-8") as file:
        for rep in range(arguments.reps):
            began = time.monotonic()
            for case in arguments.cases.split(","):
                for run in chosen_runs(case, extra, arguments):
                    row = bench.measure(case, rep, run)
                    if row:
                        rows.append(row)
                        print(json.dumps(row), file=file, flush=True)
                        if not arguments.smoke:
                            print(json.dumps(row), flush=True)
            now = time.monotonic()
            print(f"# repetition {rep}: {now - began:.0f} s, waited for quiet {bench.waited:.0f} s in all",
                  file=sys.stderr, flush=True)
            if now - start + (now - began) > arguments.budget:
                break
    return rows, bench


def smoke(arguments, extra):
    """Whether each case runs; a program that is not built is named and no failure."""
    rows, bench = run_all(arguments, extra)
    empty = [case for case in arguments.cases.split(",") if not any(row["case"] == case for row in rows)]
    left_out = f", left out: {', '.join(sorted(bench.missing))}" if bench.missing else ""
    print(f"smoke: {len(rows)} runs, {sum(bench.failures.values())} failed{left_out}")
    if empty:
        print(f"smoke: nothing ran in {', '.join(empty)}")
    return 1 if bench.failures or empty else 0


def build():
    configure = ["cmake", "--preset", "release", "--log-level=NOTICE"]
    subprocess.run(configure, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", "build/release", "--target", "parley_bench"], cwd=ROOT, check=True)


def about(command):
    """Machine, commit and command, for the record."""
    cpu = next((line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                if line.startswith("model name")), os.uname().machine)
    commit = subprocess.run(["git", "describe", "--always", "--dirty", "--abbrev=12"], cwd=ROOT, text=True,
                            capture_output=True).stdout.strip() or "unknown"
    return (f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} × {cpu}, Linux {os.uname().release}, commit {commit}, "
            f"`bench/run.py {' '.join(command)}`\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default="")
    parser.add_argument("--out", default="")
    parser.add_argument("--reps", type=int, default=5)
    parser.add_argument("--cases", default="")
    parser.add_argument("--only", default="")
    parser.add_argument("--extra", default="")
    parser.add_argument("--budget", type=float, default=3000, help="seconds; no repetition starts that would not fit")
    parser.add_argument("--wait", type=float, default=600, help="seconds in all to wait for a quiet machine")
    for flag in ("goals", "report", "report-goals", "smoke"):
        parser.add_argument(f"--{flag}", action="store_true")
    arguments = parser.parse_args()
    reports_only = arguments.report or arguments.report_goals
    if not arguments.bin:
        arguments.bin = str(ROOT / "build/release/bench")
        if not reports_only:
            build()
    arguments.out = arguments.out or os.path.join(arguments.bin, "results")
    arguments.cases = arguments.cases or ",".join(GOAL_CASES if arguments.goals else CASES)
    extra = [peer(spec) for spec in arguments.extra.split(",") if spec]
    for p in extra:
        if "/" in p.exe and not Path(p.exe).exists():
            raise SystemExit(f"run.py: there is no {p.exe}")
    if not any(p.exe.rpartition("/")[2] == OURS for p in extra):
        extra.insert(0, Peer(OURS))
    if arguments.smoke:
        arguments.reps = 1
        return smoke(arguments, extra)

    if reports_only:
        with open(f"{arguments.out}.jsonl", encoding="utf-8") as file:
            rows = [json.loads(line) for line in file]
        print(report.goals(rows) if arguments.report_goals else report.tables(rows))
        return 0
    rows, bench = run_all(arguments, extra)
    text = about(sys.argv[1:]) + "\n"
    if not arguments.goals:
        text += report.tables(rows) + "\n"
    if any(row["peer"] == report.OURS for row in rows):
        text += report.goals(rows)
    if bench.missing:
        text += f"\nLeft out, not built: {', '.join(sorted(bench.missing))}\n"
    Path(f"{arguments.out}.md").write_text(text, encoding="utf-8")
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
