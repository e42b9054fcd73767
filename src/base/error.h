#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "base/assert.h"

namespace parley {

// What the caller should do about an error; one list for API, wire, metrics and command line
// (docs/guide/errors.md).
enum class Kind : std::uint8_t {
  bug = 1,      // a defect in the program that reports it
  invalid,      // the arguments are wrong; sending them again will not help
  not_found,    // no such method, service, file
  refused,      // policy or state forbids it
  overloaded,   // a bound is reached; back off and try again
  timed_out,    // the deadline passed
  cancelled,    // somebody asked for it to stop
  lost,         // never sent or provably not done; trying again is safe
  unknown,      // sent, and it may have happened; ask before trying again
  unsupported,  // this version or build cannot
  protocol,     // the peer broke the rules of the wire
};

// A code is its kind times 1000 plus a number, so that a number which this build does not know keeps its kind.
enum class Code : std::uint32_t {
  bug = 1000,
  handler_threw = 1001,  // user code threw
  wrong_thread = 1002,   // a blocking call on the loop's own thread
  invalid = 2000,
  arguments = 2001,  // the peer could not decode our arguments
  uri = 2003,
  too_large = 2004,  // a message above the limit of its link
  json = 2005,
  not_found = 3000,
  method = 3001,   // the peer serves no such method
  address = 3002,  // nothing listens there, or the name does not resolve
  refused = 4000,
  closed = 4001,  // this end has been closed
  in_use = 4002,  // the address, name or file
  permission = 4003,
  rejected = 4004,  // the peer does not accept connections of this kind
  failed = 4005,    // a command ran, and says that it could not do it
  overloaded = 5000,
  too_many_calls = 5001,  // more calls than a bound allows, ours or the peer's
  outbound_full = 5002,   // the peer does not read what we send
  too_many_descriptors = 5003,
  timed_out = 6000,
  deadline = 6001,  // the deadline of the call passed
  handshake_timeout = 6002,
  silence = 6003,  // the peer did not answer a keepalive
  cancelled = 7000,
  reset = 7001,    // the receiver of a channel stopped it
  dropped = 7002,  // the other handle of a channel was dropped without a close
  lost = 8000,
  not_sent = 8001,   // the session ended before the call was written
  link_lost = 8002,  // the bytes stopped coming
  unknown = 9000,
  sent_then_lost = 9001,  // the session ended after the call was written and before its response
  response = 9002,        // it was answered, and the answer does not decode as the type we expect
  unsupported = 10000,
  version = 10001,  // the peer speaks another version
  protocol = 11000,
  frame_too_large = 11001,
  frame_truncated = 11002,
  message = 11003,           // a message that does not decode
  unexpected = 11004,        // a message that is legal elsewhere, but not in this state
  wrong_connection = 11005,  // a session message on a connection id other than 0, or an unknown connection
  duplicate_request = 11006,
  request_parity = 11007,
  channel_id = 11008,         // a channel id of the wrong parity, in use, or listed twice
  channel_direction = 11009,  // an item to a sender, a grant to a receiver
  item_beyond_credit = 11010,
  credit_overflow = 11011,
  too_many_channels = 11013,
  metadata_limit = 11014,
  second_response = 11015,
  reported = 11016,  // the peer says that we broke the rules
};

constexpr Kind kind(Code code) {
  const auto number = static_cast<std::uint32_t>(code) / 1000;
  return number >= 1 && number <= static_cast<std::uint32_t>(Kind::protocol) ? static_cast<Kind>(number)
                                                                             : Kind::unknown;
}

// The kind's name as it is written everywhere ("timed_out"), and a sentence for the code that says what is wrong.
std::string_view to_string(Kind kind);
std::string_view sentence(Code code);

struct Error {
  Code code = Code::bug;
  std::string note;  // what exactly, for people; never needed by a program

  friend bool operator==(const Error&, const Error&) = default;
};

inline Kind kind(const Error& error) { return kind(error.code); }

// "timed_out: the deadline of the call passed (after 50 ms)": for logs and terminals.
std::string to_string(const Error& error);
// The error that to_string() wrote so; nothing for any other text.
std::optional<Error> read_error(std::string_view text);

inline std::unexpected<Error> fail(Code code, std::string note = {}) {
  return std::unexpected<Error>(Error{code, std::move(note)});
}
inline std::unexpected<Error> fail(Error error) { return std::unexpected<Error>(std::move(error)); }

// A value or an Error. std::expected is not nodiscard in libstdc++ 12 and its value() throws; this one warns and
// asserts.
template <class T>
struct [[nodiscard("look at the error, or co_await it for the value")]] Result : std::expected<T, Error> {
  using Base = std::expected<T, Error>;
  using Base::Base;

  template <class Self>
  auto&& value(this Self&& self) {
    PARLEY_ASSERT(self.has_value(), self.Base::error().note);
    return *std::forward<Self>(self);
  }
};

template <>
struct [[nodiscard("look at the error, or co_await it")]] Result<void> : std::expected<void, Error> {
  using Base = std::expected<void, Error>;
  using Base::Base;

  void value() const { PARLEY_ASSERT(has_value(), Base::error().note); }
};

template <class T>
inline constexpr bool is_result = false;
template <class T>
inline constexpr bool is_result<Result<T>> = true;

}  // namespace parley

#define PARLEY_CONCAT_INNER(a, b) a##b
#define PARLEY_CONCAT(a, b) PARLEY_CONCAT_INNER(a, b)
#define PARLEY_TRY_PICK(a, b, name, ...) name
#define PARLEY_TRY_DO(result, expression)                 \
  do {                                                    \
    if (auto result = (expression); !result) [[unlikely]] \
      return ::parley::fail(std::move(result).error());   \
  } while (false)
#define PARLEY_TRY_TAKE(result, declaration, expression) \
  auto result = (expression);                            \
  if (!result) [[unlikely]]                              \
    return ::parley::fail(std::move(result).error());    \
  declaration = *std::move(result)
#define PARLEY_TRY_1(expression) PARLEY_TRY_DO(PARLEY_CONCAT(parley_try_, __COUNTER__), expression)
#define PARLEY_TRY_2(declaration, expression) \
  PARLEY_TRY_TAKE(PARLEY_CONCAT(parley_try_, __COUNTER__), declaration, expression)
// PARLEY_TRY(f());  or  PARLEY_TRY(auto x, f());  returns the error of f() from this function, or goes on with its
// value. In a task `auto x = co_await f();` does it.
#define PARLEY_TRY(...) PARLEY_TRY_PICK(__VA_ARGS__, PARLEY_TRY_2, PARLEY_TRY_1)(__VA_ARGS__)
