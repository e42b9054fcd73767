#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

// The messages of JSON-RPC 2.0, as MCP uses them: one object each, parameters by name, no batches.
namespace parley::wire::mcp {

// The codes of its errors, and those of ours in the range that it leaves to servers.
inline constexpr std::int64_t parse_error = -32700;
inline constexpr std::int64_t invalid_request = -32600;
inline constexpr std::int64_t method_not_found = -32601;
inline constexpr std::int64_t invalid_params = -32602;
inline constexpr std::int64_t internal_error = -32603;
inline constexpr std::int64_t overloaded = -32000;

struct MessageBounds {
  std::size_t bytes_max = std::size_t{4} << 20;
  std::size_t depth_max = 64;
};
// Of an id, as it is written.
inline constexpr std::size_t id_bytes_max = 256;
inline constexpr std::size_t method_bytes_max = 256;

// What one message says. Values of JSON are views into its text, unread.
struct Message {
  enum class Kind : std::uint8_t { request, notification, response, error };
  Kind kind = Kind::notification;
  // A string or a number. A string is written anew, so that equal ids are equal texts. Empty: a notification, or an
  // error about a message whose id could not be read.
  std::string id;
  std::string method;
  std::string_view params;  // an object, or empty
  std::string_view result;  // any value
  std::int64_t code = 0;    // of an error
  std::string text;
  std::string_view data;  // any value, or empty
};

// What is wrong with a message, in the form of the answer to it.
struct Refusal {
  std::string id;  // empty: it could not be read
  std::int64_t code = invalid_request;
  std::string text;
};

// The id that a checked value of JSON is, as Message has it; empty: it is none.
std::string read_id(std::string_view value);

std::expected<Message, Refusal> parse_message(std::string_view text, const MessageBounds& bounds = {});

// Each is one line. Ids, params, results and data are JSON without newlines; params may be empty.
std::string encode_request(std::string_view id, std::string_view method, std::string_view params);
std::string encode_notification(std::string_view method, std::string_view params);
std::string encode_response(std::string_view id, std::string_view result);
// An empty id is written as null, empty data not at all.
std::string encode_error(std::string_view id, std::int64_t code, std::string_view text, std::string_view data = {});

}  // namespace parley::wire::mcp
