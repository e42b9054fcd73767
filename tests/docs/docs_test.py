#!/usr/bin/env python3
"""The documentation shows files as they are, links to what exists, and lists every limit, counter and error code.

console_test.py runs what the pages of the guide show on a terminal.
"""

import contextlib
import io
import re
import tempfile
import unittest
from pathlib import Path

import console_test

ROOT = Path(__file__).resolve().parents[2]
GUIDE = sorted((ROOT / "docs/guide").glob("*.md"))
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *GUIDE]
ANY_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```(?:cpp|cmake)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MARK = re.compile(r"(?://|#) ([\w./-]+\.(?:h|cpp|txt))\n")
LINK = re.compile(r"\]\(([^)]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
COMMAND = re.compile(r"^\$ (\S+)", re.MULTILINE)


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


def anchor(heading):
    """The name by which a heading is linked to."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def dead_links(page, text, read):
    """The links of a page that lead nowhere: to no file, or to no heading of a page."""
    dead = []
    for target in LINK.findall(ANY_BLOCK.sub("", text)):
        path, _, heading = target.partition("#")
        if "://" in target:
            continue
        try:
            whole = read(page.parent / path) if path else text
        except OSError:
            dead.append(target)
            continue
        if heading and heading not in map(anchor, HEADING.findall(whole)):
            dead.append(target)
    return dead


def wrong_pages(pages, programs, headers):
    """What is wrong with a guide, pages by name: the index is README.md. `programs` are those of examples/guide."""
    wrong = []
    everything = "".join(pages.values())
    for name, text in pages.items():
        blocks = ANY_BLOCK.findall(text)
        code = [block for language, block in blocks if language in ("cpp", "cmake")]
        wrong += [f"{name}: a block that is no file: {block.splitlines()[0]}" for block in code
                  if not MARK.match(block)]
        wrong += [f"{name}: a block of {language or 'no language'}" for language, _ in blocks
                  if language not in ("cpp", "cmake", "console", "sh")]
        if name != "README.md":
            if not code or not any(language == "console" for language, _ in blocks):
                wrong.append(f"{name}: nothing of it is compiled and run")
            if f"]({name})" not in pages["README.md"]:
                wrong.append(f"{name}: the index does not lead to it")
    run = {command for text in pages.values() for language, block in ANY_BLOCK.findall(text) if language == "console"
           for command in COMMAND.findall(block)}
    wrong += [f"no page runs {program}" for program in programs if program not in run]
    wrong += [f"no page tells of {header}" for header in headers if f"`{header}`" not in everything]
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

    def test_links_lead_somewhere(self):
        def read(path):
            return "" if path.is_dir() else path.read_text(encoding="utf-8")

        for page in PAGES:
            with self.subTest(page=page.name):
                self.assertEqual(dead_links(page, page.read_text(encoding="utf-8"), read), [])

    def test_a_dead_link_is_noticed(self):
        files = {Path("docs/b.md"): "# One: *thing*\n"}

        def read(path):
            if path not in files:
                raise FileNotFoundError(path)
            return files[path]

        def dead(text):
            return dead_links(Path("docs/a.md"), text, read)

        self.assertEqual(dead("# Here\n[b](b.md) [b](b.md#one-thing) [h](#here) [w](https://example.org/c.md)"), [])
        self.assertEqual(dead("[c](c.md) [b](b.md#two) [h](#there)"), ["c.md", "b.md#two", "#there"])


class Guide(unittest.TestCase):
    def test_every_page_is_checked_and_found(self):
        pages = {page.name: page.read_text(encoding="utf-8") for page in GUIDE}
        programs = [f"guide_{path.stem}" for path in (ROOT / "examples/guide").glob("*.cpp")]
        headers = [f"parley/{path.name}" for path in (ROOT / "include/parley").glob("*.h")]
        self.assertGreater(len(pages), 10)
        self.assertEqual(wrong_pages(pages, programs, headers), [])
        self.assertIn("](docs/guide/README.md)", read_source("README.md"))

    def test_what_is_missing_is_noticed(self):
        snippet = "```cpp\n// a.cpp\nint a;\n```\n"
        run = "```console\n$ guide_a\n1\n```\n"
        good = {"README.md": "[a](a.md) `parley/a.h`", "a.md": snippet + run}

        def wrong(**changes):
            pages = {**good, **{name.replace("_", "."): text for name, text in changes.items()}}
            return wrong_pages(pages, ["guide_a"], ["parley/a.h"])

        self.assertEqual(wrong(), [])
        self.assertEqual(wrong(a_md=run), ["a.md: nothing of it is compiled and run"])
        self.assertEqual(wrong(a_md=snippet), ["a.md: nothing of it is compiled and run", "no page runs guide_a"])
        self.assertEqual(wrong(a_md=snippet + run + "```cpp\nint b;\n```\n"), ["a.md: a block that is no file: int b;"])
        self.assertEqual(wrong(a_md=snippet + run + "```\nint b;\n```\n"), ["a.md: a block of no language"])
        self.assertEqual(wrong(b_md=snippet + run), ["b.md: the index does not lead to it"])
        self.assertEqual(wrong(README_md="[a](a.md)"), ["no page tells of parley/a.h"])


class Console(unittest.TestCase):
    """console_test.py, on pages that say what does not happen."""

    def read(self, *lines, files=""):
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
            place = Path(folder)
            page = place / "tutorial.md"
            page.write_text(files + "```console\n" + "".join(line + "\n" for line in lines) + "```\n", encoding="utf-8")
            reader = console_test.Reader(place, [], None, "")
            try:
                console_test.read_page(page, reader)
            finally:
                reader.end_all()

    def test_what_happens_is_what_the_page_shows(self):
        self.read("$ echo one two; echo three", "one ...", "...")
        self.read("$ export WHO=you", "$ echo $WHO at /tmp/a and \\", "    /run/user/1000",
                  "you at /tmp/a and /run/user/1000")
        self.read("$ echo it begins; exec sleep 1000 &", "it begins", "$ kill %1", "$ echo done", "done")

    def test_anything_else_is_noticed(self):
        for lines in (["$ echo one", "two"], ["$ echo one", "one", "two"], ["$ echo one; echo two", "one"],
                      ["$ echo one"], ["$ echo one >&2"], ["$ echo one &", "two"]):
            with self.subTest(lines=lines), self.assertRaises(SystemExit):
                self.read(*lines)

    def test_a_page_that_shows_a_part_of_a_file_is_noticed(self):
        part = "```cpp\n// examples/guide/tutorial/station.h\n#pragma once\n```\n"
        with self.assertRaisesRegex(SystemExit, "does not get examples/guide/tutorial/station.h"):
            self.read("$ cat station.h", "#pragma once", files=part)


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

    def test_what_bounds_commands_and_what_they_count_is_listed(self):
        def fields(path, struct):
            body = re.search(rf"struct {struct} {{\n(.*?)\n\s*}};", read_source(path), re.DOTALL)[1]
            names = re.findall(r"^\s+(?:std::\w+|Duration) (\w+) = ", body, re.MULTILINE)
            self.assertTrue(names, struct)
            return names

        registry, core = "src/runtime/commands/registry.h", "src/core/directory/registry.h"
        hub = "src/hub/counters.h"
        names = [name for path, struct in (
            (registry, "RegistryOptions"), (core, "RegistryLimits"), ("src/core/directory/commands.h", "Bounds"),
            ("src/runtime/commands/carrier.h", "CarrierLimits"), ("src/io/http.h", "HttpLimits"),
            (core, "RegistryCounters"), (registry, "RegistryRuntimeCounters"),
            (hub, "WebCounters"), (hub, "CommandGateCounters"), (hub, "McpPagesCounters"))
            for name in fields(path, struct)]
        listed = self.listed("12. Commands and events", 1)
        self.assertEqual([name for name in listed if name not in ("limit", "counter")], names)

    def test_every_error_code_is_listed(self):
        body = read_source("src/base/error.h").split("enum class Code")[1].split("};")[0]
        codes = re.findall(r"^  (\w+) = (\d+),", body, re.MULTILINE)
        self.assertGreater(len(codes), 10)
        listed = set(zip(self.listed("3. Errors", 2), self.listed("3. Errors", 1)))
        self.assertEqual([code for code in codes if code not in listed], [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
