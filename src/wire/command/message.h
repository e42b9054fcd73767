#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"

// The messages of cmd-ipc 0.3, one JSON object each, and those that only Parley knows, whose types begin with
// `parley.`: docs/WIRE.md, section 16. What a message carries for others (requests, results, payloads, schemas, _meta
// and members that nobody here knows) stays the JSON that it was.
namespace parley::wire::command {

// The only errors that a response may have; a peer cannot read a message with any other.
enum class ErrorCode : std::uint8_t { not_found, invalid_request, internal_error, timeout, channel_disconnected };
std::string_view to_string(ErrorCode code);

// What a command says of itself beside its schema. Nothing is said by default.
struct Annotations {
  std::optional<bool> is_read_only;
  std::optional<bool> is_destructive;
  std::optional<bool> is_idempotent;
  bool returns_content = false;  // a result of MCP as it stands
  friend bool operator==(const Annotations&, const Annotations&) = default;
};

struct Definition {
  std::string id;
  std::optional<std::string> description;
  std::string schema;         // an object with perhaps a `request` and a `response`; empty: none
  Annotations annotations;    // Parley's peers alone are told
  std::uint32_t hops = 0;     // so many others lie between its owner and the sender; they alone are told this, too
  std::string provider = {};  // who has it, as a hub calls him; said where it lists its commands over a session alone
  std::string rest;           // members that nobody here knows: `"x":1,"y":2`
  friend bool operator==(const Definition&, const Definition&) = default;
};
// The schemas in a definition as JSON; empty where it says none.
std::string_view request_schema(const Definition& definition);
std::string_view response_schema(const Definition& definition);
// More hops than these are said and read as one more.
inline constexpr std::uint32_t hops_max = 16;
// Of two schemas, each of which may be empty.
std::string schema_of(std::string_view request, std::string_view response);

struct RegisterRequest {
  Definition command;
};
struct RegisterResponse {
  std::string thread;  // the id of the request, as all of these
  bool is_ok = true;   // else `duplicate_command`, of which there is no other
};
struct ListRequest {};
struct ListResponse {
  std::string thread;
  std::vector<Definition> commands;
};
struct ExecuteRequest {
  std::string command;
  std::string request;  // an object; empty: none
};
struct ExecuteError {
  ErrorCode code = ErrorCode::internal_error;
  std::string message;
};
struct ExecuteResponse {
  std::string thread;
  std::optional<ExecuteError> error;
  std::string result;  // of success; empty: none
};
struct Event {
  std::string event;
  std::string payload;  // empty: none
};

// Only between peers that are Parley, as the carrier was told.

// Whoever asked waits no longer.
struct Cancel {
  std::string thread;
};
// Something between request and response.
struct Progress {
  std::string thread;
  std::string content;
};
// These are provided no more.
struct Unregister {
  std::vector<std::string> commands;
};
// Which events the sender wants from now on, instead of all, and whether it wants to know all commands and what becomes
// of them.
struct Interest {
  std::vector<std::string> patterns;
  bool wants_commands = false;
  std::vector<std::uint32_t> hops = {};  // of each pattern, as of definitions; those that are not there are 0
};

using Body = std::variant<RegisterRequest, RegisterResponse, ListRequest, ListResponse, ExecuteRequest, ExecuteResponse,
                          Event, Cancel, Progress, Unregister, Interest>;

struct Message {
  std::string id;
  Body body;
  std::string meta = {};  // the object `_meta`; empty: none
  std::string rest = {};  // members that nobody here knows
};
std::string_view type_of(const Message& message);

struct Bounds {
  std::size_t depth_max = 128;
  std::size_t id_bytes_max = 256;
  std::size_t definitions_max = 4096;  // in one message
  std::size_t patterns_max = 256;
  std::size_t meta_bytes_max = std::size_t{8} << 10;  // of a request it is kept until the answer
};

// What is wrong with a text that is no message, and whom to tell: a request whose id is known has somebody who waits.
struct Malformed {
  enum class Asks : std::uint8_t { nothing, to_register, to_execute };
  Error error;
  Asks asks = Asks::nothing;
  std::string id = {};
};

// `is_extended`: the peer may say what only Parley knows. Null members count as absent where they are optional. Values
// in the message have no blanks between their tokens, so that it can be sent on in one line.
std::variant<Message, Malformed> parse(std::string_view text, bool is_extended, const Bounds& bounds = {});

// In one line, without its end. Where the peer is foreign, annotations are left out; what only Parley knows must not be
// sent there.
std::string encode(const Message& message, bool is_extended);
// As it stands in messages to foreign peers.
std::string encode(const Definition& definition);

}  // namespace parley::wire::command
