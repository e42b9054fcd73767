#!/usr/bin/env python3
"""Builds small trees with rules, markers and results, and looks at what rules.py counts."""

import sys
import tempfile
import unittest
from pathlib import Path
from xml.sax.saxutils import quoteattr

sys.path.insert(0, str(Path(__file__).resolve().parent))
import rules  # noqa: E402

RULES = ("area\tid\tprofile\tverdict\tstage\tgist\n"
         "calls\ta.one\tx\tkeep\tnow\tfirst\n"
         "calls\tb-two\tx\tkeep\tnow\tsecond\n"
         "calls\tc.three\tx\treplaced: a.one\tnow\tthird\n"
         "calls\td.four\tx\tkeep\tlater\tfourth\n")
MARK = "// " + "rule: "


def junit(**status_of):
    def case(name, status):
        inner = '<failure message="x"/>' if status == "fail" else ""
        return f'<testcase name={quoteattr(name)} status="{status}">{inner}</testcase>'

    return "<testsuite>" + "".join(case(n, s) for n, s in status_of.items()) + "</testsuite>"


def coverage_of(files, results):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for path, text in {"docs/rules.tsv": RULES, "junit.xml": junit(**results), **files}.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        return rules.Coverage(root, root / "junit.xml")


def cpp_test(macro, rule="calls/a.one"):
    return f"#include <x>\n\n{macro} {{\n  {MARK}{rule}\n  if (x) {{\n  }}\n}}\n"


class RulesTest(unittest.TestCase):
    def assert_covered(self, path, text, ctest_name, expected=True):
        coverage = coverage_of({path: text}, {ctest_name: "run"})
        self.assertEqual(coverage.errors, [])
        self.assertEqual("calls/a.one" in coverage.covered, expected, (path, ctest_name))

    def test_a_marker_counts_when_its_test_ran_and_passed(self):
        for macro, name in [("TEST(Some, works)", "core.Some.works"), ("TEST_F(Some, works)", "core.Some.works"),
                            ("TEST(SomeDeathTest, works)", "core.SomeDeathTest.works"),
                            ("TYPED_TEST(Some, works)", "core.Some/3.works"),
                            ("TYPED_TEST(Some, works)", "core.Some.works<0>"),
                            ("TYPED_TEST_P(Some, works)", "core.Mine/Some/1.works"),
                            ("TEST_P(Some, works)", "core.All/Some.works/2"),
                            ("TEST_P(Some, works)", "core.All/Some.works/named"),
                            ("RC_GTEST_PROP(Some, works, (int n))", "core_threads.Some.works")]:
            self.assert_covered("src/core/call/x_test.cpp", cpp_test(macro), name)

    def test_a_test_of_another_layer_or_name_does_not_count(self):
        for name in ["base.Some.works", "core.Some.works_too", "core.OtherSome.works", "core.works"]:
            self.assert_covered("src/core/x_test.cpp", cpp_test("TEST(Some, works)"), name, expected=False)

    def test_a_suite_header_counts_in_any_binary(self):
        for name in ["net.Unix/Some/0.works", "net.Unix.works<0>"]:
            self.assert_covered("src/io/x_suite.h", cpp_test("TYPED_TEST_P(Some, works)"), name)
        for path, name in [("src/io/x_suite.h", "net.Unix.works"), ("src/core/x_test.cpp", "core.Other.works<0>")]:
            self.assert_covered(path, cpp_test("TYPED_TEST(Some, works)"), name, expected=False)

    def test_a_python_test_counts_by_the_name_that_ctest_has_for_its_file(self):
        text = f"class T:\n    def test_it(self):\n        # {MARK[3:]}calls/a.one\n        pass\n"
        self.assert_covered("tests/e2e/x_test.py", text, "e2e.x")
        self.assert_covered("tests/e2e/x_test.py", text, "e2e.y", expected=False)

    def test_a_failed_or_skipped_test_does_not_count(self):
        for status in ["fail", "notrun", "disabled"]:
            coverage = coverage_of({"src/core/x_test.cpp": cpp_test("TEST(Some, works)")}, {"core.Some.works": status})
            self.assertEqual(coverage.covered, {})
            self.assertEqual(len(coverage.idle), 1)

    def test_one_failing_instance_of_a_suite_is_enough_not_to_count(self):
        coverage = coverage_of({"src/core/x_test.cpp": cpp_test("TEST_P(Some, works)")},
                               {"core.All/Some.works/0": "run", "core.All/Some.works/1": "fail"})
        self.assertEqual(coverage.covered, {})

    def test_a_marker_outside_of_a_test_is_an_error(self):
        text = "TEST(Some, works) {}\n" + MARK + "calls/a.one\nvoid f() {}\n"
        coverage = coverage_of({"src/core/x_test.cpp": text}, {"core.Some.works": "run"})
        self.assertEqual((len(coverage.errors), coverage.covered), (1, {}))

    def test_a_marker_of_an_unknown_rule_is_an_error(self):
        coverage = coverage_of({"src/core/x_test.cpp": cpp_test("TEST(Some, works)", "calls/none")},
                               {"core.Some.works": "run"})
        self.assertEqual(len(coverage.errors), 1)

    def test_one_line_may_name_several_rules(self):
        coverage = coverage_of({"src/core/x_test.cpp": cpp_test("TEST(Some, works)", "calls/a.one, calls/b-two")},
                               {"core.Some.works": "run"})
        self.assertEqual(set(coverage.covered), {"calls/a.one", "calls/b-two"})

    def test_python_tests_count_by_their_function_or_their_file(self):
        text = ("class X:\n    def test_it(self):\n        pass\n"
                "        # " + "rule: calls/a.one\n\n    def other(self): pass\n")
        self.assert_covered("tests/e2e/kill_test.py", text, "e2e.kill_test")
        self.assert_covered("tests/e2e/kill_test.py", text, "e2e.test_it")
        self.assert_covered("tests/e2e/kill_test.py", text, "e2e.other_test", expected=False)

    def test_a_file_without_test_macros_below_tests_is_one_test(self):
        text = MARK + "calls/a.one\nint x;\n"
        self.assert_covered("tests/compile_fail/two_names.cpp", text, "compile_fail.two_names")

    def test_a_replaced_rule_has_a_test_together_with_what_replaces_it(self):
        table = RULES + "calls\tR-01\tx\treplaced: K-01, of course\tnow\tfifth\ncalls\tK-01\tx\tkeep\tnow\tsixth\n"
        apart = cpp_test("TEST(Some, works)", "calls/R-01") + cpp_test("TEST(Some, holds)", "calls/K-01")
        together = cpp_test("TEST(Some, works)", "calls/R-01, calls/K-01")
        for text, expected in ((together, []), ("", []),
                               (apart, ["calls/R-01 is replaced by K-01: no test carries both markers"])):
            coverage = coverage_of({"docs/rules.tsv": table, "src/core/x_test.cpp": text}, {"core.Some.works": "run"})
            self.assertEqual(coverage.errors, expected)

    def test_states_are_counted_by_area_and_stage(self):
        coverage = coverage_of({"src/core/x_test.cpp": cpp_test("TEST(Some, works)"),
                                "tests/rules_reasoned.tsv": "calls\tb-two\tno such thing in C++\n"},
                               {"core.Some.works": "run"})
        self.assertEqual(coverage.count(), {("calls", "now", "covered"): 1, ("calls", "now", "reasoned"): 1,
                                            ("calls", "now", "replaced"): 1, ("calls", "later", "open"): 1})

    def test_reasons_for_unknown_or_tested_rules_are_errors(self):
        coverage = coverage_of({"src/core/x_test.cpp": cpp_test("TEST(Some, works)"),
                                "tests/rules_reasoned.tsv": "calls\ta.one\twhy\ncalls\tnone\twhy\n"},
                               {"core.Some.works": "run"})
        self.assertEqual(len(coverage.errors), 2)


if __name__ == "__main__":
    unittest.main()
