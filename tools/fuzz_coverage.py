#!/usr/bin/env python3
"""Says how much of each reader of a peer's bytes its fuzz corpus runs through.

Usage: tools/fuzz_coverage.py [--require PERCENT] [--missed] [--build DIR] [NAME]...

  NAME                 only these, as in fuzz/NAME_fuzz.cpp (default: all)
  --require PERCENT    exit 1 when the corpora cover less of the lines of any reader file
  --missed             also list the lines that no input reaches
  --build DIR          the build folder (default: build/coverage)

Builds the targets with source coverage and runs fuzz/corpus/NAME through each. Which files are readers, and which
targets run through them, is listed in fuzz/readers.txt. What several targets read counts as covered where one of them
gets.
"""

import argparse
import os
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

Coverage = namedtuple("Coverage", "covered count missed")  # missed: line numbers


class Problem(Exception):
    pass


def read_table(text, root, targets):
    """{target: the reader files that its corpus runs through}, as fuzz/readers.txt says."""
    table = {target: [] for target in targets}
    seen = set()
    for number, line in enumerate(text.splitlines(), 1):
        line = line.split("#", 1)[0].strip()
        if not line:
            continue
        path, _, named = line.partition(":")
        where = f"fuzz/readers.txt:{number}"
        if not (root / path).is_file():
            raise Problem(f"{where}: {path} is not there")
        if path in seen:
            raise Problem(f"{where}: {path} is listed twice")
        seen.add(path)
        if not named.split():
            raise Problem(f"{where}: {path} has no target")
        for target in named.split():
            if target not in table:
                raise Problem(f"{where}: there is no fuzz/{target}_fuzz.cpp")
            table[target].append(path)
    for target, paths in table.items():
        if not paths:
            raise Problem(f"fuzz/readers.txt: no reader is listed for {target}")
    return table


def counts_of(lcov, root, path):
    """{line: how often it ran} of one file in what `llvm-cov export -format=lcov` wrote."""
    names = (str(root / path), path, f"/{path}")  # as the compiler was told to write it
    counts = {}
    inside = False
    for line in lcov.splitlines():
        if line.startswith("SF:"):
            inside = line[3:] in names
        elif inside and line.startswith("DA:"):
            number, count = line[3:].split(",")[:2]
            counts[int(number)] = max(int(count), counts.get(int(number), 0))
    return counts


def merged(all_counts):
    """The coverage of a file that several targets read."""
    counts = {}
    for some in all_counts:
        for line, count in some.items():
            counts[line] = max(count, counts.get(line, 0))
    missed = [line for line, count in sorted(counts.items()) if not count]
    return Coverage(len(counts) - len(missed), len(counts), missed)


def run(*command, **options):
    ran = subprocess.run([str(c) for c in command], cwd=ROOT, stdin=subprocess.DEVNULL, text=True, errors="replace",
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
    if ran.returncode:
        what = f"`{Path(str(command[0])).name}` ended with {ran.returncode}"
        raise Problem(f"{what}\n{(ran.stdout + ran.stderr)[-4000:]}")
    return ran.stdout


def measure(name, readers, build):
    """{reader file: {line: how often it ran}} of a target."""
    corpus = ROOT / "fuzz/corpus" / name
    if not corpus.is_dir() or not any(corpus.iterdir()):
        raise Problem(f"fuzz/corpus/{name} is empty")
    program = build / f"{name}_fuzz"
    raw, profile = build / f"{name}_fuzz.profraw", build / f"{name}_fuzz.profdata"
    run(program, corpus, env={**os.environ, "LLVM_PROFILE_FILE": str(raw)})
    run("llvm-profdata-19", "merge", "-sparse", raw, "-o", profile)
    lcov = run("llvm-cov-19", "export", "-format=lcov", program, f"-instr-profile={profile}")
    found = {}
    for path in readers:
        counts = counts_of(lcov, ROOT, path)
        if counts:
            found[path] = counts
        elif path.endswith(".cpp"):
            raise Problem(f"{path} is not linked into {name}_fuzz")
    return found


def ranges(numbers):
    """1, 2, 3, 7 as `1-3, 7`."""
    parts = []
    for number in numbers:
        if parts and parts[-1][1] == number - 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in parts)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--require", type=float, default=0, metavar="PERCENT")
    parser.add_argument("--missed", action="store_true")
    parser.add_argument("--build", type=Path, default=ROOT / "build/coverage")
    parser.add_argument("--jobs", default="2")
    arguments = parser.parse_args()
    build = arguments.build.resolve()
    targets = sorted(p.stem[:-len("_fuzz")] for p in (ROOT / "fuzz").glob("*_fuzz.cpp"))
    names = arguments.names or targets
    found = {}  # reader file -> {target: its counts}
    try:
        table = read_table((ROOT / "fuzz/readers.txt").read_text(encoding="utf-8"), ROOT, targets)
        unknown = set(names) - set(targets)
        if unknown:
            raise Problem(f"there is no such target: {', '.join(sorted(unknown))}")
        run("cmake", "--preset", "coverage", "-B", build, "--log-level=NOTICE")
        run("cmake", "--build", build, "-j", arguments.jobs, "--target", *[f"{name}_fuzz" for name in names])
        for name in names:
            try:
                for path, counts in measure(name, table[name], build).items():
                    found.setdefault(path, {})[name] = counts
            except Problem as problem:
                raise Problem(f"fuzz/{name}_fuzz.cpp: {problem}") from None
    except Problem as problem:
        print(f"fuzz_coverage: {problem}", file=sys.stderr)
        return 1
    low = []
    for path, by_target in sorted(found.items()):
        coverage = merged(by_target.values())
        percent = 100 * coverage.covered / coverage.count
        print(f"{percent:6.1f} %  {coverage.covered:>5} of {coverage.count:<5} {path} by {', '.join(by_target)}")
        if arguments.missed and coverage.missed:
            print(f"{'':<10}not reached: {ranges(coverage.missed)}")
        if percent < arguments.require:
            low.append(path)
    if low:
        print(f"fuzz_coverage: below {arguments.require:g} %: {', '.join(low)}", file=sys.stderr)
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main())
