#include "base/error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <memory>
#include <regex>
#include <set>
#include <string>

namespace parley {
namespace {

// The enumerators as the header states them, so that a code which is added there is tested here.
std::map<std::string, std::uint32_t> codes_in_header() {
  std::ifstream file("src/base/error.h");
  std::map<std::string, std::uint32_t> codes;
  bool is_inside = false;
  const std::regex enumerator("^ *([a-z_]+) = ([0-9]+),.*$");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("enum class Code")) is_inside = true;
    if (line == "};") is_inside = false;
    std::smatch match;
    if (is_inside && std::regex_match(line, match, enumerator)) {
      codes[match[1]] = static_cast<std::uint32_t>(std::stoul(match[2]));
    }
  }
  return codes;
}

Result<int> half(int of) {
  if (of % 2 != 0) return fail(Code::invalid, "odd");
  return of / 2;
}
Result<void> must_be_even(int number) {
  PARLEY_TRY(half(number));
  return {};
}
Result<int> quarter(int of) {
  PARLEY_TRY(const int first, half(of));
  PARLEY_TRY(auto second, half(first));
  return second;
}

TEST(Error, every_code_has_a_sentence_of_its_own) {
  const auto codes = codes_in_header();
  ASSERT_GE(codes.size(), 50u);
  std::map<std::string_view, std::string> owner;
  for (const auto& [name, number] : codes) {
    const std::string_view text = sentence(static_cast<Code>(number));
    EXPECT_FALSE(text.empty()) << name;
    const auto [other, is_new] = owner.emplace(text, name);
    EXPECT_TRUE(is_new) << name << " says the same as " << other->second << ": " << text;
  }
}

TEST(Error, every_code_has_a_number_of_its_own_and_a_kind) {
  std::set<std::uint32_t> numbers;
  for (const auto& [name, number] : codes_in_header()) {
    EXPECT_TRUE(numbers.insert(number).second) << name;
    EXPECT_GE(number / 1000, 1u) << name;
    EXPECT_LE(number / 1000, 11u) << name;
  }
}

TEST(Error, every_kind_has_a_name_and_a_code_that_is_nothing_but_the_kind) {
  const auto codes = codes_in_header();
  std::set<std::string_view> names;
  for (std::uint8_t number = 1; number <= 11; ++number) {
    const std::string_view name = to_string(static_cast<Kind>(number));
    EXPECT_TRUE(names.insert(name).second) << name;
    const auto code = codes.find(std::string(name));
    ASSERT_NE(code, codes.end()) << name;
    EXPECT_EQ(code->second, number * 1000u);
  }
}

TEST(Error, a_number_that_this_build_does_not_know_keeps_its_kind) {
  EXPECT_EQ(kind(static_cast<Code>(5999)), Kind::overloaded);
  EXPECT_EQ(kind(static_cast<Code>(11999)), Kind::protocol);
  EXPECT_EQ(sentence(static_cast<Code>(5999)), sentence(Code::overloaded));
}

TEST(Error, a_number_without_a_kind_counts_as_unknown) {
  for (const std::uint32_t number : {0u, 999u, 12000u, 4294967295u}) {
    EXPECT_EQ(kind(static_cast<Code>(number)), Kind::unknown) << number;
    EXPECT_EQ(sentence(static_cast<Code>(number)), sentence(Code::unknown)) << number;
  }
}

TEST(Error, its_text_is_kind_sentence_and_note) {
  EXPECT_EQ(to_string(Error{Code::deadline, "after 50 ms"}),
            "timed_out: the deadline of the call passed (after 50 ms)");
  EXPECT_EQ(to_string(Error{Code::deadline, ""}), "timed_out: the deadline of the call passed");
}

TEST(Result, it_holds_a_value_or_an_error) {
  const Result<int> good = half(8);
  ASSERT_TRUE(good);
  EXPECT_EQ(good.value(), 4);
  const Result<int> bad = half(7);
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error(), (Error{Code::invalid, "odd"}));
}

TEST(Result, its_value_can_be_moved_out) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(5);
  const std::unique_ptr<int> taken = std::move(result).value();
  EXPECT_EQ(*taken, 5);
}

TEST(ResultDeathTest, taking_the_value_of_an_error_stops_and_says_which_error) {
  const Result<int> bad = half(7);
  EXPECT_DEATH(static_cast<void>(bad.value()), "assertion failed: .*\\[odd\\]");
  const Result<void> nothing = must_be_even(3);
  EXPECT_DEATH(nothing.value(), "assertion failed: .*\\[odd\\]");
}

TEST(Try, it_goes_on_with_the_value) {
  EXPECT_EQ(quarter(20).value(), 5);
  EXPECT_TRUE(must_be_even(2));
}

TEST(Try, it_returns_the_first_error) {
  EXPECT_EQ(quarter(7).error().note, "odd");
  EXPECT_EQ(quarter(6).error().note, "odd");
  EXPECT_EQ(must_be_even(5).error().code, Code::invalid);
}

TEST(Try, without_a_value_it_is_one_statement) {
  const auto check = [](int number, bool is_asked) -> Result<std::string> {
    if (is_asked)
      PARLEY_TRY(half(number));
    else
      return "not asked";
    return "even";
  };
  EXPECT_EQ(check(3, false).value(), "not asked");
  EXPECT_EQ(check(4, true).value(), "even");
  EXPECT_EQ(check(3, true).error().code, Code::invalid);
}

TEST(Try, a_value_that_only_moves_is_moved) {
  const auto pass_on = [](Result<std::unique_ptr<int>> given) -> Result<int> {
    PARLEY_TRY(const std::unique_ptr<int> number, std::move(given));
    return *number;
  };
  EXPECT_EQ(pass_on(std::make_unique<int>(3)).value(), 3);
  EXPECT_EQ(pass_on(fail(Code::closed)).error().code, Code::closed);
}

TEST(Error, is_read_again_from_what_was_written) {
  for (const auto& [name, number] : codes_in_header()) {
    for (const std::string note : {"", "after 50 ms", "(in brackets)", "a: b (c"}) {
      const Error error{static_cast<Code>(number), note};
      EXPECT_EQ(read_error(to_string(error)), error) << name;
    }
  }
  for (const char* text :
       {"", "refused", "refused: ", "refused: no", "refused: it is taken (", "refused: it is taken()"}) {
    EXPECT_EQ(read_error(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace parley
