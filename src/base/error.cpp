#include "base/error.h"

namespace parley {

std::string_view to_string(Kind kind) {
  switch (kind) {
    case Kind::bug: return "bug";
    case Kind::invalid: return "invalid";
    case Kind::not_found: return "not_found";
    case Kind::refused: return "refused";
    case Kind::overloaded: return "overloaded";
    case Kind::timed_out: return "timed_out";
    case Kind::cancelled: return "cancelled";
    case Kind::lost: return "lost";
    case Kind::unknown: return "unknown";
    case Kind::unsupported: return "unsupported";
    case Kind::protocol: return "protocol";
  }
  return "unknown";
}

namespace {

std::string_view sentence_of_kind(Kind kind) {
  switch (kind) {
    case Kind::bug: return "the program that reports this has a defect";
    case Kind::invalid: return "the arguments are wrong";
    case Kind::not_found: return "there is no such thing";
    case Kind::refused: return "it is not allowed in this state";
    case Kind::overloaded: return "a bound is reached; try again later";
    case Kind::timed_out: return "the deadline passed";
    case Kind::cancelled: return "it was cancelled";
    case Kind::lost: return "it was lost before anything happened; trying again is safe";
    case Kind::unknown: return "it was sent and may have happened";
    case Kind::unsupported: return "this version cannot do it";
    case Kind::protocol: return "the peer broke the rules of the wire";
  }
  return "it was sent and may have happened";
}

}  // namespace

std::string_view sentence(Code code) {
  switch (code) {
    case Code::handler_threw: return "the handler threw an exception";
    case Code::wrong_thread: return "a blocking call on the loop's own thread would wait for itself";
    case Code::arguments: return "the peer could not decode the arguments";
    case Code::uri: return "this address cannot be used";
    case Code::too_large: return "the message is larger than its limit";
    case Code::json: return "the JSON text does not fit the type";
    case Code::method: return "the peer serves no such method with this signature";
    case Code::address: return "nothing is at this address";
    case Code::closed: return "this end has been closed";
    case Code::in_use: return "it is taken";
    case Code::permission: return "the permissions do not allow it";
    case Code::rejected: return "the peer does not accept this connection";
    case Code::failed: return "the command failed";
    case Code::too_many_calls: return "too many calls at once";
    case Code::outbound_full: return "the peer does not read what is sent";
    case Code::too_many_descriptors: return "too many descriptors";
    case Code::deadline: return "the deadline of the call passed";
    case Code::handshake_timeout: return "the peer did not finish the handshake in time";
    case Code::silence: return "the peer did not answer a keepalive in time";
    case Code::reset: return "the receiver stopped the channel";
    case Code::dropped: return "the other end of the channel was dropped without a close";
    case Code::not_sent: return "the session ended before the call was sent; trying again is safe";
    case Code::link_lost: return "the link to the peer broke";
    case Code::sent_then_lost: return "the session ended after the call was sent; it may have been done";
    case Code::response: return "it was answered, and the answer does not decode as the expected type";
    case Code::version: return "the peer speaks another version";
    case Code::frame_too_large: return "a frame is larger than the limit";
    case Code::frame_truncated: return "the link ended inside a frame";
    case Code::message: return "a message does not decode";
    case Code::unexpected: return "a message came that this state does not allow";
    case Code::wrong_connection: return "a message came on a connection that it does not belong to";
    case Code::duplicate_request: return "a request id is already in use";
    case Code::request_parity: return "a request id has the wrong parity";
    case Code::channel_id: return "a channel id is unknown, in use, listed twice or of the wrong parity";
    case Code::channel_direction: return "a channel message came from the wrong end";
    case Code::item_beyond_credit: return "an item came beyond the credit";
    case Code::credit_overflow: return "a grant lifts the credit above its limit";
    case Code::too_many_channels: return "a call brings too many channels";
    case Code::metadata_limit: return "the metadata is above its limit";
    case Code::second_response: return "a response came that no call waits for";
    case Code::reported: return "the peer reports that the rules of the wire were broken";
    default: return sentence_of_kind(kind(code));
  }
}

std::string to_string(const Error& error) {
  std::string text(to_string(kind(error)));
  text += ": ";
  text += sentence(error.code);
  if (!error.note.empty()) {
    text += " (";
    text += error.note;
    text += ")";
  }
  return text;
}

std::optional<Error> read_error(std::string_view text) {
  static constexpr std::uint32_t codes_per_kind = 1000;
  static constexpr std::uint32_t codes_looked_at = 32;
  for (auto kind = std::uint32_t{1}; kind <= static_cast<std::uint32_t>(Kind::protocol); ++kind) {
    for (std::uint32_t number = 0; number < codes_looked_at; ++number) {
      Error error{static_cast<Code>(kind * codes_per_kind + number), {}};
      const std::string without_note = to_string(error);
      if (!text.starts_with(without_note)) continue;
      if (text.size() == without_note.size()) return error;
      std::string_view note = text.substr(without_note.size());
      if (!note.starts_with(" (") || !note.ends_with(")")) continue;
      error.note = note.substr(2, note.size() - 3);
      return error;
    }
  }
  return std::nullopt;
}

}  // namespace parley
