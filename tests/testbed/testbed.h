#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "codec/fields_macro.h"

// The types of the Testbed service, with which peers in other languages are tested. Names on the wire are those of the
// Rust trait; method ids depend on them.
namespace testbed {

struct Point {
  std::int32_t x = 0;
  std::int32_t y = 0;
  bool operator==(const Point&) const = default;
};

struct Person {
  std::string name;
  std::uint8_t age = 0;
  std::optional<std::string> email;
  bool operator==(const Person&) const = default;
};

struct Rectangle {
  Point top_left;
  Point bottom_right;
  std::optional<std::string> label;
  bool operator==(const Rectangle&) const = default;
};

enum class Color : std::uint8_t { red, green, blue };
PARLEY_FIELDS(Color, (red, name_("Red")), (green, name_("Green")), (blue, name_("Blue")));

enum class MathError : std::uint8_t { division_by_zero, overflow };
PARLEY_FIELDS(MathError, (division_by_zero, name_("DivisionByZero")), (overflow, name_("Overflow")));

enum class LookupError : std::uint8_t { not_found, access_denied };
PARLEY_FIELDS(LookupError, (not_found, name_("NotFound")), (access_denied, name_("AccessDenied")));

// Names of alternatives are names of variants, so those of a Shape have a namespace of their own.
namespace shapes {

struct Circle {
  double radius = 0;
  bool operator==(const Circle&) const = default;
};
struct Rectangle {
  double width = 0;
  double height = 0;
  bool operator==(const Rectangle&) const = default;
};
struct Point {
  bool operator==(const Point&) const = default;
};

}  // namespace shapes
using Shape = std::variant<shapes::Circle, shapes::Rectangle, shapes::Point>;

struct Canvas {
  std::string name;
  std::vector<Shape> shapes;
  Color background = Color::red;
  bool operator==(const Canvas&) const = default;
};

namespace messages {

struct Text {
  std::string _0;
  bool operator==(const Text&) const = default;
};
struct Number {
  std::int64_t _0 = 0;
  bool operator==(const Number&) const = default;
};
struct Data {
  std::vector<std::uint8_t> _0;
  bool operator==(const Data&) const = default;
};

}  // namespace messages
using Message = std::variant<messages::Text, messages::Number, messages::Data>;

}  // namespace testbed
