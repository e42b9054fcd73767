#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace parley::codec {

// Is told of a JSON text token by token; what is told has been checked against the grammar. Texts passed live as long
// as the call. False ends the parse.
class JsonEvents {
 public:
  virtual bool on_null() = 0;
  virtual bool on_bool(bool value) = 0;
  virtual bool on_number(std::string_view number) = 0;  // as it is written
  virtual bool on_string(std::string_view text) = 0;    // UTF-8, unescaped
  virtual bool on_array_begin() = 0;
  virtual bool on_array_end() = 0;
  virtual bool on_object_begin() = 0;
  virtual bool on_key(std::string_view key) = 0;  // UTF-8, unescaped
  virtual bool on_object_end() = 0;

 protected:
  ~JsonEvents() = default;
};

struct JsonParse {
  enum class End : std::uint8_t {
    finished,
    stopped,  // by the events
    cut_off,
    left_over,  // something stands behind the value
    unexpected,
    escape,    // no escape of a string, or half a surrogate pair
    exponent,  // too large for any number
    depth,
  };
  End end = End::finished;
  std::size_t at = 0;  // where: the first byte of the token that stopped it, the byte that is wrong
};

// One value with nothing behind it. Arrays and objects may be nested depth_max deep.
JsonParse parse_json(std::string_view text, JsonEvents& events, std::size_t depth_max);

// "line 2, column 17", from 1; columns are characters.
struct JsonPosition {
  std::size_t line = 1;
  std::size_t column = 1;
};
JsonPosition position_in(std::string_view text, std::size_t at);

}  // namespace parley::codec
