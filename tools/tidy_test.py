#!/usr/bin/env python3
"""Feeds tidy.py small trees, bad and clean, and looks at what it says about them."""

import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import tidy  # noqa: E402

LAYERS = (Path(__file__).resolve().parent.parent / "layers.txt").read_text()

# rule, path, text: the rule fires on this text in this place.
BAD = [
    ("sleep", "src/net/a.cpp", "void f() { std::this_thread::sleep_for(1s); }"),
    ("sleep", "tests/e2e/a_test.cpp", "void f() { usleep(10); }"),
    ("sleep", "src/net/a.cpp", "void f() { sleep(10); }"),
    ("sleep", "src/net/a.cpp", "void f() { ::sleep(seconds); }"),
    ("sleep", "src/net/a.cpp", "void f() {\n  sleep(seconds);\n}"),
    ("pure-thread", "src/core/call/a.cpp", "std::mutex lock;"),
    ("pure-coroutine", "src/wire/a.cpp", "Task<int> f() { co_return 1; }"),
    ("print", "src/runtime/a.cpp", "void f() { std::cout << 1; }"),
    ("print", "src/net/a.cpp", 'void f() { std::printf("x"); }'),
    ("print", "src/net/a.cpp", "#include <iostream>\n"),
    ("environment", "src/face/a.cpp", 'auto x = std::getenv("HOME");'),
    ("signal", "src/net/a.cpp", "void f() { ::signal(SIGPIPE, SIG_IGN); }"),
    ("signal", "src/os/a.cpp", "void f() { sigaction(SIGTERM, &action, nullptr); }"),
    ("assert", "src/base/a.cpp", "void f() { assert(true); }"),
    ("assert", "src/base/a.cpp", "#include <cassert>\n"),
    ("function", "src/io/a.h", "#pragma once\nstd::function<void()> f;"),
    ("system", "src/os/a.cpp", 'void f() { std::system("ls"); }'),
    ("rand", "src/sim/a.cpp", "int f() { return std::rand(); }"),
    ("random-device", "src/codec/a.cpp", "std::random_device device;"),
    ("clock", "src/runtime/a.cpp", "auto now = std::chrono::steady_clock::now();"),
    ("clock", "src/core/a_test.cpp", "auto now = std::chrono::system_clock::now();"),
    ("clock", "src/core/a.cpp", "auto now = ::time(nullptr);"),
    ("new", "src/async/a.cpp", "auto* x = new Node{};"),
    ("delete", "src/async/a.cpp", "void f(Node* x) { delete x; }"),
    ("unsafe-c", "src/cli/a.cpp", "void f(char* a, char* b) { strcpy(a, b); }"),
    ("catch", "src/codec/a.cpp", "void f() { try { g(); } catch (...) {} }"),
    ("throw", "src/core/a.cpp", "void f() { throw 1; }"),
    ("using-namespace", "src/base/a.h", "#pragma once\nusing namespace std;"),
    ("name", "src/hub/a.h", "#pragma once\nclass SessionManager {};"),
    ("layer", "src/base/a.cpp", '#include "codec/varint.h"\n'),
    ("layer", "src/core/call/a.cpp", '#include "runtime/b.h"\n'),
    ("layer", "src/runtime/a.cpp", '#include "net/b.h"\n'),
    ("layer", "src/runtime/a.cpp", '#include "parley/parley.h"\n'),
    ("layer", "src/net/a.cpp", '#include "sim/b.h"\n'),
    ("layer", "src/io/a.h", '#pragma once\n#include "io/stream_suite.h"\n'),
    ("layer", "include/parley/session.h", '#pragma once\n#include "sim/clock.h"\n'),
    ("layer", "examples/tour/main.cpp", '#include "base/error.h"\n'),
    ("layer", "fuzz/a_fuzz.cpp", '#include "cli/a.h"\n'),
    ("include-root", "src/base/a.cpp", '#include "error.h"\n'),
    ("c-header", "src/base/a.cpp", "#include <stdint.h>\n"),
    ("system-header", "src/runtime/a.cpp", "#include <sys/socket.h>\n"),
    ("system-header", "include/parley/a.h", "#pragma once\n#include <unistd.h>\n"),
    ("fmt-header", "src/base/a.h", "#pragma once\n#include <fmt/format.h>\n"),
    ("library", "src/base/a.cpp", "#include <boost/json.hpp>\n"),
    ("library", "src/codec/a.cpp", "#include <boost/asio.hpp>\n"),
    ("library", "src/codec/a.cpp", "#include <gtest/gtest.h>\n"),
    ("library", "src/codec/a_test.cpp", "#include <boost/asio.hpp>\n"),
    ("pragma-once", "src/base/a.h", "int a();"),
    ("leftover", "src/base/a.cpp", "// FIX" "ME: later\n"),
    ("leftover", "tools/a.py", "# XX" "X\n"),
    ("leftover", "cmake/a.cmake", "# TO" "DO(now): finish\n"),
    ("leftover", "src/base/a.cpp", "// TO" "DO: some day\n"),
    ("machine-path", "docs/a.md", "see /ro" "ot/notes\n"),
    ("machine-path", "src/base/a.cpp", '// as in "/ho' 'me/me/x"\n'),
    ("line-length", "src/base/a.cpp", "// " + "x" * 118 + "\n"),
    ("file-length", "src/base/a.cpp", "int a;\n" * 501),
    ("function-length", "src/base/a.cpp", "int f(int x) {\n" + "  ++x;\n" * 70 + "}\n"),
    ("function-length", "src/base/a.cpp", "TEST(A, b) {\n" + "  if (x) {\n  }\n" * 40 + "}\n"),
    ("function-length", "src/base/a.h",
     "#pragma once\nclass A {\n template <class T>\n void f(T x) {\n" + "\n" * 70 + "}\n};"),
    ("excuse", "src/base/a.cpp", "// tidy: allow nosuchrule because\n"),
    ("excuse", "src/base/a.cpp", "std::function<void()> f;  // tidy: allow function\n"),
    ("function", "src/base/a.cpp", "std::function<void()> f;  // tidy: allow function\n"),
    ("excuse", "src/base/a.cpp", "// tidy: length\n"),
]

# path, text: nothing at all is said about this.
CLEAN = [
    ("src/base/a.cpp",
     "#include <fmt/format.h>\n// assert(x), std::function, sleep(1)\nauto s = \"std::rand() new X\";\n"),
    ("src/base/a.cpp", 'auto s = R"(catch (...) { throw; })"; int n = 1\'000\'000; char c = \'"\'; // throw\n'),
    ("src/base/a.cpp", "static_assert(sizeof(int) == 4);\n"),
    ("src/async/a.cpp", "Task<void> f(Loop& loop) { co_await sleep(loop, 1s); co_await loop.sleep(1s); }\n"),
    ("src/async/a.cpp", "void* f(void* p) { return ::new (p) Node{}; }\nNode(const Node&) = delete;\n"),
    ("src/async/a.cpp", "void* operator new(std::size_t size) { return ::operator new(size); }\n"),
    ("src/net/a.cpp", "#include <sys/epoll.h>\n#include <time.h>\n#include <unistd.h>\n\n#include \"io/stream.h\"\n"),
    ("src/net/a.cpp", "auto now = std::chrono::steady_clock::now();\n"),
    ("src/net/a.cpp", "void f() { try { g(); } catch (const std::exception&) { h(); } }\n"),
    ("src/net/a.h", "#pragma once\nstruct Reactor {\n  Sleep sleep(Instant);\n  void sleep(Instant until);\n};\n"),
    ("src/io/a.h", "#pragma once\nstruct Loop { Random& random(); Instant time(); void signal(int); };\n"),
    ("src/codec/a.cpp", "#include <boost/json/basic_parser.hpp>\n"),
    ("src/codec/a_test.cpp", "#include <gtest/gtest.h>\n#include <nlohmann/json.hpp>\n\n#include \"sim/x.h\"\n"),
    ("src/io/stream_suite.h", "#pragma once\n#include <gtest/gtest.h>\n"),
    ("src/io/a_test.cpp", "#include \"io/stream_suite.h\"\nvoid f() { throw 1; }\n"),
    ("src/cli/a.cpp", "#include <CLI/CLI.hpp>\nvoid f() { std::printf(\"%s\", std::getenv(\"PARLEY_HUB\")); }\n"),
    ("src/sim/main.cpp", "#include <cstdio>\nint main() { std::printf(\"seed\"); }\n"),
    ("include/parley/testing.h", "#pragma once\n#include \"sim/clock.h\"\n#include \"parley/session.h\"\n"),
    ("tests/e2e/a_test.cpp", "#include \"parley/parley.h\"\n#include \"helper.h\"\n#include <gtest/gtest.h>\n"),
    ("examples/tour/main.cpp", "#include \"parley/parley.h\"\n#include <cstdio>\nint main() { std::puts(\"x\"); }\n"),
    ("bench/floors/a.cpp", "#include <stdint.h>\nvoid f() { sleep(1); throw 1; }\n"),
    ("src/base/a.cpp", "std::function<void()> f;  // tidy: allow function the library asks for one\n"),
    ("src/base/a.cpp", "// tidy: allow function the library asks for one\nstd::function<void()> f;\n"),
    ("src/base/a.cpp", "int f(int x) {\n  // tidy: length one table\n" + "  ++x;\n" * 70 + "}\n"),
    ("src/base/a.cpp", "// tidy: length generated table\n" + "int a;\n" * 501),
    ("src/base/a.cpp", "namespace a {\n" + "int f() { return 1; }\n" * 90 + "}\n"),
    ("src/base/a.cpp", "struct A {\n" + "  int f() { return 1; }\n" * 90 + "};\n"),
    ("src/base/a.cpp", "#define A(x) \\\n  if (x) {\nint f() {\n  return 1;\n}\n" + "\n" * 80),
    ("src/base/a.cpp", "// TO" "DO(later): a cheaper table\n"),
    ("docs/vectors/a.md", "/ro" "ot/x\n"),
]


def findings_in(files):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "layers.txt").write_text(LAYERS)
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        return tidy.check_tree(root)[0]


class TidyTest(unittest.TestCase):
    def test_each_bad_snippet_is_found_by_its_rule(self):
        for rule, path, text in BAD:
            with self.subTest(rule=rule, path=path, text=text[:60]):
                self.assertIn(rule, [f.rule for f in findings_in({path: text})])

    def test_nothing_is_said_about_clean_snippets(self):
        for path, text in CLEAN:
            with self.subTest(path=path, text=text[:60]):
                self.assertEqual(findings_in({path: text}), [])

    def test_lengths_are_warnings_and_everything_else_is_an_error(self):
        for rule, path, text in BAD:
            for finding in findings_in({path: text}):
                is_warning = finding.rule in ("file-length", "function-length")
                self.assertEqual(finding.is_error, not is_warning)

    def test_every_rule_has_a_snippet_that_makes_it_fire(self):
        elsewhere = {"installed-library", "own-header-first", "layer-table"}
        self.assertEqual(tidy.RULES - {rule for rule, _, _ in BAD} - elsewhere, set())

    def test_a_library_in_a_header_that_a_public_header_reaches_is_found(self):
        files = {"include/parley/a.h": '#pragma once\n#include "codec/b.h"\n',
                 "src/codec/b.h": '#pragma once\n#include "codec/c.h"\n',
                 "src/codec/c.h": "#pragma once\n#include <boost/json/value.hpp>\n",
                 "src/codec/private.h": "#pragma once\n#include <boost/json/value.hpp>\n"}
        found = [(f.path, f.rule) for f in findings_in(files)]
        self.assertEqual(found, [("src/codec/c.h", "installed-library")])

    def test_a_source_includes_its_own_header_first(self):
        files = {"src/base/a.h": "#pragma once\n", "src/base/b.h": "#pragma once\n",
                 "src/base/a.cpp": '#include "base/b.h"\n#include "base/a.h"\n',
                 "src/base/a_test.cpp": '#include <gtest/gtest.h>\n#include "base/a.h"\n',
                 "src/base/b.cpp": '#include "base/b.h"\n'}
        found = [(f.path, f.line, f.rule) for f in findings_in(files)]
        self.assertEqual(found, [("src/base/a.cpp", 1, "own-header-first"),
                                 ("src/base/a_test.cpp", 1, "own-header-first")])

    def test_the_table_of_cmake_and_layers_txt_must_agree(self):
        lines = [f"parley_layer({layer} BELOW {' '.join(sorted(below))})" if below else f"parley_layer({layer})"
                 for layer, below in tidy.Table(LAYERS).may.items()]
        self.assertEqual(findings_in({"CMakeLists.txt": "\n".join(lines)}), [])
        lines[1] = "parley_layer(codec BELOW base async LIBRARIES x)"
        found = [(f.line, f.rule) for f in findings_in({"CMakeLists.txt": "\n".join(lines)})]
        self.assertEqual(found, [(2, "layer-table")])

    def test_a_finding_names_file_and_line(self):
        found = findings_in({"src/base/a.cpp": "int a;\n\nvoid f() {\n  assert(a);\n}\n"})
        self.assertEqual([(f.path, f.line) for f in found], [("src/base/a.cpp", 4)])


if __name__ == "__main__":
    unittest.main()
