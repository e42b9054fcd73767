#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <bit>
#include <cmath>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/instant.h"
#include "codec/fields_macro.h"
#include "codec/json.h"
#include "codec/random_types_suite.h"
#include "codec/random_value_suite.h"

// What is true of all values and all texts.
namespace parley::codec {
namespace {

using namespace random_types;

struct Unordered {
  std::unordered_set<std::int32_t> set;
  std::unordered_map<std::string, std::string> map;
  std::unordered_map<bool, std::unordered_map<std::uint8_t, Nothing>> maps;
  bool operator==(const Unordered&) const = default;
};

template <class T>
T survivor(const T& value, JsonStyle style) {
  const Result<T> read = from_json<T>(to_json(value, style));
  if (!read) RC_FAIL(read.error().note);
  RC_ASSERT(*read == value);
  return *read;
}
// And what is read is written as the same text.
template <class T>
void survives(std::uint64_t seed) {
  const T value = RandomValues(seed).make<T>();
  RC_ASSERT(to_json(survivor(value, JsonStyle::compact)) == to_json(value));
  RC_ASSERT(to_json(survivor(value, JsonStyle::pretty), JsonStyle::pretty) == to_json(value, JsonStyle::pretty));
}

RC_GTEST_PROP(JsonOfAll, a_value_survives, (std::uint64_t seed)) {
  survives<Scalars>(seed);
  survives<Containers>(seed);
  survives<Choices>(seed);
  survives<std::tuple<double, float>>(seed);
}

RC_GTEST_PROP(JsonOfAll, a_value_survives_without_its_order, (std::uint64_t seed)) {
  survivor(RandomValues(seed).make<Unordered>(), JsonStyle::compact);
}

RC_GTEST_PROP(JsonOfAll, bits_of_a_double_survive, (std::uint64_t bits, std::uint32_t few)) {
  const auto number = std::bit_cast<double>(bits);
  const auto read = from_json<double>(to_json(number));
  RC_ASSERT(read.has_value());
  RC_ASSERT(std::isnan(number) == std::isnan(*read));
  RC_ASSERT((std::isnan(number) || std::bit_cast<std::uint64_t>(*read) == bits));
  const auto small = std::bit_cast<float>(few);
  const auto read_small = from_json<float>(to_json(small));
  RC_ASSERT(read_small.has_value());
  RC_ASSERT(std::isnan(small) == std::isnan(*read_small));
  RC_ASSERT((std::isnan(small) || std::bit_cast<std::uint32_t>(*read_small) == few));
}

RC_GTEST_PROP(JsonOfAll, a_text_cut_off_is_refused, (std::uint64_t seed)) {
  const std::string text = to_json(RandomValues(seed).make<Choices>());
  for (std::size_t size = seed % 7; size < text.size(); size += 1 + text.size() / 100) {
    const auto read = from_json<Choices>(std::string(text, 0, size));
    RC_ASSERT(!read.has_value());
    RC_ASSERT(read.error().code == Code::json);
  }
}

template <class T>
void reads_safely(const std::string& text) {
  const Result<T> read = from_json<T>(text);
  if (!read) {
    RC_ASSERT(read.error().code == Code::json);
    RC_ASSERT(read.error().note.starts_with("at $"));
    RC_ASSERT(is_utf8(as_bytes(read.error().note)));
    return;
  }
  survivor(*read, JsonStyle::compact);
}

RC_GTEST_PROP(JsonOfAll, damaged_texts_are_read_or_refused, (std::uint64_t seed)) {
  RandomValues random(seed);
  std::string text = to_json(random.make<Choices>());
  Prng prng(seed);
  constexpr std::string_view letters = "{}[]\",:0159.eE+-ntf\\u \n\xc3\xa9\xff";
  for (std::uint64_t damage = prng.below(4); damage < 4; ++damage) {
    const std::size_t at = prng.below(text.size());
    const char letter = letters[prng.below(letters.size())];
    if (prng.chance(300)) {
      text[at] = letter;
    } else if (prng.chance(500)) {
      text.insert(at, 1, letter);
    } else {
      text.erase(at, 1);
    }
    if (text.empty()) break;
  }
  reads_safely<Choices>(text);
  reads_safely<std::map<std::string, Shape>>(text);
}

}  // namespace
}  // namespace parley::codec
