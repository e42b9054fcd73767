#include "core/directory/command_errors.h"

#include <fmt/format.h>

#include <charconv>

#include "wire/command/meta.h"

namespace parley::core {

using wire::command::ErrorCode;
using wire::command::ExecuteError;

static Code code_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::not_found: return Code::not_found;
    case ErrorCode::invalid_request: return Code::arguments;
    case ErrorCode::internal_error: return Code::failed;
    case ErrorCode::timeout: return Code::deadline;
    case ErrorCode::channel_disconnected: return Code::sent_then_lost;
  }
  return Code::failed;
}

static ErrorCode code_of(const Error& error) {
  if (error.code == Code::link_lost || error.code == Code::not_sent || error.code == Code::sent_then_lost) {
    return ErrorCode::channel_disconnected;
  }
  switch (kind(error)) {
    case Kind::not_found: return ErrorCode::not_found;
    case Kind::invalid: return ErrorCode::invalid_request;
    case Kind::timed_out: return ErrorCode::timeout;
    default: return ErrorCode::internal_error;
  }
}

ExecuteError to_wire(const Error& error) {
  const ErrorCode code = code_of(error);
  if (error.code == code_of(code) && !error.note.empty()) return {code, error.note};
  return {code, to_string(error)};
}

Error from_wire(const ExecuteError& error, std::string_view meta) {
  const std::string said = wire::command::meta_member(meta, wire::command::error_key);
  std::uint32_t number = 0;
  const auto [end, fault] = std::from_chars(said.data(), said.data() + said.size(), number);
  const bool is_said = !said.empty() && fault == std::errc() && end == said.data() + said.size();
  const Code code = is_said ? static_cast<Code>(number) : code_of(error.code);
  // The text may say the code again, as of all errors that are written whole.
  const auto whole = read_error(error.message);
  return {code, whole && (is_said || whole->code == code) ? whole->note : error.message};
}

std::string meta_of(const Error& error, std::string_view meta) {
  return wire::command::with_meta_member(meta, wire::command::error_key,
                                         fmt::format("{}", static_cast<std::uint32_t>(error.code)));
}

}  // namespace parley::core
