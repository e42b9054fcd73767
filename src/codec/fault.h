#pragma once

#include <cstdint>
#include <string_view>

namespace parley::codec {

// What is wrong with bytes that do not decode, or with a value that cannot be encoded.
enum class Fault : std::uint8_t {
  none,
  // bytes
  cut_off,
  varint,
  out_of_range,
  bool_value,
  utf8,
  char_value,
  count,
  variant,
  duplicate,
  left_over,
  memory,
  // both
  depth,
  // values
  enumerator,
  null_pointer,
};

constexpr std::string_view to_string(Fault fault) {
  switch (fault) {
    case Fault::none: return "nothing is wrong";
    case Fault::cut_off: return "the bytes end in the middle of a value";
    case Fault::varint: return "a number is longer than its largest form";
    case Fault::out_of_range: return "a number does not fit its type";
    case Fault::bool_value: return "a bool or the mark of an optional is neither 0 nor 1";
    case Fault::utf8: return "a text is not UTF-8";
    case Fault::char_value: return "a char is not exactly one Unicode scalar";
    case Fault::count: return "a count promises more elements than the remaining bytes can hold";
    case Fault::variant: return "the type has no variant of this number";
    case Fault::duplicate: return "a key is twice in a map or set";
    case Fault::left_over: return "bytes are left over behind the value";
    case Fault::memory: return "the value would take more memory than is allowed";
    case Fault::depth: return "the value is nested too deeply";
    case Fault::enumerator: return "an enum holds a value that is none of its enumerators";
    case Fault::null_pointer: return "a pointer that should hold a value is null";
  }
  return "unknown fault";
}

}  // namespace parley::codec
