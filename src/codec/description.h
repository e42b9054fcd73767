#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "codec/fields_macro.h"

// What a service says of itself: its methods, and the types of what they take and give. Plain structs, which travel as
// any other; docs/WIRE.md says what they mean to another implementation. parley::describe<S>() makes one, a Transcoder
// (codec/dynamic.h) works by one.
namespace parley::codec {

// What a type is, and which parts it has.
enum class DescribedKind : std::uint8_t {
  unit,
  boolean,
  u8,
  u16,
  u32,
  u64,
  u128,
  i8,
  i16,
  i32,
  i64,
  i128,
  f32,
  f64,
  character,
  text,
  bytes,
  duration,     // nanoseconds
  option,       // part: what may be there
  list,         // part: the element
  set,          // part: the element
  map,          // parts: key, value
  array,        // part: the element; count: how many
  tuple,        // parts: the elements
  boxed,        // part: what is held; no bytes and no form of its own, but a level of nesting
  newtype,      // part: the one field of a struct without names; no form of its own
  structure,    // parts: the fields
  enumeration,  // parts: the enumerators, without types
  variant,      // parts: the alternatives; one without fields has no type
  either,       // parts: value, own error
  tx,           // part: the item; count: the initial credit. Whoever is called sends
  rx,           // the same. Whoever is called receives
};
PARLEY_FIELDS(DescribedKind, unit, (boolean, name_("bool")), u8, u16, u32, u64, u128, i8, i16, i32, i64, i128, f32, f64,
              (character, name_("char")), text, bytes, duration, option, list, set, map, array, tuple, boxed, newtype,
              (structure, name_("struct")), (enumeration, name_("enum")), variant, either, tx, rx);

// A field, an alternative, an enumerator; an element, which has no name.
struct PartDescription {
  std::string name;
  std::optional<std::uint32_t> type;        // its place in ServiceDescription::types
  std::optional<std::string> default_json;  // of a field that may be left out in JSON: its value then, in full
  std::string description;

  bool operator==(const PartDescription&) const = default;
};
PARLEY_FIELDS(PartDescription, (default_json, name_("default")));

struct TypeDescription {
  DescribedKind kind = DescribedKind::unit;
  std::string name;  // of a struct or an enum, else nothing
  std::string description;
  std::vector<PartDescription> parts;
  std::uint32_t count = 0;

  bool operator==(const TypeDescription&) const = default;
};

struct ArgumentDescription {
  std::string name;  // nothing where the service does not say it
  std::uint32_t type = 0;

  bool operator==(const ArgumentDescription&) const = default;
};

struct MethodDescription {
  std::string name;
  std::uint64_t id = 0;  // by which it is called
  std::string description;
  bool is_idempotent = false;
  std::vector<ArgumentDescription> arguments;
  std::uint32_t result = 0;
  std::optional<std::uint32_t> own_error;

  bool operator==(const MethodDescription&) const = default;
};

// Types are numbered by their place in the list, so that they may contain each other.
struct ServiceDescription {
  std::string name;  // of the class, which is part of the method ids
  std::vector<MethodDescription> methods;
  std::vector<TypeDescription> types;

  bool operator==(const ServiceDescription&) const = default;
};

// The bounds of a description that comes from a peer; ours are far below.
struct DescriptionLimits {
  static constexpr std::size_t types_max = 4096;
  static constexpr std::size_t methods_max = 1024;
  static constexpr std::size_t arguments_max = 64;
  static constexpr std::size_t fields_max = 64;
  static constexpr std::size_t parts_max = 4096;   // of any other type
  static constexpr std::size_t channels_max = 64;  // in the arguments of a method
  static constexpr std::size_t name_bytes_max = 1024;
  static constexpr std::size_t text_bytes_max = 65536;  // descriptions and defaults
  static constexpr std::uint32_t array_max = 1u << 24;
  // Types inside of each other with no list, set, map or box between them; of those, Limits::depth_max are allowed.
  static constexpr std::size_t direct_depth_max = 32;
};

// Whether a description can be used, wherever it comes from: numbers of types and counts are in bounds, parts are what
// their kind wants, names are there once, no type contains itself endlessly, channels are where they may be. Defaults
// are looked at by the Transcoder. The error (`response`) says which type or method is wrong, and why.
Result<void> check(const ServiceDescription& description);

// Whether a channel is inside of a type. Of a description that is good.
bool has_channel(const ServiceDescription& description, std::uint32_t type);

// In the words of C++ and Rust alike: "list of i32", "struct Point". Of a description that is good.
std::string type_words(const ServiceDescription& description, std::uint32_t type);

// Whether objects may stand for the arguments in JSON: all have names.
bool has_named_arguments(const MethodDescription& method);

// A method as one end knows it.
struct DescribedMethodOf {
  const ServiceDescription& service;
  const MethodDescription& method;
};
// What is different in what a method takes and gives, in a sentence: "argument 2 (b) is i32 there and i64 here". The
// first difference, or nothing where there is none. Names of types and arguments, descriptions and defaults do not
// count: who has others still understands. Both descriptions are good.
std::string difference(const DescribedMethodOf& here, const DescribedMethodOf& there);
// The same of the first method of a service that whoever knows it as `here` could not call `there`: it is missing, or
// takes or gives something else. Methods that are only there do not count. Both descriptions are good.
std::string difference(const ServiceDescription& here, const ServiceDescription& there);

}  // namespace parley::codec
