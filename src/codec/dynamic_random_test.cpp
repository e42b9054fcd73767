#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/instant.h"
#include "codec/described_suite.h"
#include "codec/dynamic.h"
#include "codec/json.h"
#include "codec/postcard.h"
#include "codec/random_types_suite.h"
#include "codec/random_value_suite.h"

// The Transcoder does what the types do: the same bytes, the same texts, the same refusals.
namespace parley::codec {
namespace {

using namespace random_types;

struct Held {
  Containers containers;
  std::optional<std::unique_ptr<Label>> held;
};
struct Choices {
  std::optional<std::string> maybe;
  std::optional<std::optional<std::vector<std::optional<bool>>>> more;
  std::optional<std::monostate> unit;
  std::tuple<std::uint8_t, std::tuple<>, std::string> tuple;
  Shape shape;
  std::vector<Shape> shapes;
  Either<std::int32_t, std::string> either;
  Either<void, Shape> no_value;
  std::monostate nothing;
  Settings settings;
  Range range;
  Tree tree;
  std::optional<std::unique_ptr<Label>> held;
};

template <class T>
const Transcoder& transcoder() {
  static const Transcoder made = Transcoder::make(describe_method<T>()).value();
  return made;
}
template <class T>
std::uint32_t described() {
  return transcoder<T>().description().methods[0].result;
}

template <class T>
void is_the_same(std::uint64_t seed) {
  const T value = RandomValues(seed).make<T>();
  const std::string text = to_json(value);
  const std::vector<std::uint8_t> bytes = to_postcard(value);
  const auto made = transcoder<T>().to_postcard(described<T>(), text);
  if (!made) RC_FAIL(made.error().note);
  RC_ASSERT(*made == bytes);
  const auto written = transcoder<T>().to_json(described<T>(), bytes);
  if (!written) RC_FAIL(written.error().note);
  RC_ASSERT(*written == text);
  RC_ASSERT(*transcoder<T>().to_json(described<T>(), bytes, JsonStyle::pretty) == to_json(value, JsonStyle::pretty));
}

RC_GTEST_PROP(DynamicOfAll, bytes_and_texts_are_those_of_the_types, (std::uint64_t seed)) {
  is_the_same<Scalars>(seed);
  is_the_same<Held>(seed);
  is_the_same<Choices>(seed);
  is_the_same<std::tuple<double, float>>(seed);
  is_the_same<std::tuple<Either<Shape, Color>>>(seed);
}

// A text that may be damaged: both read the same from it, or say the same of it.
template <class T>
void reads_the_same(const std::string& text) {
  const Result<T> typed = from_json<T>(text);
  const auto dynamic = transcoder<T>().to_postcard(described<T>(), text);
  RC_ASSERT(typed.has_value() == dynamic.has_value());
  if (!typed) {
    RC_ASSERT(typed.error() == dynamic.error());
  } else {
    RC_ASSERT(*transcoder<T>().to_json(described<T>(), to_postcard(*typed)) == to_json(*typed));
  }
}

RC_GTEST_PROP(DynamicOfAll, damaged_texts_are_refused_in_the_same_words, (std::uint64_t seed)) {
  RandomValues random(seed);
  std::string text = to_json(random.make<Choices>());
  Prng prng(seed);
  constexpr std::string_view letters = "{}[]\",:0159.eE+-ntf\\u \n\xc3\xa9\xff";
  for (std::uint64_t damage = prng.below(4); damage < 4 && !text.empty(); ++damage) {
    const std::size_t at = prng.below(text.size());
    const char letter = letters[prng.below(letters.size())];
    if (prng.chance(300)) {
      text[at] = letter;
    } else if (prng.chance(500)) {
      text.insert(at, 1, letter);
    } else {
      text.erase(at, 1);
    }
  }
  reads_the_same<Choices>(text);
  reads_the_same<std::map<std::string, Shape>>(text);
}

// Where the bytes end too soon, a typed reader may have stopped at an earlier byte: it takes some structs as a whole.
std::string without_position(const Error& error) { return error.note.substr(0, error.note.find(" (at byte")); }

template <class T>
void decodes_the_same(const std::vector<std::uint8_t>& bytes) {
  const Result<T> typed = from_postcard<T>(bytes, Code::response);
  const auto dynamic = transcoder<T>().to_json(described<T>(), bytes);
  RC_ASSERT(typed.has_value() == dynamic.has_value());
  if (!typed) {
    RC_ASSERT(typed.error().code == dynamic.error().code);
    RC_ASSERT(without_position(typed.error()) == without_position(dynamic.error()));
  } else {
    RC_ASSERT(to_json(*typed) == *dynamic);
  }
}

RC_GTEST_PROP(DynamicOfAll, damaged_bytes_are_refused_in_the_same_words, (std::uint64_t seed)) {
  RandomValues random(seed);
  std::vector<std::uint8_t> bytes = to_postcard(random.make<Choices>());
  Prng prng(seed);
  for (std::uint64_t damage = prng.below(4); damage < 4 && !bytes.empty(); ++damage) {
    const std::size_t at = prng.below(bytes.size());
    if (prng.chance(500)) {
      bytes[at] = static_cast<std::uint8_t>(prng.next());
    } else if (prng.chance(500)) {
      bytes.resize(at);
    } else {
      bytes[at] = static_cast<std::uint8_t>(prng.below(4));
    }
  }
  decodes_the_same<Choices>(bytes);
  decodes_the_same<Scalars>(bytes);
}

}  // namespace
}  // namespace parley::codec
