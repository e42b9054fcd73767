#include "core/session/session.h"

#include <fmt/format.h>

#include "codec/utf8.h"
#include "wire/frame.h"
#include "wire/roam/names.h"

namespace parley::core {

namespace names = wire::roam::names;

using wire::roam::Decoder;
using wire::roam::Hello;
using wire::roam::HelloYourself;
using wire::roam::Kind;
using wire::roam::MetadataView;
using wire::roam::Payload;
using wire::roam::Ping;
using wire::roam::Pong;
using wire::roam::protocol_version;
using wire::roam::ProtocolError;

namespace {

std::string_view name_of(Kind kind) {
  switch (kind) {
    case Kind::hello: return "a hello";
    case Kind::hello_yourself: return "an answer to a hello";
    case Kind::protocol_error: return "a report of a breach";
    case Kind::connection_open: return "an open of a connection";
    case Kind::connection_accept: return "an accept of a connection";
    case Kind::connection_reject: return "a reject of a connection";
    case Kind::connection_close: return "a close of a connection";
    case Kind::request: return "a request";
    case Kind::channel: return "a channel message";
    case Kind::ping: return "a ping";
    case Kind::pong: return "a pong";
  }
  return "a message";
}

// Null where the session ends for something else, such as silence.
std::uint64_t* breach_counter(Counters& counters, Code code) {
  switch (code) {
    case Code::frame_too_large: return &counters.breaches_frame_too_large;
    case Code::message: return &counters.breaches_message;
    case Code::unexpected: return &counters.breaches_unexpected;
    case Code::wrong_connection: return &counters.breaches_wrong_connection;
    case Code::version: return &counters.breaches_version;
    case Code::duplicate_request: return &counters.breaches_duplicate_request;
    case Code::request_parity: return &counters.breaches_request_parity;
    case Code::second_response: return &counters.breaches_second_response;
    case Code::channel_id: return &counters.breaches_channel_id;
    case Code::channel_direction: return &counters.breaches_channel_direction;
    case Code::item_beyond_credit: return &counters.breaches_item_beyond_credit;
    case Code::credit_overflow: return &counters.breaches_credit_overflow;
    case Code::too_many_channels: return &counters.breaches_too_many_channels;
    case Code::metadata_limit: return &counters.breaches_metadata_limit;
    default: return nullptr;
  }
}

// Why the peer ends the session. What it does not allow is that; whatever else it says is about what we did wrong.
Error told_error(std::string_view description) {
  static constexpr std::size_t description_bytes_max = 1024;
  std::string text = codec::to_line(description, description_bytes_max);
  std::optional<Error> told = read_error(text);
  const bool is_refusal = told && (parley::kind(*told) == parley::Kind::refused || told->code == Code::overloaded ||
                                   told->code == Code::invalid);
  return is_refusal ? *std::move(told) : Error{Code::reported, std::move(text)};
}

}  // namespace

Session::Session(Counters& counters, Options options)
    : counters_(counters), options_(std::move(options)), parity_(options_.parity) {}

void Session::put_hello(OutBuffer& out, bool is_answer) {
  std::uint8_t* cursor = wire::begin_frame(out, wire::roam::head_bytes_max);
  cursor = put_head(cursor, 0, is_answer ? Kind::hello_yourself : Kind::hello);
  if (!is_answer) cursor = codec::put_varint(cursor, protocol_version);
  *cursor++ = static_cast<std::uint8_t>(parity_);
  cursor = codec::put_varint(cursor, options_.requests_max);
  // An acceptor shows that it is Parley only to those who did.
  const bool shows_itself = !options_.is_foreign && !(is_answer && is_peer_foreign_);
  Metadata metadata = options_.metadata;
  if (shows_itself) metadata.add(std::string(names::peer), our_features());
  cursor = wire::roam::put_metadata(out, cursor, metadata);
  wire::end_frame(out, cursor);
}

void Session::begin_again() {
  PARLEY_ASSERT(phase_ == Phase::ended);
  phase_ = Phase::opening;
  parity_ = options_.parity;
  peer_requests_max_ = 0;
  is_peer_foreign_ = true;  // while is_peer_hub_ is what it was: clients are made in between
  peer_metadata_ = {};
  error_ = {};
}

void Session::begin(OutBuffer& out) {
  if (options_.role == Role::initiator) put_hello(out, false);
}

void Session::learn_peer(const MetadataView& metadata) {
  std::uint64_t bits = 0;
  is_peer_foreign_ = options_.is_foreign || !metadata.find_number(names::peer, bits);
  is_peer_hub_ = !is_peer_foreign_ && (bits & hub_feature) != 0;
  if (!metadata.empty()) peer_metadata_ = metadata.to_metadata();
}

Session::Step Session::on_message(std::uint64_t connection, Kind kind, Decoder& decoder, OutBuffer& control) {
  PARLEY_ASSERT(phase_ != Phase::ended);
  Payload payload;
  if (!decoder.payload(kind, payload)) {
    return protocol_error({decoder.fault(), std::string(decoder.what())}, control);
  }
  const bool is_about_session = kind == Kind::hello || kind == Kind::hello_yourself || kind == Kind::protocol_error ||
                                kind == Kind::ping || kind == Kind::pong;
  if (is_about_session && connection != 0) {
    return protocol_error(
        {Code::wrong_connection, fmt::format("{} on connection {} instead of 0", name_of(kind), connection)}, control);
  }
  if (const auto* report = std::get_if<ProtocolError>(&payload)) {
    ++counters_.protocol_errors_received;
    phase_ = Phase::ended;
    error_ = told_error(report->description);
    return Step::failed;
  }
  if (phase_ == Phase::established) return on_established(payload, control);
  if (const auto* hello = std::get_if<Hello>(&payload); hello && options_.role == Role::acceptor) {
    return on_hello(*hello, control);
  }
  if (const auto* hello = std::get_if<HelloYourself>(&payload); hello && options_.role == Role::initiator) {
    return on_hello_yourself(*hello, control);
  }
  return protocol_error(
      {Code::unexpected, fmt::format("{} instead of {}", name_of(kind),
                                     name_of(options_.role == Role::acceptor ? Kind::hello : Kind::hello_yourself))},
      control);
}

Session::Step Session::on_hello(const Hello& hello, OutBuffer& control) {
  if (hello.version != protocol_version) {
    return protocol_error(
        {Code::version, fmt::format("the hello says version {}, this end speaks {}", hello.version, protocol_version)},
        control);
  }
  learn_peer(hello.metadata);
  parity_ = opposite(hello.settings.parity);
  peer_requests_max_ = hello.settings.max_concurrent_requests;
  put_hello(control, true);
  phase_ = Phase::established;
  return Step::established;
}

Session::Step Session::on_hello_yourself(const HelloYourself& hello, OutBuffer& control) {
  learn_peer(hello.metadata);
  // Some foreign peers say the same parity whatever they were told, and keep to the right one all the same.
  const bool may_be_wrong = is_peer_foreign_ && options_.accepts_same_parity;
  if (!may_be_wrong && hello.settings.parity == parity_) {
    return protocol_error({Code::request_parity, "the answer to the hello claims the parity of its sender"}, control);
  }
  peer_requests_max_ = hello.settings.max_concurrent_requests;
  phase_ = Phase::established;
  return Step::established;
}

Session::Step Session::on_established(const Payload& payload, OutBuffer& control) {
  if (const auto* ping = std::get_if<Ping>(&payload)) {
    ++counters_.pings_answered;
    wire::roam::put_message(control, {0, Pong{ping->nonce}});
    return Step::nothing;
  }
  if (std::holds_alternative<Pong>(payload)) return Step::nothing;
  return protocol_error({Code::unexpected, "a second hello"}, control);
}

Session::Step Session::protocol_error(Error error, OutBuffer& control) {
  break_off(error, control);
  return Step::failed;
}

void Session::count_breach(Code code) {
  if (std::uint64_t* counter = breach_counter(counters_, code)) ++*counter;
}

void Session::break_off(const Error& error, OutBuffer& control) {
  PARLEY_ASSERT(phase_ != Phase::ended);
  phase_ = Phase::ended;
  error_ = error;
  ++counters_.protocol_errors_sent;
  count_breach(error.code);
  const std::string description = to_string(error);
  wire::roam::put_message(control, {0, ProtocolError{description}});
}

}  // namespace parley::core
