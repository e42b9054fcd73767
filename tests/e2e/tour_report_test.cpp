#include "report.h"

#include <gtest/gtest.h>

using tour::Report;
using namespace std::chrono_literals;

namespace {

struct Printed {
  Report report(Report::Form form) {
    return Report(form, 3, [this](std::string_view more) { text += more; });
  }
  bool says(std::string_view part) const { return text.find(part) != text.npos; }
  std::string text;
};

TEST(TourReport, a_step_whose_expectations_hold_is_good) {
  Printed printed;
  Report report = printed.report(Report::Form::plain);
  report.begin("calls", "Calls");
  report.line("client", "add(2, 40)");
  EXPECT_TRUE(report.expect(true, "add(2, 40) is 42"));
  EXPECT_TRUE(report.end(1500us));
  EXPECT_FALSE(report.has_failed());
  EXPECT_EQ(printed.text,
            "\n 1/3 Calls\n"
            "      client   add(2, 40)\n"
            "      ok       1 of 1 hold, 1.5 ms\n");
}

TEST(TourReport, a_broken_expectation_fails_its_step_by_name) {
  Printed printed;
  Report report = printed.report(Report::Form::plain);
  report.begin("calls", "Calls");
  EXPECT_TRUE(report.expect(true, "there is an answer"));
  EXPECT_FALSE(report.expect(false, "add(2, 40) is 42", "it was 43"));
  EXPECT_FALSE(report.expect(false, "something later"));
  EXPECT_FALSE(report.end(1ms));
  EXPECT_TRUE(printed.says("FAILED   step `calls`, expected: add(2, 40) is 42; but it was 43\n")) << printed.text;
  EXPECT_EQ(report.failed_step(), "calls");
  EXPECT_EQ(report.failure(), "add(2, 40) is 42; but it was 43");
}

TEST(TourReport, a_step_that_expects_nothing_fails) {
  Printed printed;
  Report report = printed.report(Report::Form::plain);
  report.begin("empty", "A step that looks at nothing");
  report.line("client", "does something");
  EXPECT_FALSE(report.end(1ms));
  EXPECT_EQ(report.failed_step(), "empty");
}

TEST(TourReport, a_good_step_does_not_hide_the_failure_before_it) {
  Printed printed;
  Report report = printed.report(Report::Form::plain);
  report.begin("first", "First");
  report.expect(false, "it works");
  report.end(1ms);
  report.begin("second", "Second");
  report.expect(true, "it works");
  EXPECT_TRUE(report.end(1ms));
  EXPECT_EQ(report.failed_step(), "first");
}

TEST(TourReport, colours_are_there_only_where_asked_for) {
  for (const Report::Form form : {Report::Form::plain, Report::Form::coloured, Report::Form::json}) {
    Printed printed;
    Report report = printed.report(form);
    report.begin("calls", "Calls");
    report.line("service", "42");
    report.expect(true, "it works");
    report.end(1ms);
    EXPECT_EQ(printed.says("\x1b["), form == Report::Form::coloured) << printed.text;
  }
}

TEST(TourReport, json_is_one_object_a_step_with_all_that_was_said) {
  Printed printed;
  Report report = printed.report(Report::Form::json);
  report.begin("calls", "A \"title\"");
  report.line("service", "back\\slash\nand more");
  report.value("us_per_call", 12.5);
  report.expect(true, "it works");
  report.end(2ms);
  report.begin("broken", "Broken");
  report.expect(false, "it works", "it does \"not\"");
  report.end(2ms);

  EXPECT_EQ(printed.text,
            R"({"step":"calls","number":1,"title":"A \"title\"","ok":true,"expected":1,"ms":2.000,"failure":null,)"
            R"("lines":[{"who":"service","text":"back\\slash\u000aand more"}],"values":{"us_per_call":12.5}})"
            "\n"
            R"({"step":"broken","number":2,"title":"Broken","ok":false,"expected":1,"ms":2.000,)"
            R"("failure":"it works; but it does \"not\"","lines":[],"values":{}})"
            "\n");
}

TEST(TourReport, numbers_are_said_in_words_of_a_fitting_size) {
  EXPECT_EQ(tour::in_words(std::chrono::nanoseconds(3456)), "3.5 us");
  EXPECT_EQ(tour::in_words(123us), "123 us");
  EXPECT_EQ(tour::in_words(50ms), "50.0 ms");
  EXPECT_EQ(tour::in_words(20s), "20.00 s");
  EXPECT_EQ(tour::in_words(std::uint64_t{7}), "7");
  EXPECT_EQ(tour::in_words(std::uint64_t{300000}), "300 000");
  EXPECT_EQ(tour::in_words(std::uint64_t{1234567}), "1 234 567");
}

}  // namespace
