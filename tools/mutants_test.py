#!/usr/bin/env python3
"""Gives mutants.py small trees with good and broken patches."""

import contextlib
import io
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import mutants  # noqa: E402

KEYS = {"calls/weakness.1", "calls/a-b.c"}
DIFF = "diff --git a/x.txt b/x.txt\n--- a/x.txt\n+++ b/x.txt\n@@ -1,2 +1,2 @@\n one\n-two\n+three\n"
HEADER = "test: ^base\\.Some\\.holds$\ntarget: base_test\n"
TESTS = """TEST(Some, holds) {
  // rule: calls/weakness.1, calls/a-b.c
}
TEST_P(Each, holds_too) {
  // rule: calls/a-b.c
}
"""


class MutantsTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.root = Path(self.folder.name) / "tree"
        (self.root / "tests/mutants").mkdir(parents=True)
        (self.root / "src/base").mkdir(parents=True)
        (self.root / "src/base/some_test.cpp").write_text(TESTS)
        (self.root / "x.txt").write_text("one\ntwo\n")

    def mutant(self, name, text):
        path = self.root / f"tests/mutants/{name}.patch"
        path.write_text(text)
        return mutants.Mutant(path, KEYS)

    def check(self, *found):
        with contextlib.redirect_stdout(io.StringIO()):
            return mutants.check(found, self.root)

    def test_a_patch_that_names_its_test_and_applies_is_sound(self):
        sound = self.mutant("calls-a-b.c", HEADER + DIFF)
        self.assertEqual((sound.problems, sound.test, sound.target), ([], "^base\\.Some\\.holds$", "base_test"))
        self.assertEqual(self.check(sound), 0)
        self.assertEqual(self.check(self.mutant("calls-a-b.c+elsewhere", HEADER + DIFF)), 0)

    def test_a_patch_that_no_longer_applies_is_broken(self):
        sound = self.mutant("calls-weakness.1", HEADER + DIFF)
        (self.root / "x.txt").write_text("one\nfour\n")
        self.assertEqual(self.check(sound), 1)

    def test_a_patch_without_test_or_target_or_rule_is_broken(self):
        for name, text in [("calls-weakness.1", DIFF), ("calls-weakness.1", "test: x\n" + DIFF),
                           ("calls-weakness.2", HEADER + DIFF), ("calls-weakness.1", "test: (\ntarget: x\n" + DIFF)]:
            self.assertEqual(self.check(self.mutant(name, text)), 1, (name, text))

    def test_a_patch_that_names_no_test_of_its_rule_is_broken(self):
        for test, failures in [("^base\\.Some\\.holds$", 0), (".*holds$", 0), ("^base\\.All/Each\\..*", 0),
                               ("^base\\.Other\\.holds$", 1), ("^base\\.Some\\.held$", 1), ("^base\\.Each\\.held$", 1)]:
            named = self.mutant("calls-a-b.c", f"test: {test}\ntarget: x\n" + DIFF)
            self.assertEqual(self.check(named), failures, test)
        self.assertEqual(self.check(self.mutant("calls-weakness.1", "test: /Each\ntarget: x\n" + DIFF)), 1)

    def test_a_copy_is_patched_and_restored(self):
        sound = self.mutant("calls-weakness.1", HEADER + DIFF)
        self.assertEqual(mutants.git_apply(self.root, sound.path).returncode, 0)
        self.assertEqual((self.root / "x.txt").read_text(), "one\nthree\n")
        self.assertEqual(mutants.git_apply(self.root, sound.path, "-R").returncode, 0)
        self.assertEqual((self.root / "x.txt").read_text(), "one\ntwo\n")

    def test_a_copy_follows_the_tree_and_leaves_equal_files_their_time(self):
        subprocess.run(["git", "init", "-q"], cwd=self.root, check=True)
        copy = Path(self.folder.name) / "copy"
        (self.root / "gone.txt").write_text("x")
        mutants.sync(self.root, copy)
        before = (copy / "x.txt").stat().st_mtime_ns
        (self.root / "gone.txt").unlink()
        (self.root / "new.txt").write_text("y")
        mutants.sync(self.root, copy)
        self.assertEqual((copy / "x.txt").stat().st_mtime_ns, before)
        self.assertEqual(((copy / "gone.txt").exists(), (copy / "new.txt").read_text()), (False, "y"))


if __name__ == "__main__":
    unittest.main()
