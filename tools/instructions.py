#!/usr/bin/env python3
"""Counts the instructions of a call and of a channel item, both sides together, over the memory link.

callgrind counts; what start-up costs is taken out by running each case with two numbers of calls. The counts are kept
in bench/instructions.txt; a count above its record by more than 3 % fails, because a slower hot path is a defect that
no test of behaviour sees. `--record` writes the file anew, for a change that is worth its price.
"""
import argparse
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
RECORD = ROOT / "bench" / "instructions.txt"
SLACK = 1.03
CASES = {  # name: arguments for a number of repetitions
    "call_1_in_flight": lambda n: ["calls", str(n), "1"],
    "call_64_in_flight": lambda n: ["calls", str(n), "64"],
    "item_64_bytes": lambda n: ["items", str(n)],
}
FEW, MANY = 20_000, 60_000


def count(program, arguments):
    """Instructions of one run, with fixed addresses."""
    command = ["setarch", "-R"] if shutil.which("setarch") else []
    command += ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", str(program), *arguments]
    run = subprocess.run(command, capture_output=True, text=True)
    found = re.search(r"Collected : (\d+)", run.stderr)
    if run.returncode != 0 or not found:
        sys.exit(f"instructions: {' '.join(command)} failed:\n{run.stderr[-2000:]}")
    return int(found.group(1))


def read_record():
    if not RECORD.exists():
        return {}
    lines = [line.split("#")[0].split() for line in RECORD.read_text().splitlines()]
    return {fields[0]: float(fields[1]) for fields in lines if fields}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=pathlib.Path, default=ROOT / "build/release/bench/inproc_parley")
    parser.add_argument("--record", action="store_true", help="write bench/instructions.txt anew")
    options = parser.parse_args()
    if not options.program.exists():
        sys.exit(f"instructions: {options.program} is not there; build it: "
                 "cmake --build build/release --target inproc_parley")
    if not shutil.which("valgrind"):
        sys.exit("instructions: valgrind is not installed; tools/setup --test installs it")
    recorded = read_record()
    measured = {}
    has_failed = False
    for name, arguments in CASES.items():
        each = (count(options.program, arguments(MANY)) - count(options.program, arguments(FEW))) / (MANY - FEW)
        measured[name] = each
        before = recorded.get(name)
        verdict = "not recorded yet; run with --record" if before is None else f"{(each / before - 1) * 100:+.1f} %"
        is_worse = before is None or each > before * SLACK
        has_failed |= is_worse
        mark = " - ABOVE +3 %" if is_worse else ""
        print(f"{name:20} {each:8.1f} instructions, recorded {before or 0:8.1f}: {verdict}{mark}")
    if options.record:
        lines = ["# Instructions a call and a channel item, both sides, over the memory link.",
                 "# Written by tools/instructions.py --record."]
        lines += [f"{name} {each:.1f}" for name, each in measured.items()]
        RECORD.write_text("\n".join(lines) + "\n")
        print(f"written to {RECORD.relative_to(ROOT)}")
        return 0
    return 1 if has_failed else 0


if __name__ == "__main__":
    sys.exit(main())
