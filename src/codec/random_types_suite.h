#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/instant.h"
#include "codec/either.h"
#include "codec/fields_macro.h"

// Types of every kind, for tests that say something about all values.
namespace parley::codec::random_types {

struct Circle {
  double radius = 0;
  bool operator==(const Circle&) const = default;
};
struct Label {
  std::string _0;
  bool operator==(const Label&) const = default;
};
struct Range {
  float _0 = 0;
  std::optional<std::int8_t> _1;
  bool operator==(const Range&) const = default;
};
struct Nothing {
  bool operator==(const Nothing&) const = default;
};
using Shape = std::variant<Circle, Label, Range, Nothing>;
enum class Color : std::uint8_t { red, green, blue };
enum class Sparse { z = 9, a = 2, below = -5 };
PARLEY_FIELDS(Sparse, (z, name_("\"z\" as in zebra")), a, below);
struct Tree {
  std::int16_t value = 0;
  std::vector<Tree> children;
  bool operator==(const Tree&) const = default;
};
struct Settings {
  std::optional<std::int32_t> limit;
  std::optional<std::int32_t> other;
  std::uint8_t count = 0;
  bool operator==(const Settings&) const = default;
};
PARLEY_FIELDS(Settings, (limit, default_(5)), (count, default_(3)));

struct Scalars {
  bool flag = false;
  std::uint8_t u8 = 0;
  std::uint16_t u16 = 0;
  std::uint32_t u32 = 0;
  std::uint64_t u64 = 0;
  unsigned __int128 u128 = 0;
  std::int8_t i8 = 0;
  std::int16_t i16 = 0;
  std::int32_t i32 = 0;
  std::int64_t i64 = 0;
  __int128 i128 = 0;
  float f32 = 0;
  double f64 = 0;
  char32_t scalar = 0;
  Duration duration{};
  std::string text;
  std::vector<std::uint8_t> bytes;
  Bytes shared;
  Color color = Color::red;
  Sparse sparse = Sparse::z;
  bool operator==(const Scalars&) const = default;
};
struct Containers {
  std::vector<std::string> texts;
  std::vector<bool> flags;
  std::vector<std::vector<double>> nested;
  std::deque<std::uint32_t> deque;
  std::set<std::string> set;
  std::map<std::string, Circle> by_text;
  std::map<std::int64_t, Label> by_number;
  std::map<Color, std::vector<Nothing>> by_color;
  std::map<char32_t, Settings> by_character;
  std::map<std::pair<bool, std::string>, std::map<Duration, bool>> by_pair;
  std::array<std::string, 2> array;
  std::array<std::array<float, 2>, 2> matrix{};
  bool operator==(const Containers&) const = default;
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
  bool operator==(const Choices&) const = default;
};

}  // namespace parley::codec::random_types
