#!/usr/bin/env python3
"""Says how much of each reader of a peer's bytes its fuzz corpus runs through.

Usage: tools/fuzz_coverage.py [--require PERCENT] [--build DIR] [NAME]...

  NAME                 only these, as in fuzz/NAME_fuzz.cpp (default: all)
  --require PERCENT    exit 1 when the corpora cover less of the lines of any reader file
  --missed             also list the lines that no input reaches
  --build DIR          the build folder (default: build/coverage)

Builds the targets with source coverage and runs fuzz/corpus/NAME through each. The reader files of a target are those
it names in lines like
  // reads: src/wire/frame.h src/wire/roam/message.cpp
and without such a line the headers of layers above base that it includes, with the .cpp beside each. What several
targets read counts as covered where one of them gets.
"""

import argparse
import os
import re
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

READS = re.compile(r"^// reads: *(\S.*)$", re.MULTILINE)
INCLUDE = re.compile(r'^#include "([a-z]+/[^"]+\.h)"', re.MULTILINE)

Coverage = namedtuple("Coverage", "covered count missed")  # missed: line numbers


class Problem(Exception):
    pass


def readers_of(text, root):
    """The files that a fuzz target is about, relative to the root."""
    named = [path for line in READS.findall(text) for path in line.split()]
    if named:
        for path in named:
            if not (root / path).is_file():
                raise Problem(f"reads {path}, which is not there")
        return named
    found = []
    for header in INCLUDE.findall(text):
        if header.startswith("base/"):
            continue
        for path in (f"src/{header}", f"src/{header[:-2]}.cpp"):
            if (root / path).is_file():
                found.append(path)
    if not found:
        raise Problem("names no reader and includes no header of one")
    return found


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


def measure(name, build):
    """{reader file: {line: how often it ran}} of a target."""
    source = ROOT / f"fuzz/{name}_fuzz.cpp"
    corpus = ROOT / "fuzz/corpus" / name
    if not corpus.is_dir() or not any(corpus.iterdir()):
        raise Problem(f"fuzz/corpus/{name} is empty")
    readers = readers_of(source.read_text(encoding="utf-8"), ROOT)
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
    names = arguments.names or sorted(p.stem[:-len("_fuzz")] for p in (ROOT / "fuzz").glob("*_fuzz.cpp"))
    found = {}  # reader file -> {target: its counts}
    try:
        run("cmake", "--preset", "coverage", "-B", build, "--log-level=NOTICE")
        run("cmake", "--build", build, "-j", arguments.jobs, "--target", *[f"{name}_fuzz" for name in names])
        for name in names:
            try:
                for path, counts in measure(name, build).items():
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
