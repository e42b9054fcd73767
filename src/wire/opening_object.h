#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace parley::wire {

// What a peer may open a stream with.
enum class Opening : std::uint8_t {
  undecided,  // more bytes are needed
  roam,       // of any version: the session answers another one
  roam_stable,
  vox,
  bus,
  tls,
  command,   // lines of command messages
  mcp,       // lines of JSON-RPC
  hostpipe,  // lines of commands and events of a host pipe
  http,
  unknown,  // none of these
};

// As it is written in counters and log lines: "roam_stable".
std::string_view to_string(Opening opening);

// Tells the JSON protocols apart by the first object: the first of the keys `type` (command), `jsonrpc` (mcp), `kind`,
// `event` and `cmd` (hostpipe) that it has itself, not in a value. A peer that sends several is what it names first.
// Keys are compared unescaped. What stands inside values is skipped by counting brackets: whoever speaks the protocol
// parses it. Takes a byte at a time and keeps a few dozen.
class OpeningObject {
 public:
  // Nothing after the answer changes it.
  void take(std::uint8_t byte);

  // undecided, command, mcp, hostpipe, or unknown: this is no object, or one without such a key.
  Opening answer() const { return answer_; }

 private:
  enum class State : std::uint8_t {
    before_object,
    before_key,
    before_colon,
    before_value,
    in_literal,
    in_nested,
    after_value,
    in_string,
    in_escape,
    in_code,  // the digits of \u, in a key
  };
  static constexpr std::size_t key_bytes_max = 7;

  void take_outside(char letter);
  void take_in_string(char letter);
  void take_in_escape(char letter);
  void take_in_code(char letter);
  void begin_value(char letter);
  void take_in_nested(char letter);
  void after_value(char letter);
  void end_string();
  void add_to_key(char letter);
  void refuse() { answer_ = Opening::unknown; }

  State state_ = State::before_object;
  bool is_key_ = false;         // the string
  std::uint8_t key_size_ = 0;   // key_bytes_max + 1: longer than any that is looked for
  std::uint8_t code_left_ = 0;  // digits
  std::uint16_t code_ = 0;
  std::uint32_t depth_ = 0;  // open brackets in a value of the object
  std::array<char, key_bytes_max> key_{};
  Opening answer_ = Opening::undecided;
};

}  // namespace parley::wire
