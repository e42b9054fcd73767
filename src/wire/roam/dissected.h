#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "wire/records/recording.h"

namespace parley::wire::roam {

// The explanation of one record, for people and programs. No secret is in it.
struct Dissected {
  struct Entry {
    enum class Type : std::uint8_t { text, bytes, number, secret };
    std::string key;
    Type type = Type::secret;
    std::string text;  // or the bytes
    std::uint64_t number = 0;
  };
  struct Number {
    std::string_view name;
    std::uint64_t value = 0;
  };

  std::uint64_t session = 0;  // 0: none yet
  std::uint64_t stream = 0;
  std::uint64_t at_us = 0;
  records::From from = records::From::client;
  std::string_view kind;  // "call", "response", "item", ...
  std::optional<std::uint64_t> connection;
  std::optional<std::uint64_t> call;     // its id
  std::optional<std::uint64_t> channel;  // its id
  std::string method;        // that it belongs to: "Calculator.add"; "0x9ab5e2f1..." where it is not described
  std::string path;          // of a channel, in the arguments: "$.numbers"
  std::string_view outcome;  // of a response: "result", "error", "unknown method", ...
  std::vector<std::uint64_t> channels;  // that a call lists
  std::optional<std::string> json;      // arguments, result, own error, item
  std::optional<ByteView> bytes;        // of what is not described, or cannot be read; of the record
  std::vector<Entry> metadata;
  std::vector<Number> numbers;  // what else it says: credit, nonce, number, acknowledged, ...
  std::string note;             // what it means
  std::string fault;            // what is wrong with it
};

// One line: time, session, direction, connection, kind, and what it says. Long values and bytes lose their end.
std::string to_line(const Dissected& dissected);
// One object of JSON, with everything.
std::string to_json(const Dissected& dissected);

}  // namespace parley::wire::roam
