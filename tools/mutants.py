#!/usr/bin/env python3
"""Proves that tests notice: puts each weakness of tests/mutants back and demands that the named test fails.

Usage: tools/mutants.py [--check] [--results FILE] [NAME]...

  NAME             only these, as in tests/mutants/NAME.patch (default: all)
  --check          only look whether each patch is well-formed, applies, and names a test that carries the marker of
                   its rule; builds nothing
  --results FILE   what ctest --output-junit wrote without mutants (default: build/dev/junit.xml): the named tests
                   must have passed there

Works in a copy of the tree at build/mutants with a build folder of its own, so that the tree stays as it is. What the
dev build has compiled comes from the compiler cache.
"""

import argparse
import filecmp
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import rules

ROOT = Path(__file__).resolve().parent.parent


class Mutant:
    def __init__(self, path, rule_keys):
        self.path = path
        self.name = path.stem
        self.problems = []
        header = path.read_text(encoding="utf-8").split("\ndiff --git", 1)[0]
        self.test = self.field(header, "test")
        self.target = self.field(header, "target")
        area, _, rule = self.name.partition("+")[0].partition("-")
        self.rule = f"{area}/{rule}"
        if self.rule not in rule_keys:
            self.problems.append("the name is not <area>-<id> or <area>-<id>+<where> of a rule in docs/rules.tsv")
        if self.test:
            try:
                re.compile(self.test)
            except re.error as error:
                self.problems.append(f"`test:` is no regular expression: {error}")

    def names(self, test):
        """Whether `test:` means this test of the tree; one with parameters is known by its suite."""
        words = re.findall(r"\w+", self.test)
        if test.name in words:
            return test.suite is None or test.suite in words or ".*" in self.test
        return test.suite in words and "/" in self.test

    def field(self, header, name):
        match = re.search(rf"^{name}: *(\S.*?) *$", header, re.MULTILINE)
        if not match:
            self.problems.append(f"the line `{name}: ...` is missing before the diff")
        return match.group(1) if match else None


def git_apply(folder, patch, *options):
    # The ceiling hides the repository around the copy: git apply would look up paths from its root.
    environment = dict(os.environ, GIT_CEILING_DIRECTORIES=str(folder.parent), LC_ALL="C")
    return subprocess.run(["git", "apply", *options, str(patch)], cwd=folder, env=environment, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def tree_files(root):
    """Every file of the tree that git knows or would take, without what is ignored."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=root,
                            capture_output=True, check=True).stdout.decode()
    return sorted({name for name in listed.split("\0") if name and (root / name).is_file()})


def sync(root, copy):
    """Makes the copy equal to the tree; files that are equal keep their time, so that little is built again."""
    names = tree_files(root)
    for name in names:
        source, target = root / name, copy / name
        if not target.exists() or not filecmp.cmp(source, target, shallow=False):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
            os.utime(target)
    kept = set(names)
    for base, folders, files in os.walk(copy):
        if Path(base) == copy:
            folders[:] = [f for f in folders if f != "build"]
        for file in files:
            if os.path.relpath(os.path.join(base, file), copy) not in kept:
                os.unlink(os.path.join(base, file))


def run_mutant(mutant, copy, jobs):
    """None when the mutant is caught, else what went wrong."""
    build = copy / "build/dev"
    applied = git_apply(copy, mutant.path)
    if applied.returncode:
        return f"does not apply:\n{applied.stdout}"
    try:
        built = subprocess.run(["cmake", "--build", str(build), "--target", mutant.target, "-j", jobs], text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if built.returncode:
            return f"does not build:\n{built.stdout[-2000:]}"
        tested = subprocess.run(["ctest", "--test-dir", str(build), "-R", mutant.test, "--no-tests=error"], text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if "No tests were found" in tested.stdout or "_NOT_BUILT" in tested.stdout:
            return f"its test is not in target {mutant.target}"
        return None if tested.returncode else "SURVIVED: the test passes although the weakness is back"
    finally:
        git_apply(copy, mutant.path, "-R")


def check(mutants, root):
    failures = 0
    markers = [marker for marker in rules.markers_of(root) if marker.test]
    for mutant in mutants:
        applied = git_apply(root, mutant.path, "--check")
        problems = mutant.problems + ([f"does not apply:\n{applied.stdout}"] if applied.returncode else [])
        if not problems and not any(m.rule == mutant.rule and mutant.names(m.test) for m in markers):
            problems.append(f"`{mutant.test}` names no test that carries `// rule: {mutant.rule}`")
        for problem in problems:
            print(f"{mutant.name}: {problem}")
        failures += bool(problems)
    print(f"mutants: {len(mutants)} patches, {failures} of them broken")
    return 1 if failures else 0


def passed_before(mutant, results):
    named = [passed for name, passed in results.passed.items() if re.search(mutant.test, name)]
    return bool(named) and all(named)


def run_all(mutants, root, results_path):
    if not results_path.exists():
        print(f"mutants: no results at {results_path}; ./test writes them")
        return 1
    results = rules.Results(results_path)
    copy = root / "build/mutants"
    jobs = str(os.cpu_count() or 2)
    print(f"mutants: copying the tree to {copy.relative_to(root)}", flush=True)
    sync(root, copy)
    subprocess.run(["cmake", "--preset", "dev"], cwd=copy, check=True, stdout=subprocess.DEVNULL)
    failures = 0
    for number, mutant in enumerate(mutants, 1):
        start = time.monotonic()
        if mutant.problems:
            problem = "; ".join(mutant.problems)
        elif not passed_before(mutant, results):
            problem = f"no test that matches `{mutant.test}` passed without the mutant"
        else:
            problem = run_mutant(mutant, copy, jobs)
        failures += problem is not None
        seconds = time.monotonic() - start
        print(f"[{number}/{len(mutants)}] {mutant.name}: {problem or 'caught'} ({seconds:.0f} s)", flush=True)
    print(f"mutants: {len(mutants) - failures} of {len(mutants)} caught")
    return 1 if failures else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=ROOT)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--results", type=Path)
    parser.add_argument("names", nargs="*", metavar="NAME")
    arguments = parser.parse_args()
    root = arguments.root.resolve()
    keys = {f"{row[0]}/{row[1]}" for row in rules.read_table(root / "docs/rules.tsv", 6)}
    paths = sorted((root / "tests/mutants").glob("*.patch"))
    unknown = set(arguments.names) - {p.stem for p in paths}
    if unknown:
        print(f"mutants: no such patch: {', '.join(sorted(unknown))}")
        return 2
    mutants = [Mutant(p, keys) for p in paths if not arguments.names or p.stem in arguments.names]
    if arguments.check:
        return check(mutants, root)
    return run_all(mutants, root, arguments.results or root / "build/dev/junit.xml")


if __name__ == "__main__":
    sys.exit(main())
