#!/usr/bin/env python3
"""Checks what a compiler does not: who includes whom, banned calls, lengths, leftovers.

Usage: tools/tidy.py [--root DIR] [--quiet]

Prints `file:line: rule: what is wrong; what to write instead` for each finding. Errors make it exit 1; warnings
(lengths) are listed and do not. A finding that is
meant is excused where it stands:
  // tidy: allow <rule> <reason>     on the line, or alone on the line above
  // tidy: length <reason>           inside a function over the limit, or outside of functions for the file
"""

import argparse
import os
import re
import sys
from collections import namedtuple
from pathlib import Path

LINE_MAX = 120
FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 70

Finding = namedtuple("Finding", "path line rule message is_error")

CODE_FOLDERS = ("src", "include", "tests", "examples", "fuzz", "bench")
TEXT_FOLDERS = CODE_FOLDERS + ("tools", "cmake", "docs", "interop", "console", ".ci")
CODE_SUFFIXES = {".h", ".cpp"}
TEXT_SUFFIXES = CODE_SUFFIXES | {".py", ".sh", ".cmake", ".txt", ".md", ".json", ""}
SKIPPED_FOLDERS = {"build", "vectors", "corpus", "golden", "__pycache__", ".git", "node_modules"}

TEST_LIBRARIES = ("gtest/", "gmock/", "rapidcheck/", "rapidcheck.h")
KNOWN_LIBRARIES = TEST_LIBRARIES + ("fmt/", "benchmark/", "boost/", "nlohmann/")
COMPILER_HEADER = re.compile(r"sanitizer/|cxxabi\.h$|\w*intrin\.h$")
C_HEADERS = {name + ".h": "c" + name for name in (
    "assert ctype errno float inttypes limits locale math setjmp signal stdarg stddef stdint stdio stdlib string "
    "time wchar wctype").split()}

# --- the table -------------------------------------------------------------------------------------------


class Table:
    """layers.txt: which layer may include which, and the sets that some rules speak of."""

    SETS = ("pure", "system", "catching", "foreign")

    def __init__(self, text):
        self.may = {}
        self.libraries = {}
        self.sets = {name: set() for name in self.SETS}
        for line in text.splitlines():
            line = line.split("#")[0].strip()
            if not line:
                continue
            name, _, rest = line.partition(":")
            layers, _, libraries = rest.partition("|")
            if name in self.SETS:
                self.sets[name] = set(layers.split())
            else:
                self.may[name] = set(layers.split())
                self.libraries[name] = tuple(libraries.split())


# --- a file and where it stands --------------------------------------------------------------------------


TOKEN = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(\w{0,16})\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<![0-9A-Fa-f])\'(?:\\.|[^\'\\\n])+\'',
    re.DOTALL)
BLANK = re.compile(r"[^\n]")


def blanked(text):
    """The text with comments and the insides of literals blanked; every line and column stays where it was."""

    def blank(match):
        token = match.group(0)
        if token[0] == "/":
            return BLANK.sub(" ", token)
        return token[0] + BLANK.sub(" ", token[1:-1]) + token[-1]

    return TOKEN.sub(blank, text)


class Source:
    """One C++ file: its text, its code without comments and literals, its place in the house."""

    def __init__(self, path, text):
        self.path = path
        self.text = text
        self.lines = text.splitlines()
        self.code = blanked(text)
        parts = path.split("/")
        self.area = parts[0]
        self.layer = parts[1] if self.area == "src" and len(parts) > 2 else None
        self.name = parts[-1]
        self.stem = self.name.rsplit(".", 1)[0]
        self.is_header = self.name.endswith(".h")
        self.is_test = self.area == "tests" or re.search(r"_(test|suite)$", self.stem) is not None
        self.is_program = self.name == "main.cpp"
        # What users link: everything that is neither a test, nor a program, nor outside of src and include.
        self.is_library = self.area in ("src", "include") and not self.is_test and not self.is_program
        self.includes = [(text.count("\n", 0, m.start()) + 1, m.group(1), m.group(2)) for m in INCLUDE.finditer(text)]
        self.starts = [0] + [i + 1 for i, c in enumerate(text) if c == "\n"]

    def line_of(self, offset):
        low, high = 0, len(self.starts)
        while high - low > 1:
            middle = (low + high) // 2
            if self.starts[middle] <= offset:
                low = middle
            else:
                high = middle
        return low + 1

    def excuses(self, line, rule):
        for number in (line, line - 1):
            if 1 <= number <= len(self.lines):
                match = ALLOW.search(self.lines[number - 1])
                alone = number == line or self.lines[number - 1].lstrip().startswith("//")
                if match and alone and match.group(1) == rule:
                    return True
        return False


INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', re.MULTILINE)
ALLOW = re.compile(r"// tidy: allow ([\w-]+) +\S")
ALLOW_ANY = re.compile(r"// tidy: (\w+)(?: +([\w-]+))?(?: +(\S.*))?")

# --- banned calls ----------------------------------------------------------------------------------------


# A name that is called unqualified, or qualified by :: or std:: alone: not a member, not another namespace's.
def call(names):
    return r"(?:(?<![\w.>:~])(?:std::|::)?|(?<=[^\w]std::))(?:" + names + r")\s*\("


def in_library(source, table):
    return source.is_library and source.layer != "cli"


def in_src(source, table):
    return source.area in ("src", "include") and not source.is_test


def everywhere(source, table):
    return True


def pure(source, table):
    return source.layer in table.sets["pure"] and not source.is_test


def not_catching(source, table):
    return in_src(source, table) and source.layer not in table.sets["catching"]


def no_clock(source, table):
    return source.area in ("src", "include") and source.layer not in {"net", "os", "sim", "cli"}


def no_signals(source, table):
    return in_src(source, table) and source.layer != "cli" and not source.is_program


def header(source, table):
    return source.is_header


def no_environment(source, table):
    return in_src(source, table) and source.layer != "cli"


Banned = namedtuple("Banned", "rule where pattern message")
BANNED = [Banned(rule, where, re.compile(pattern, re.MULTILINE), message) for rule, where, pattern, message in (
    ("sleep", everywhere, r"\bsleep_(?:for|until)\s*\(|" + call("usleep|nanosleep") +
     r"|(?:^|[;{})])[ \t]*(?:::)?sleep\s*\(\s*[\w.]+\s*\)\s*;",
     "a thread must not sleep; wait for an event, or for a timer of the executor"),
    ("pure-thread", pure, r"\bstd::(?:jthread|thread|async|future|promise|mutex|shared_mutex|recursive_mutex|"
     r"lock_guard|unique_lock|scoped_lock|condition_variable\w*|counting_semaphore|latch|barrier)\b",
     "a pure layer has no thread and no lock; the layer above calls it from one executor"),
    ("pure-coroutine", pure, r"\bco_(?:await|return|yield)\b",
     "a pure layer has no coroutine; return an effect that runtime carries out"),
    ("print", in_library,
     r"\bstd::(?:cout|cerr|clog)\b|\bfmt::print\b|" + call(r"v?f?printf|puts|fputs|putchar|perror"),
     "the library never prints; return an Error, or count it"),
    ("environment", no_environment, call("getenv|secure_getenv|setenv|putenv|unsetenv"),
     "only cli reads the environment; take an option"),
    ("signal", no_signals, call("sigaction") + "|" + call("signal") + r"\s*SIG",
     "the library installs no signal handler; MSG_NOSIGNAL against SIGPIPE, a descriptor of signals in os"),
    ("assert", everywhere, call("assert"), "PARLEY_ASSERT, which stays on in release builds"),
    ("function", everywhere, r"\bstd::function\b", "std::move_only_function, or a template parameter"),
    ("system", everywhere, call("popen") + "|" + call("system") + r"(?!\s*\))", "os::spawn with a list of arguments"),
    ("rand", everywhere, call("s?rand|drand48"), "Prng with a seed, or io::Random"),
    ("random-device", in_library, r"\bstd::(?:random_device|mt19937(?:_64)?|default_random_engine)\b",
     "Prng, or io::Random"),
    ("clock", no_clock, r"\b(?:system|steady|high_resolution)_clock::now\b|" +
     call("clock_gettime|gettimeofday") + "|" + call("time") + r"\s*(?:nullptr|NULL|0|&)",
     "take an Instant from the caller, or ask io::Clock"),
    ("new", in_src, r"(?<!operator )\bnew\s+[A-Za-z_:]\w*", "std::make_unique, or a member"),
    ("delete", in_src, r"(?<!operator )(?<!= )(?<!=)\bdelete\b\s*(?:\[\s*\])?\s*[A-Za-z_(*]\w*",
     "std::unique_ptr owns it"),
    ("unsafe-c", everywhere,
     call("strcpy|strcat|strncpy|strncat|sprintf|vsprintf|gets|strtok|atoi|atol|atoll|atof"),
     "std::string_view and std::span with their sizes, fmt::format_to_n, std::from_chars"),
    ("catch", not_catching, r"\bcatch\s*\(",
     "no exception gets here: net, os, store and cli catch those of libraries, runtime those of users' code"),
    ("throw", not_catching, r"\bthrow\b", "return fail(code, note)"),
    ("using-namespace", header, r"\busing\s+namespace\b", "qualified names, or a using-declaration in the .cpp"),
    ("name", everywhere, r"\b(?:class|struct)\s+\w*(?:Manager|Helper|Utils?)\b",
     "the word of what it is (docs/GLOSSARY.md)"),
)]


def check_banned(source, table):
    for banned in BANNED:
        if banned.where(source, table):
            for match in banned.pattern.finditer(source.code):
                word = " ".join(match.group(0).split()).strip(" ;{}()")
                yield source.line_of(match.start()), banned.rule, f"`{word}`; instead: {banned.message}"


# --- includes --------------------------------------------------------------------------------------------


def layers_allowed(source, table):
    """The layers whose headers this file may include; `parley` stands for include/parley."""
    everything = set(table.may) | {"parley"}
    if source.area == "src":
        allowed = table.may.get(source.layer, set()) | {source.layer}
        if "face" in allowed:
            allowed = allowed | {"parley"}
        if source.is_test:
            allowed = allowed | {"sim"}
        return allowed
    if source.area == "include":
        allowed = table.may.get("face", set()) | {"face", "parley"}
        return allowed | {"sim"} if source.name == "testing.h" else allowed
    if source.area == "examples":
        return {"parley"}
    return everything - {"cli"} if source.area == "fuzz" else everything


def check_quoted(source, line, name, table):
    first, slash, _ = name.partition("/")
    layer_like = first in table.may or first == "parley"
    if source.area in ("src", "include"):
        if not slash or not layer_like:
            yield line, "include-root", f'"{name}" is not rooted; instead: "<layer>/{os.path.basename(name)}"'
            return
    if layer_like and first not in layers_allowed(source, table):
        place = source.layer or source.area
        yield line, "layer", f'{place} may not include "{name}"; see layers.txt, or move the code'
    if re.search(r"_(test|suite)\.h$", name) and not source.is_test:
        yield line, "layer", f'"{name}" belongs to tests'


def check_angled(source, line, name, table, installed):
    library = source.layer is not None or source.area == "include"
    if COMPILER_HEADER.match(name):
        return
    if name in C_HEADERS and source.layer in table.sets["system"]:
        return  # POSIX adds names to these that the C++ headers do not promise
    if name in C_HEADERS and name != "signal.h":
        yield line, "c-header", f"<{name}>; instead: <{C_HEADERS[name]}>"
    elif name == "cassert":
        yield line, "assert", '<cassert>; instead: "base/assert.h"'
    elif name == "iostream" and in_library(source, table):
        yield line, "print", "<iostream>; instead: return an Error; the library never prints"
    elif "/" not in name and "." not in name:
        return  # the standard library
    else:
        own = table.libraries.get(source.layer, ())
        prefixes = {p for listed in table.libraries.values() for p in listed} | set(KNOWN_LIBRARIES)
        third_party = next((p for p in prefixes if name.startswith(p)), None)
        if third_party is None:
            if library and not source.is_test and not source.is_program and \
                    source.layer not in table.sets["system"] | {"cli"}:
                where = ", ".join(sorted(table.sets["system"]))
                yield line, "system-header", f"<{name}>; system calls stay in {where}; instead: an interface of io"
            return
        if not library:
            return  # tests, examples, fuzz, bench link what they like
        if source.path in installed:
            yield line, "installed-library", f"<{name}> in a header that is installed; instead: hide it in the .cpp"
        elif name.startswith("fmt/"):
            if source.is_header:
                yield line, "fmt-header", f"<{name}> in a header; instead: format in the .cpp"
        elif name.startswith(TEST_LIBRARIES):
            if not source.is_test:
                yield line, "library", f"<{name}> outside of tests"
        elif not name.startswith(own) if own else True:
            if not (source.is_test and name.startswith("nlohmann/")):
                yield line, "library", f"<{name}> is no library of {source.layer or source.area}; see layers.txt"


def check_includes(source, table, installed, paths):
    for line, kind, name in source.includes:
        if kind == '"':
            yield from check_quoted(source, line, name, table)
        else:
            yield from check_angled(source, line, name, table, installed)
    if source.is_header and "#pragma once" not in source.text:
        yield 1, "pragma-once", "a header starts with #pragma once"
    if source.area == "src" and not source.is_header and source.includes:
        stem = re.sub(r"_test$", "", source.stem)
        folder = source.path.rsplit("/", 1)[0]
        own = f"{folder}/{stem}.h"
        if own in paths and source.includes[0][2] != own[len("src/"):]:
            yield source.includes[0][0], "own-header-first", f'the first include is "{own[len("src/"):]}"'


def installed_headers(sources):
    """Public headers and what they reach: exactly what cmake/install_headers.cmake installs."""
    by_path = {s.path: s for s in sources}
    queue = [s.path for s in sources if s.path.startswith("include/parley/") and s.is_header]
    seen = set(queue)
    while queue:
        for _, kind, name in by_path[queue.pop()].includes:
            reached = "src/" + name
            if kind == '"' and reached in by_path and reached not in seen:
                seen.add(reached)
                queue.append(reached)
    return seen


# --- lengths, leftovers, texts ---------------------------------------------------------------------------


SCOPE_WORD = re.compile(r"\b(?:namespace|class|struct|union|enum)\b")
NOT_IN_HEAD = re.compile(r"template\s*<[^{}]*?>\s*(?=\w)|\([^()]*\)")
DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.MULTILINE)


def opens_function(head):
    """Whether a brace after this text, back to the last brace or semicolon, opens a function's body."""
    return ")" in head and not SCOPE_WORD.search(NOT_IN_HEAD.sub("", head))


def functions(code):
    """(first line, last line) of each outermost function body, found by its braces."""
    code = DIRECTIVE.sub(lambda m: BLANK.sub(" ", m.group(0)), code)
    found = []
    depth = 0  # of braces inside the function we are in
    head = first = parens = 0
    line = 1
    for match in re.finditer(r"[{}();\n]", code):
        at, c = match.start(), match.group(0)
        if c == "\n":
            line += 1
        elif c in "()":
            parens += 1 if c == "(" else -1
        elif c == "{":
            if depth:
                depth += 1
            elif opens_function(code[head:at]):
                depth, first = 1, line
            head = at + 1
        elif c == "}":
            if depth:
                depth -= 1
                if not depth:
                    found.append((first, line))
            head, parens = at + 1, 0
        elif parens <= 0:
            head, parens = at + 1, 0
    return found


def check_lengths(source):
    reasons = {i + 1 for i, text in enumerate(source.lines) if re.search(r"// tidy: length +\S", text)}
    inside = set()
    for first, last in functions(source.code):
        inside |= {n for n in reasons if first - 2 <= n <= last}
        if last - first + 1 > FUNCTION_LINES_MAX and not any(first - 2 <= n <= last for n in reasons):
            yield first, "function-length", f"a function of {last - first + 1} lines (over {FUNCTION_LINES_MAX})"
    if len(source.lines) > FILE_LINES_MAX and not reasons - inside:
        yield 1, "file-length", f"{len(source.lines)} lines (over {FILE_LINES_MAX}); is it one thing?"


# Written in pieces, so that this file does not find itself.
MARKER = re.compile("FIX" + r"ME\b|\bXX" + r"X\b|\bTO" + r"DO\b(?!\((?:soon|later)\):)")
MACHINE_PATH = re.compile(r"(?<![\w.}>*-])/(?:" + "wo" + "rk|ro" + r"ot|home/\w+)/")


def check_text(path, lines):
    code = path.endswith((".h", ".cpp", ".py", ".sh", ".cmake", "CMakeLists.txt"))
    for number, line in enumerate(lines, 1):
        if code and MARKER.search(line):
            what = MARKER.search(line).group(0)
            yield number, "leftover", f"`{what}`; do it, or say TO" + "DO(soon|later): with a sentence"
        if MACHINE_PATH.search(line):
            yield number, "machine-path", "a path of one machine; instead: relative to the root of the tree"
        if path.endswith((".h", ".cpp", ".py")) and len(line) > LINE_MAX and not re.search(r"https?://\S{80}", line):
            yield number, "line-length", f"{len(line)} columns (over {LINE_MAX})"


def check_excuses(source):
    """An excuse without a reason excuses nothing, and one for a rule that is not there is a slip."""
    for number, text in enumerate(source.lines, 1):
        match = ALLOW_ANY.search(text)
        if not match:
            continue
        kind, rule, reason = match.groups()
        if kind == "length":
            if not rule:
                yield number, "excuse", "`// tidy: length <reason>`: the reason is missing"
        elif kind != "allow" or rule not in RULES or not reason:
            yield number, "excuse", "written as `// tidy: allow <rule> <reason>` or `// tidy: length <reason>`"


def check_table(root, table):
    """CMakeLists.txt links what layers.txt allows, no more and no less."""
    lists = root / "CMakeLists.txt"
    if not lists.exists():
        return
    seen = {}
    for number, line in enumerate(lists.read_text(encoding="utf-8").splitlines(), 1):
        match = re.match(r"\s*parley_layer\((\w+)([^)]*)\)", line)
        if match:
            below = re.search(r"\bBELOW((?: +[a-z]\w*)+)", match.group(2))
            seen[match.group(1)] = (number, set(below.group(1).split()) if below else set())
    for layer, (number, below) in seen.items():
        if below != table.may.get(layer):
            yield number, "layer-table", f"{layer} stands on other layers here than in layers.txt"
    for layer in table.may.keys() - seen.keys() if seen else ():
        yield 1, "layer-table", f"layers.txt has {layer}, CMakeLists.txt has not"


RULES = {b.rule for b in BANNED} | {
    "layer", "include-root", "c-header", "system-header", "installed-library", "fmt-header", "library",
    "pragma-once", "own-header-first", "function-length", "file-length", "leftover", "machine-path", "line-length",
    "excuse", "layer-table"}

# --- the whole -------------------------------------------------------------------------------------------


def files_of(root, table):
    """Paths relative to the root of all texts that are checked."""
    for path in sorted(root.iterdir()):
        if path.is_file() and (path.suffix in TEXT_SUFFIXES) and not path.is_symlink():
            yield path.name
    for folder in TEXT_FOLDERS:
        for base, folders, names in os.walk(root / folder):
            relative = os.path.relpath(base, root)
            folders[:] = sorted(f for f in folders if f not in SKIPPED_FOLDERS and
                                os.path.join(relative, f) not in table.sets["foreign"])
            for name in sorted(names):
                if os.path.splitext(name)[1] in TEXT_SUFFIXES:
                    yield os.path.join(relative, name)


def check_tree(root):
    root = Path(root)
    table = Table((root / "layers.txt").read_text(encoding="utf-8"))
    findings = []
    sources = []
    for path in files_of(root, table):
        try:
            text = (root / path).read_text(encoding="utf-8")
        except (UnicodeDecodeError, FileNotFoundError):
            continue  # not a text, or gone while we looked
        if path.split("/")[0] in CODE_FOLDERS and os.path.splitext(path)[1] in CODE_SUFFIXES:
            sources.append(Source(path, text))
            lines = sources[-1].lines
        else:
            lines = text.splitlines()
        source = sources[-1] if sources and sources[-1].path == path else None
        for line, rule, message in check_text(path, lines):
            if source is None or not source.excuses(line, rule):
                findings.append(Finding(path, line, rule, message, True))
    installed = installed_headers(sources)
    paths = {s.path for s in sources}
    for source in sources:
        checks = list(check_banned(source, table)) + list(check_includes(source, table, installed, paths))
        findings += [Finding(source.path, line, rule, message, True) for line, rule, message in checks
                     if not source.excuses(line, rule)]
        findings += [Finding(source.path, line, rule, message, True) for line, rule, message in check_excuses(source)]
        findings += [Finding(source.path, line, rule, message, False) for line, rule, message in check_lengths(source)]
    findings += [Finding("CMakeLists.txt", line, rule, message, True)
                 for line, rule, message in check_table(root, table)]
    return findings, len(sources)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", default=Path(__file__).resolve().parent.parent, help="the tree to check")
    parser.add_argument("--quiet", action="store_true", help="no warnings")
    arguments = parser.parse_args()
    findings, count = check_tree(arguments.root)
    errors = [f for f in findings if f.is_error]
    for f in errors:
        print(f"{f.path}:{f.line}: {f.rule}: {f.message}")
    warnings = [f for f in findings if not f.is_error]
    for f in warnings if not arguments.quiet else ():
        print(f"{f.path}:{f.line}: warning: {f.rule}: {f.message}")
    print(f"tidy: {count} sources, {len(errors)} errors, {len(warnings)} warnings")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
