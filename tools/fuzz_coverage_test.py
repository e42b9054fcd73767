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

    def readers(self, text):
        return fuzz_coverage.readers_of(text, self.root)

    def test_named_readers_are_taken_and_must_be_there(self):
        text = "// reads: src/wire/a.cpp src/wire/b.h\n// reads: src/wire/a.h\n#include \"wire/b.h\"\n"
        self.assertEqual(self.readers(text), ["src/wire/a.cpp", "src/wire/b.h", "src/wire/a.h"])
        with self.assertRaises(fuzz_coverage.Problem):
            self.readers("// reads: src/wire/gone.cpp\n")

    def test_without_names_the_included_headers_are_the_readers_and_those_of_base_are_not(self):
        text = '#include <vector>\n#include "base/assert.h"\n#include "wire/a.h"\n#include "wire/b.h"\n'
        self.assertEqual(self.readers(text), ["src/wire/a.h", "src/wire/a.cpp", "src/wire/b.h"])
        with self.assertRaises(fuzz_coverage.Problem):
            self.readers('#include "base/assert.h"\n')


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
