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

struct GnarlyAttr {
  std::string key;
  std::string value;
  bool operator==(const GnarlyAttr&) const = default;
};

namespace gnarly_kinds {

struct File {
  std::string mime;
  std::vector<std::string> tags;
  bool operator==(const File&) const = default;
};
struct Directory {
  std::uint32_t child_count = 0;
  std::vector<std::string> children;
  bool operator==(const Directory&) const = default;
};
struct Symlink {
  std::string target;
  std::vector<std::uint32_t> hops;
  bool operator==(const Symlink&) const = default;
};

}  // namespace gnarly_kinds
using GnarlyKind = std::variant<gnarly_kinds::File, gnarly_kinds::Directory, gnarly_kinds::Symlink>;

struct GnarlyEntry {
  std::uint64_t id = 0;
  std::optional<std::uint64_t> parent;
  std::string name;
  std::string path;
  std::vector<GnarlyAttr> attrs;
  std::vector<std::vector<std::uint8_t>> chunks;
  GnarlyKind kind;
  bool operator==(const GnarlyEntry&) const = default;
};

struct GnarlyPayload {
  std::uint64_t revision = 0;
  std::string mount;
  std::vector<GnarlyEntry> entries;
  std::optional<std::string> footer;
  std::vector<std::uint8_t> digest;
  bool operator==(const GnarlyPayload&) const = default;
};

struct TaggedPoint {
  std::string label;
  std::int32_t x = 0;
  std::int32_t y = 0;
  bool active = false;
  bool operator==(const TaggedPoint&) const = default;
};

enum class Status : std::uint8_t { active, inactive };
PARLEY_FIELDS(Status, (active, name_("Active")), (inactive, name_("Inactive")));

struct Tag {
  std::string label;
  std::uint32_t priority = 0;
  std::string note;
  bool operator==(const Tag&) const = default;
};

struct Profile {
  std::string name;
  std::string bio;
  bool operator==(const Profile&) const = default;
};

struct Record {
  std::int32_t alpha = 0;
  std::string beta;
  double gamma = 0;
  bool operator==(const Record&) const = default;
};

struct Measurement {
  std::string unit;
  double value = 0;
  bool operator==(const Measurement&) const = default;
};

struct Config {
  std::string key;
  std::string value;
  bool operator==(const Config&) const = default;
};

}  // namespace testbed
