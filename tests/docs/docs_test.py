#!/usr/bin/env python3
"""The documentation shows files as they are, links to what exists, and lists every limit, counter and error code."""

import re
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```cpp\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MARK = re.compile(r"// ([\w./-]+\.(?:h|cpp))\n")
LINK = re.compile(r"\]\(([^)#]+)\)")


def wrong_blocks(text, read):
    """What is wrong with the marked blocks of a page: each is a file, or consecutive lines of it."""
    wrong = []
    for block in BLOCK.findall(text):
        mark = MARK.match(block)
        if not mark:
            continue
        try:
            whole = read(mark.group(1))
        except FileNotFoundError:
            wrong.append(f"{mark.group(1)} does not exist")
            continue
        if "\n" + block[mark.end():].strip("\n") + "\n" not in "\n" + whole:
            wrong.append(f"{mark.group(1)} looks otherwise")
    return wrong


def read_source(path):
    return (ROOT / path).read_text(encoding="utf-8")


class Snippets(unittest.TestCase):
    def test_every_marked_block_is_the_file(self):
        for page in PAGES:
            with self.subTest(page=page.name):
                self.assertEqual(wrong_blocks(page.read_text(encoding="utf-8"), read_source), [])

    def test_every_block_of_the_readme_is_marked(self):
        blocks = BLOCK.findall(read_source("README.md"))
        self.assertGreaterEqual(len(blocks), 3)
        for block in blocks:
            self.assertTrue(MARK.match(block), block)

    def test_a_block_that_differs_is_noticed(self):
        files = {"a.h": "int a;\nint b;\n"}

        def read(path):
            if path not in files:
                raise FileNotFoundError(path)
            return files[path]

        page = "```cpp\n// {}\n{}\n```\n"
        self.assertEqual(wrong_blocks(page.format("a.h", "int b;"), read), [])
        self.assertEqual(wrong_blocks(page.format("a.h", "int c;"), read), ["a.h looks otherwise"])
        self.assertEqual(wrong_blocks(page.format("b.h", "int b;"), read), ["b.h does not exist"])

    def test_links_lead_to_files(self):
        for page in PAGES:
            for target in LINK.findall(page.read_text(encoding="utf-8")):
                if "://" not in target:
                    self.assertTrue((page.parent / target).exists(), f"{page.name}: {target}")


class Tables(unittest.TestCase):
    def listed(self, heading, column):
        section = read_source("docs/OPERATING.md").split(f"\n## {heading}\n")[1].split("\n## ")[0]
        rows = [line.split("|") for line in section.splitlines() if line.startswith("| ")]
        return [row[column].strip().strip("`") for row in rows]

    def test_every_limit_is_listed(self):
        names = re.findall(r"^  (?:std::\w+|Duration) (\w+) = ", read_source("src/base/limits.h"), re.MULTILINE)
        self.assertGreater(len(names), 10)
        self.assertEqual(self.listed("1. Limits", 1)[1:], names)

    def test_every_counter_is_listed(self):
        names = re.findall(r"std::uint64_t (\w+) = 0;", read_source("src/core/counters.h"))
        self.assertGreater(len(names), 10)
        self.assertEqual(self.listed("2. Counters", 1)[1:], names)

    def test_every_error_code_is_listed(self):
        body = read_source("src/base/error.h").split("enum class Code")[1].split("};")[0]
        codes = re.findall(r"^  (\w+) = (\d+),", body, re.MULTILINE)
        self.assertGreater(len(codes), 10)
        listed = set(zip(self.listed("3. Errors", 2), self.listed("3. Errors", 1)))
        self.assertEqual([code for code in codes if code not in listed], [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
