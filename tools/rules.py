#!/usr/bin/env python3
"""Says which rules of the reference are proven by a test.

A test that proves a rule carries `// rule: <area>/<id>` inside its body (a `# rule:` in Python), more of them separated
by commas. The marker counts only if ctest reported that test as run and passed.

Usage: tools/rules.py [--results FILE] [--open AREA] [--require AREA:N]... [--root DIR]

  (nothing)          covered, reasoned out, replaced and open rules by area and stage
  --open AREA        the open rules of an area that are due now, with their gist
  --require AREA:N   exit 1 when fewer than N rules of stage `now` are covered
  --results FILE     what ctest --output-junit wrote (default: build/dev/junit.xml, and build/release/junit.xml for the
                     tests that hold in an optimised build only)

Rules are docs/rules.tsv; tests/rules_reasoned.tsv (area, id, reason) lists those that no test can or need prove. A
marker that names no rule, or stands outside of any test, is an error. So is a rule due now that is replaced by others
(`replaced: K-03, K-06`) and has a test, but none that carries the marker of one of those too.
"""

import argparse
import os
import re
import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter, namedtuple
from pathlib import Path

from tidy import blanked

Rule = namedtuple("Rule", "area id profile verdict stage gist")
Marker = namedtuple("Marker", "path line rule test")  # test: a Test, or None outside of any
Test = namedtuple("Test", "prefixes suite name")  # suite is None for what ctest knows by one name

RULE_ID = re.compile(r"\b[A-Z]+-\d+\b")
MARKER = re.compile(r"(?://|#) rule: *(\S.*)$")
GTEST = re.compile(r"^[ \t]*(?:TEST|TEST_F|TEST_P|TYPED_TEST|TYPED_TEST_P|RC_GTEST_PROP|RC_GTEST_FIXTURE_PROP)"
                   r"\s*\(\s*(\w+)\s*,\s*(\w+)", re.MULTILINE)
PYTHON_TEST = re.compile(r"^([ \t]*)(?:async )?def (test_\w+)", re.MULTILINE)


class Problem(Exception):
    pass


def read_table(path, columns):
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        cells = line.split("\t")
        if not line or line.startswith("#") or cells[0] == "area":
            continue
        if len(cells) != columns or not all(cells[:2]) or not cells[-1]:
            raise Problem(f"{path.name}:{number}: {columns} columns separated by tabs are expected")
        rows.append(cells)
    return rows


# --- tests in the tree -----------------------------------------------------------------------------------


def prefixes_of(path):
    """What ctest puts before Suite.name: the layer for its own tests; None when any binary may carry them."""
    match = re.match(r"src/(\w+)/.*_test\.cpp$", path)
    return (match.group(1), match.group(1) + "_threads") if match else None


def gtest_spans(path, text):
    """(first line, last line, Test) of each gtest test."""
    code = blanked(text)
    for match in GTEST.finditer(code):
        depth = 0
        end = len(code)
        for brace in re.finditer(r"[{}]", code[match.end():]):
            depth += 1 if brace.group(0) == "{" else -1
            if depth == 0:
                end = match.end() + brace.start()
                break
        yield text.count("\n", 0, match.start()) + 1, text.count("\n", 0, end) + 1, \
            Test(prefixes_of(path), match.group(1), match.group(2))


def python_spans(path, text):
    stem = os.path.splitext(os.path.basename(path))[0]
    lines = text.splitlines()
    for match in PYTHON_TEST.finditer(text):
        first = text.count("\n", 0, match.start()) + 1
        last = first
        for number in range(first + 1, len(lines) + 1):
            line = lines[number - 1]
            if line.strip() and len(line) - len(line.lstrip()) <= len(match.group(1)):
                break
            last = number
        # ctest may know the file without its ending: `e2e.secrets` of secrets_test.py.
        yield first, last, Test((stem, stem.removesuffix("_test")), None, match.group(2))


def markers_in(path, text):
    if "rule:" not in text:
        return
    lines = text.splitlines()
    spans = list(python_spans(path, text) if path.endswith(".py") else gtest_spans(path, text))
    whole = None
    if not spans and path.startswith("tests/"):  # the file is a test as a whole: ctest knows it by its stem
        whole = Test((), None, os.path.splitext(os.path.basename(path))[0])
    for number, line in enumerate(lines, 1):
        match = MARKER.search(line)
        if not match:
            continue
        test = next((t for first, last, t in spans if first <= number <= last), whole)
        for rule in re.split(r"[,\s]+", match.group(1).strip()):
            if rule:
                yield Marker(path, number, rule, test)


def markers_of(root):
    for folder in ("src", "tests"):
        for base, folders, names in os.walk(root / folder):
            folders[:] = sorted(f for f in folders if f not in ("vectors", "mutants", "__pycache__"))
            for name in sorted(names):
                path = os.path.relpath(os.path.join(base, name), root)
                if name.endswith(("_test.cpp", "_suite.h", "_suite.cpp")) or \
                        (folder == "tests" and name.endswith((".cpp", ".h", ".py", ".txt", ".cmake"))):
                    yield from markers_in(path, (root / path).read_text(encoding="utf-8"))


# --- results ---------------------------------------------------------------------------------------------


class Results:
    """What ctest reported: each test's name, and whether it ran and passed."""

    def __init__(self, *paths):
        self.passed = {}  # ctest's name -> bool
        self.by_gtest_name = {}  # (Suite, name) -> [(prefix, passed)]
        # Of a TYPED_TEST_P, which a header has, ctest tells the instance in place of the suite: `net.Net.x<0>`.
        self.by_typed_name = {}
        self.by_last_word = {}  # last word of ctest's name -> [passed]
        for path in paths:
            if path.exists():
                self.read(path)

    def read(self, path):
        try:
            cases = list(ElementTree.parse(path).getroot().iter("testcase"))
        except ElementTree.ParseError as error:
            raise Problem(f"{path} is no whole JUnit file ({error}); run ./test again") from error
        for case in cases:
            name = case.get("name")
            passed = case.get("status") == "run" and case.find("failure") is None and case.find("skipped") is None
            if case.get("status") in ("notrun", "disabled"):
                continue
            self.passed[name] = passed
            self.by_last_word.setdefault(name.rsplit(".", 1)[-1], []).append(passed)
            prefix, suite, test = gtest_parts(name)
            if suite:
                self.by_gtest_name.setdefault((suite, test), []).append((prefix, passed))
            if name.endswith(">"):
                self.by_typed_name.setdefault(test, []).append(passed)

    def verdict(self, test):
        """None if it did not run, else whether every instance of it passed."""
        if test.suite is not None:
            found = [passed for prefix, passed in self.by_gtest_name.get((test.suite, test.name), [])
                     if test.prefixes is None or prefix in test.prefixes]
            if test.prefixes is None and not found:
                found = self.by_typed_name.get(test.name, [])
        else:
            found = [p for word in (test.name, *test.prefixes) for p in self.by_last_word.get(word, ())]
        return all(found) if found else None


def gtest_parts(name):
    """(binary's prefix, Suite, test) of `base.Credit.x`, `io.Streams/Pipe/0.x`, `io.All/Pipe.x/3`, `io.Pipe.x<0>`."""
    match = re.match(r"^(\w+)\.(?:\w+/)*?(\w+?)(?:/\d+)?\.(\w+)(?:/\w+|<\w+>)?$", name)
    return match.groups() if match else (None, None, None)


# --- coverage --------------------------------------------------------------------------------------------


class Coverage:
    def __init__(self, root, *results_paths):
        self.rules = {f"{r.area}/{r.id}": r for r in (Rule(*c) for c in read_table(root / "docs/rules.tsv", 6))}
        reasoned_path = root / "tests/rules_reasoned.tsv"
        self.reasoned = {}
        self.errors = []
        for area, rule, reason in read_table(reasoned_path, 3) if reasoned_path.exists() else ():
            if f"{area}/{rule}" not in self.rules:
                self.errors.append(f"tests/rules_reasoned.tsv: no rule {area}/{rule}")
            self.reasoned[f"{area}/{rule}"] = reason
        self.results = Results(*results_paths)
        self.covered = {}
        self.idle = []  # markers whose test did not run or pass
        self.tests = {}  # rule -> the tests that carry its marker
        for marker in markers_of(root):
            self.tests.setdefault(marker.rule, set()).add((marker.path, marker.test))
            self.take(marker)
        for rule in self.rules:
            self.look_for_replacements(rule)
        for rule in sorted(self.reasoned.keys() & self.covered.keys()):
            self.errors.append(f"tests/rules_reasoned.tsv: {rule} has a test; the line is stale")

    def take(self, marker):
        where = f"{marker.path}:{marker.line}"
        if marker.rule not in self.rules:
            self.errors.append(f"{where}: no rule {marker.rule} in docs/rules.tsv")
        elif marker.test is None:
            self.errors.append(f"{where}: {marker.rule} stands outside of any test")
        else:
            verdict = self.results.verdict(marker.test)
            if verdict:
                self.covered.setdefault(marker.rule, []).append(where)
            else:
                name = f"{marker.test.suite}.{marker.test.name}" if marker.test.suite else marker.test.name
                self.idle.append(f"{where}: {marker.rule}: {name} " + ("did not run" if verdict is None else "failed"))

    def look_for_replacements(self, key):
        rule = self.rules[key]
        if rule.stage != "now" or not rule.verdict.startswith("replaced") or key not in self.tests:
            return
        for other in RULE_ID.findall(rule.verdict):
            both = f"{rule.area}/{other}"
            if both in self.rules and not self.tests[key] & self.tests.get(both, set()):
                self.errors.append(f"{key} is replaced by {other}: no test carries both markers")

    def state(self, key):
        if key in self.covered:
            return "covered"
        if key in self.reasoned:
            return "reasoned"
        return "replaced" if self.rules[key].verdict.startswith("replaced") else "open"

    def count(self):
        return Counter((r.area, r.stage, self.state(key)) for key, r in self.rules.items())


def print_table(coverage):
    count = coverage.count()
    places = sorted({(area, stage) for area, stage, _ in count}, key=lambda p: (p[1] != "now", p[0]))
    states = ("covered", "reasoned", "replaced", "open")
    print(f"{'area':<14}{'stage':<7}" + "".join(f"{s:>10}" for s in states) + f"{'rules':>8}")
    for area, stage in places:
        numbers = [count[area, stage, state] for state in states]
        print(f"{area:<14}{stage:<7}" + "".join(f"{n:>10}" for n in numbers) + f"{sum(numbers):>8}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parent.parent)
    parser.add_argument("--results", type=Path)
    parser.add_argument("--open", metavar="AREA")
    parser.add_argument("--require", metavar="AREA:N", action="append", default=[])
    arguments = parser.parse_args()
    results = arguments.results or arguments.root / "build/dev/junit.xml"
    others = [] if arguments.results else [arguments.root / "build/release/junit.xml"]
    try:
        coverage = Coverage(arguments.root, results, *others)
    except Problem as problem:
        print(f"rules: {problem}")
        return 1

    if arguments.open:
        for key, rule in coverage.rules.items():
            if rule.area == arguments.open and rule.stage == "now" and coverage.state(key) == "open":
                print(f"{rule.id}\t{rule.gist}")
    else:
        print_table(coverage)
        for line in coverage.idle:
            print(f"not counted: {line}")
    if not results.exists():
        print(f"rules: no results at {results}; ./test writes them, until then nothing counts as covered")

    failures = list(coverage.errors)
    for requirement in arguments.require:
        area, _, least = requirement.partition(":")
        have = coverage.count()[area, "now", "covered"]
        if have < int(least):
            failures.append(f"{area}: {have} rules are covered, {least} are required")
    for failure in failures:
        print(f"rules: {failure}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
