#!/usr/bin/env python3
"""Gives fuzz_coverage.py small trees and records of coverage."""

import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import fuzz_coverage  # noqa: E402

LCOV = """SF:/src/wire/a.cpp
DA:1,5
DA:2,0
DA:3,0
DA:9,1
end_of_record
SF:/src/wire/b.cpp
DA:1,0
end_of_record
SF:/src/wire/a.cpp
DA:2,7
end_of_record
"""


class ReadersTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        (self.root / "src/wire").mkdir(parents=True)
        for name in ("a.h", "a.cpp", "b.h"):
            (self.root / "src/wire" / name).touch()

    def read(self, text, *targets):
        return fuzz_coverage.read_table(text, self.root, targets)

    def test_a_target_has_the_files_that_name_it(self):
        text = "# readers\n\nsrc/wire/a.cpp: one two # both\nsrc/wire/b.h: two\n"
        self.assertEqual(self.read(text, "one", "two"),
                         {"one": ["src/wire/a.cpp"], "two": ["src/wire/a.cpp", "src/wire/b.h"]})

    def test_files_and_targets_that_are_not_there_are_refused_and_so_is_a_target_without_readers(self):
        for text in ("src/wire/gone.cpp: one\n", "src/wire/a.cpp: one other\n", "src/wire/a.cpp\n", "",
                     "src/wire/a.cpp: one\nsrc/wire/a.cpp: one\n"):
            with self.assertRaises(fuzz_coverage.Problem):
                self.read(text, "one")


class CoverageTest(unittest.TestCase):
    def counts(self, path):
        return fuzz_coverage.counts_of(LCOV, Path("/tree"), path)

    def test_a_line_counts_once_however_often_it_is_recorded(self):
        self.assertEqual(self.counts("src/wire/a.cpp"), {1: 5, 2: 7, 3: 0, 9: 1})
        self.assertEqual(self.counts("src/wire/c.cpp"), {})

    def test_what_one_target_reaches_is_reached(self):
        found = fuzz_coverage.merged([{1: 0, 2: 3, 3: 0}, {1: 1, 2: 0, 3: 0}])
        self.assertEqual((found.covered, found.count, found.missed), (2, 3, [3]))

    def test_missed_lines_are_shown_as_ranges(self):
        self.assertEqual(fuzz_coverage.ranges([1, 2, 3, 7, 9, 10]), "1-3, 7, 9-10")
        self.assertEqual(fuzz_coverage.ranges([]), "")


if __name__ == "__main__":
    unittest.main()
