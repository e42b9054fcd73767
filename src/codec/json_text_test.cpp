#include "codec/json_text.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <limits>
#include <string>

namespace parley::codec {
namespace {

std::string duration(std::int64_t ns) {
  std::string text;
  put_duration(text, ns);
  return text;
}
JsonNumberFault fault_of_duration(std::string_view text) {
  std::int64_t ns = 0;
  return get_duration(text, ns);
}
std::int64_t ns_of(std::string_view text) {
  std::int64_t ns = -1;
  EXPECT_EQ(get_duration(text, ns), JsonNumberFault::none) << text;
  return ns;
}

TEST(JsonText, durations_have_the_shortest_exact_form) {
  EXPECT_EQ(duration(0), "0s");
  EXPECT_EQ(duration(1), "1ns");
  EXPECT_EQ(duration(-1), "-1ns");
  EXPECT_EQ(duration(100), "100ns");
  EXPECT_EQ(duration(1'500), "1.5us");
  EXPECT_EQ(duration(250'000'000), "250ms");
  EXPECT_EQ(duration(500'000'000), "0.5s");
  EXPECT_EQ(duration(1'500'000'000), "1.5s");
  EXPECT_EQ(duration(1'000'000'001), "1000000001ns");
  EXPECT_EQ(duration(1'000'001'000), "1000001us");
  EXPECT_EQ(duration(60'000'000'000), "1m");
  EXPECT_EQ(duration(90'000'000'000), "90s");
  EXPECT_EQ(duration(5'400'000'000'000), "90m");
  EXPECT_EQ(duration(86'400'000'000'000), "24h");
  EXPECT_EQ(duration(std::numeric_limits<std::int64_t>::max()), "9223372036854775807ns");
  EXPECT_EQ(duration(std::numeric_limits<std::int64_t>::min()), "-9223372036854775808ns");
  // The longest fraction that there can be.
  EXPECT_EQ(duration(2562047LL * 3'600'000'000'000 + 9), "9223369200000000009ns");
}

RC_GTEST_PROP(JsonText, durations_survive, (std::int64_t ns, std::uint8_t zeros)) {
  std::int64_t round = ns;
  for (int i = 0; i < zeros % 13; ++i) round = round / 10 * (i % 3 == 0 ? 6 : 1);
  RC_ASSERT(ns_of(duration(ns)) == ns);
  RC_ASSERT(ns_of(duration(round)) == round);
}

TEST(JsonText, durations_are_read_in_other_forms_too) {
  EXPECT_EQ(ns_of("1.50s"), 1'500'000'000);
  EXPECT_EQ(ns_of("1000ms"), 1'000'000'000);
  EXPECT_EQ(ns_of("0.0000000025h"), 9'000);
  EXPECT_EQ(ns_of("-0.5m"), -30'000'000'000);
  EXPECT_EQ(ns_of("007us"), 7'000);
  EXPECT_EQ(ns_of("-0ns"), 0);
  EXPECT_EQ(ns_of("-9223372036854775808ns"), std::numeric_limits<std::int64_t>::min());
}

TEST(JsonText, what_is_no_duration_says_why) {
  for (const std::string_view text :
       {"", "s", "1", "1.s", ".5s", "1 s", "1sec", "1S", "+1s", "--1s", "1e3s", "1h30m", "1.5", "-", "1.5.5s"}) {
    EXPECT_EQ(fault_of_duration(text), JsonNumberFault::no_number) << text;
  }
  for (const std::string_view text : {"0.1ns", "1.5ns", "0.0000000001s", "0.00000000000001h", "0.000000000001h"}) {
    EXPECT_EQ(fault_of_duration(text), JsonNumberFault::fraction) << text;
  }
  for (const std::string_view text : {"9223372036854775808ns", "-9223372036854775809ns", "2562048h",
                                      "99999999999999999999999999999999999999999s", "9223372036.9s"}) {
    EXPECT_EQ(fault_of_duration(text), JsonNumberFault::out_of_range) << text;
  }
}

std::string integer(std::string_view number) {
  JsonInteger value;
  switch (get_integer(number, value)) {
    case JsonNumberFault::fraction: return "fraction";
    case JsonNumberFault::out_of_range: return "out of range";
    case JsonNumberFault::no_number: return "no number";
    case JsonNumberFault::none: break;
  }
  std::string text;
  put_decimal(text, value);
  return text;
}

TEST(JsonText, integers_are_read_from_any_number_that_is_one) {
  EXPECT_EQ(integer("0"), "0");
  EXPECT_EQ(integer("-0"), "0");
  EXPECT_EQ(integer("-0.0e5"), "0");
  EXPECT_EQ(integer("12"), "12");
  EXPECT_EQ(integer("-12.000"), "-12");
  EXPECT_EQ(integer("1.25e2"), "125");
  EXPECT_EQ(integer("2E+3"), "2000");
  EXPECT_EQ(integer("5000e-3"), "5");
  EXPECT_EQ(integer("0.00001e5"), "1");
  EXPECT_EQ(integer("340282366920938463463374607431768211455"), "340282366920938463463374607431768211455");
  EXPECT_EQ(integer("340282366920938463463374607431768211456"), "out of range");
  EXPECT_EQ(integer("1e39"), "out of range");
  EXPECT_EQ(integer("1e999999999999999999999"), "out of range");
  EXPECT_EQ(integer("0e999999999999999999999"), "0");
  EXPECT_EQ(integer("1e-999999999999999999999"), "fraction");
  EXPECT_EQ(integer("1.5"), "fraction");
  EXPECT_EQ(integer("15e-1"), "fraction");
}

TEST(JsonText, decimal_strings_have_one_form_each) {
  JsonInteger value;
  for (const std::string_view text : {"", "-", "+1", "01", "-0", "-01", " 1", "1 ", "1.0", "1e3", "0x1", "a"}) {
    EXPECT_EQ(get_decimal(text, value), JsonNumberFault::no_number) << text;
  }
  EXPECT_EQ(get_decimal("0", value), JsonNumberFault::none);
  EXPECT_EQ(get_decimal("-340282366920938463463374607431768211455", value), JsonNumberFault::none);
  EXPECT_TRUE(value.is_negative);
  EXPECT_EQ(value.magnitude, ~static_cast<unsigned __int128>(0));
  EXPECT_EQ(get_decimal("340282366920938463463374607431768211456", value), JsonNumberFault::out_of_range);
}

TEST(JsonText, numbers_below_one_are_told_from_large_ones) {
  for (const std::string_view number : {"0.5", "1e-400", "-1e-1", "0.001e2", "0", "0.0", "1000e-4"}) {
    EXPECT_TRUE(is_below_one(number)) << number;
  }
  for (const std::string_view number : {"1", "1e400", "-1", "0.001e3", "0.1e1", "1000e-3", "12.5e-1"}) {
    EXPECT_FALSE(is_below_one(number)) << number;
  }
}

TEST(JsonText, floating_numbers_are_the_nearest_that_there_are) {
  double value = 1;
  EXPECT_EQ(get_floating("-2.5e1", value), JsonNumberFault::none);
  EXPECT_EQ(value, -25);
  EXPECT_EQ(get_floating("-1e-400", value), JsonNumberFault::none);
  EXPECT_EQ(value, 0);
  EXPECT_TRUE(std::signbit(value));
  EXPECT_EQ(get_floating("1e309", value), JsonNumberFault::out_of_range);
  float narrow = 1;
  EXPECT_EQ(get_floating("1e-50", narrow), JsonNumberFault::none);
  EXPECT_EQ(narrow, 0);
  EXPECT_EQ(get_floating("1e39", narrow), JsonNumberFault::out_of_range);
}

TEST(JsonText, strings_are_escaped_where_json_wants_it) {
  std::string out;
  put_quoted(out, std::string_view("a\"b\\c/d\b\f\n\r\t\x01\x1f\x7f\0\xc3\xa9", 18));
  EXPECT_EQ(out, "\"a\\\"b\\\\c/d\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\\u0000\xc3\xa9\"");
}

TEST(JsonText, long_texts_in_notes_lose_their_end_between_characters) {
  EXPECT_EQ(text_start(std::string(40, 'x')), std::string(40, 'x'));
  EXPECT_EQ(text_start(std::string(41, 'x')), std::string(40, 'x') + "...");
  EXPECT_EQ(text_start(std::string(39, 'x') + "\xc3\xa9"), std::string(39, 'x') + "...");
  EXPECT_EQ(quoted_start("\n"), "\"\\n\"");
}

TEST(JsonText, the_nearest_name_is_one_that_is_near) {
  constexpr std::string_view names[] = {"radius", "width", "user_name"};
  const auto nearest = [&](std::string_view meant) { return nearest_name(meant, names, std::size(names)); };
  EXPECT_EQ(nearest("raduis"), "radius");
  EXPECT_EQ(nearest("RADIUS"), "radius");
  EXPECT_EQ(nearest("userName"), "user_name");
  EXPECT_EQ(nearest("widht"), "width");
  EXPECT_EQ(nearest("wiht"), "");
  EXPECT_EQ(nearest("wdth"), "width");
  EXPECT_EQ(nearest("depth"), "");
  EXPECT_EQ(nearest(""), "");
  EXPECT_EQ(nearest(std::string(100, 'x')), "");
  EXPECT_EQ(nearest_name("a", names, 0), "");
}

}  // namespace
}  // namespace parley::codec
