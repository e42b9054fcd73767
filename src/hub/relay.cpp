#include "hub/relay.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace parley::hub {

using runtime::RoamError;
using wire::roam::ChannelKind;
using wire::roam::Decoder;
using wire::roam::MetadataView;
using wire::roam::RequestKind;
using wire::roam::Settings;
using MessageKind = wire::roam::Kind;
using Over = runtime::ConnectionUser::Over;

namespace {

// A session that many connections share holds so many times the quota of one, and from then on as much of each as a
// part of that.
constexpr std::size_t session_quotas_max = 16;
constexpr std::size_t cut_channels_max = 4096;
// Of an answer to an open: a client's control messages are few.
constexpr std::size_t accept_bytes_max = 1024;

}  // namespace

Relay::Relay(RelayEvents& events, Parties parties)
    : events_(events),
      name_(std::move(parties.name)),
      latency_us_(parties.latency_us),
      tracing_(std::move(parties.tracing)),
      client_(*this, parties.client),
      provider_(*this, parties.provider) {}

// --- the opening

void Relay::start(const runtime::ConnectionOpening& opening) {
  client_.session.take(client_, opening.id);
  client_parity_ = opening.settings.parity;
  client_.is_open = true;
  provider_.session.open(provider_, opening.settings, opening.metadata.to_metadata());
  provider_.is_open = true;
}

// The provider sees a foreign peer, which nothing marks.
void Relay::start_on_root() {
  is_on_root_ = client_.is_open = true;
  const core::Session& handshake = client_.session.machine();
  Metadata metadata;
  metadata.add(std::string(wire::roam::names::service), name_);
  provider_.session.open(provider_, {opposite(handshake.parity()), handshake.peer_requests_max()}, metadata);
  provider_.is_open = true;
}

void Relay::End::on_accepted(const Settings& settings, const MetadataView& metadata) {
  if (relay.is_on_root_ || !relay.client_.is_open) return;
  const bool is_small = metadata.encoded().size() <= accept_bytes_max;
  relay.client_.session.accept(relay.client_, settings, is_small ? metadata.to_metadata() : session.mark());
}

// --- messages

void Relay::End::on_message(MessageKind kind, ByteView, ByteView body, Block*) { relay.forward(*this, kind, body); }

bool Relay::on_root_message(MessageKind kind, ByteView body) {
  Decoder decoder(body, client_.session.options().limits);
  runtime::Connection& root = client_.session.root();
  std::uint64_t id = 0;
  if (kind == MessageKind::request) {
    RequestKind request{};
    if (!decoder.request_head(id, request)) return false;
    if (request == RequestKind::cancel && !client_.calls.contains(id)) return false;
  } else {
    ChannelKind channel{};
    if (!decoder.channel_head(id, channel) || root.channels().is_open(id)) return false;
  }
  forward(client_, kind, body);
  return true;
}

void Relay::forward(End& from, MessageKind kind, ByteView body) {
  if (is_over_) return;
  if (kind == MessageKind::request) {
    on_request(from, body);
  } else {
    on_channel(from, body);
  }
}

void Relay::on_request(End& from, ByteView body) {
  Decoder decoder(body, from.session.options().limits);
  std::uint64_t id = 0;
  RequestKind kind{};
  if (!decoder.request_head(id, kind)) return break_off(from, {decoder.fault(), std::string(decoder.what())});
  switch (kind) {
    case RequestKind::call: return on_call(from, id, decoder, body);
    case RequestKind::response: return on_response(from, id, decoder, body);
    case RequestKind::cancel:
      if (body.size() > quota(other(from))) return break_off(from, {Code::too_large, "a cancel through the hub"});
      if (from.calls.contains(id)) pass(other(from), MessageKind::request, body);
      return;
  }
}

bool Relay::is_overfull(End& end) {
  const std::size_t queued = queued_toward(end);
  const bool is_session_full = end.session.link().out().size() > session_quotas_max * quota(end);
  return queued > 2 * quota(end) || (is_session_full && queued > quota(end) / session_quotas_max);
}

static RoamError refusal_of(Decoder& call) {
  std::uint64_t method = 0;
  wire::roam::ChannelList channels;
  const bool is_known = call.method(method) && call.channels(channels);
  return is_known ? runtime::refusal_of(channels) : RoamError::cancelled;
}

void Relay::on_call(End& from, std::uint64_t id, Decoder& call, ByteView body) {
  End& to = other(from);
  if (from.calls.contains(id)) {
    return break_off(from, {Code::duplicate_request, fmt::format("request {} is not answered yet", id)});
  }
  if (body.size() > quota(to)) {
    const Error error{Code::too_large, fmt::format("a call above {} bytes through the hub", quota(to))};
    return answer(from, id, RoamError::invalid_payload, error);
  }
  if (is_overfull(to)) {
    ++from.session.counters().calls_refused_to_peer;
    return answer(from, id, refusal_of(call), {Code::overloaded, "the other side leaves much unread"});
  }
  const std::uint32_t calls_max = to.session.options().limits.concurrent_requests_max;
  if (from.calls.size() >= calls_max) {
    ++from.session.counters().calls_refused_to_peer;
    return answer(from, id, refusal_of(call), {Code::too_many_calls, fmt::format("{} through the hub", calls_max)});
  }
  io::Loop& loop = to.session.loop();
  std::unique_ptr<RelayTrace> trace = tracing_ ? RelayTrace::begin(tracing_, loop, name_, call) : nullptr;
  const std::uint64_t position = pass(to, MessageKind::request, body);
  if (is_over_) return;
  from.calls.emplace(id, End::Passed{position, loop.now(), std::move(trace)});
  to.session.keepalive().expect();
  if (&from == &client_) events_.on_load(*this, 1);
}

// A second one, or one that the end of the call crossed, goes nowhere.
void Relay::on_response(End& from, std::uint64_t id, const Decoder& response, ByteView body) {
  End& to = other(from);
  const auto call = to.calls.extract(id);
  if (call.empty()) {
    ++from.session.counters().messages_late;
    return;
  }
  if (&to == &client_) {
    events_.on_load(*this, -1);
    latency_us_.add(microseconds(from.session.loop().now() - call.mapped().at));
  }
  if (call.mapped().trace) call.mapped().trace->end(from.session.peer().address, response);
  if (body.size() > quota(to)) {
    const Error error{Code::unknown, fmt::format("it was done; the result is above {} bytes, which is the most that "
                                                 "goes through the hub",
                                                 quota(to))};
    answer(to, id, RoamError::cancelled, error);
  } else if (is_overfull(to)) {
    answer(to, id, RoamError::cancelled,
           {Code::unknown, "it was done; the result was dropped, because this end leaves much unread"});
  } else {
    pass(to, MessageKind::request, body);
  }
}

void Relay::on_channel(End& from, ByteView body) {
  Decoder decoder(body, from.session.options().limits);
  std::uint64_t channel = 0;
  ChannelKind kind{};
  if (!decoder.channel_head(channel, kind)) return break_off(from, {decoder.fault(), std::string(decoder.what())});
  switch (kind) {
    case ChannelKind::item: return on_item(from, channel, body);
    case ChannelKind::grant_credit: return on_grant(from, channel, decoder, body);
    case ChannelKind::close:
      if (from.cut.erase(channel) != 0) return;
      break;
    case ChannelKind::reset: from.withheld.erase(channel); break;
  }
  if (body.size() > quota(other(from))) return break_off(from, {Code::too_large, "the end of a channel"});
  pass(other(from), MessageKind::channel, body);
}

void Relay::on_item(End& from, std::uint64_t channel, ByteView body) {
  if (from.cut.contains(channel)) return;
  End& to = other(from);
  if (body.size() > quota(to)) {
    return cut_off(from, channel, {Code::too_large, fmt::format("an item above {} bytes through the hub", quota(to))});
  }
  if (is_overfull(to)) return cut_off(from, channel, {Code::overloaded, "the receiver leaves much unread"});
  pass(to, MessageKind::channel, body);
}

void Relay::on_grant(End& from, std::uint64_t channel, Decoder& decoder, ByteView body) {
  std::uint32_t additional = 0;
  if (!decoder.grant(additional)) return break_off(from, {decoder.fault(), std::string(decoder.what())});
  if (queued_toward(from) <= quota(from) && from.withheld.empty()) {
    pass(other(from), MessageKind::channel, body);
    return;
  }
  if (from.withheld.size() >= from.session.options().limits.channels_max && !from.withheld.contains(channel)) {
    return break_off(from, {Code::too_many_channels, "credit for more channels than there can be"});
  }
  std::uint64_t& held = from.withheld[channel];
  held = std::min<std::uint64_t>(held + additional, std::numeric_limits<std::uint32_t>::max());
  if (!from.drained.is_linked()) from.session.wait_for_link(from.drained);
}

void Relay::release_credit(End& from) {
  if (is_over_) return;
  if (queued_toward(from) > quota(from)) {
    if (!from.drained.is_linked()) from.session.wait_for_link(from.drained);
    return;
  }
  End& to = other(from);
  for (const auto& [channel, additional] : std::exchange(from.withheld, {})) {
    OutBuffer& out = to.session.link().out();
    const std::uint64_t before = out.committed();
    std::uint8_t* cursor = wire::begin_frame(out, wire::roam::head_bytes_max);
    cursor = wire::roam::put_channel_head(cursor, to.id(), channel, ChannelKind::grant_credit);
    wire::end_frame(out, codec::put_varint(cursor, additional));
    note_sent(to, static_cast<std::size_t>(out.committed() - before));
    if (is_over_) return;
  }
}

Relay::Waiting Relay::waiting() const {
  Waiting waiting;
  for (const auto& [id, passed] : client_.calls) waiting.oldest_call = std::min(waiting.oldest_call, passed.at);
  for (const auto& [channel, items] : client_.withheld) waiting.client_credit += items;
  for (const auto& [channel, items] : provider_.withheld) waiting.provider_credit += items;
  return waiting;
}

// --- what goes out

std::uint64_t Relay::pass(End& to, MessageKind kind, ByteView body) {
  OutBuffer& out = to.session.link().out();
  const std::uint64_t before = out.committed();
  std::uint8_t* cursor = wire::begin_frame(out, wire::roam::head_bytes_max + body.size());
  cursor = wire::roam::put_head(cursor, to.id(), kind);
  wire::end_frame(out, std::ranges::copy(body, cursor).out);
  const std::uint64_t position = out.committed();
  note_sent(to, static_cast<std::size_t>(position - before));
  return position;
}

void Relay::note_sent(End& to, std::size_t bytes) {
  io::Link& link = to.session.link();
  to.toward.add(link.out().committed(), bytes);
  link.committed();
  // What passes whatever is queued is small, and endless if it is meant to be: it costs the two who do this, and nobody
  // else on either session.
  const std::size_t most = 3 * quota(to) + to.session.options().limits.control_bytes_max;
  if (is_over_ || queued_toward(to) <= most) return;
  ++to.session.counters().control_overflows;
  overrun({Code::outbound_full, "through the hub"});
}

void Relay::overrun(const Error& why) {
  end_client(Over::ended, why);
  events_.on_load(*this, -static_cast<std::int64_t>(client_.calls.size()));
  client_.calls.clear();
  if (std::exchange(provider_.is_open, false)) {
    provider_.drained.leave();
    provider_.session.close(provider_, provider_.session.root().describe(why));
  }
  finish_if_over();
}

void Relay::answer(End& to, std::uint64_t id, RoamError kind, const Error& error) {
  OutBuffer& out = to.session.link().out();
  const std::uint64_t before = out.committed();
  std::uint8_t* cursor = wire::begin_frame(out, wire::roam::head_bytes_max + 2);
  cursor = wire::roam::put_request_head(cursor, to.id(), id, RequestKind::response);
  *cursor++ = 0;  // no channels
  cursor = out.more(wire::roam::put_metadata(out, cursor, to.session.root().describe(error)), 2);
  *cursor++ = 1;
  *cursor++ = static_cast<std::uint8_t>(kind);
  wire::end_frame(out, cursor);
  note_sent(to, static_cast<std::size_t>(out.committed() - before));
}

// Both sides learn that the channel is over, and what its sender still sends is dropped.
void Relay::cut_off(End& from, std::uint64_t channel, const Error& why) {
  if (from.cut.size() >= cut_channels_max) {
    return break_off(from, {Code::overloaded, "too many channels that nobody reads"});
  }
  from.cut.insert(channel);
  ++from.session.counters().resets_sent;
  put_channel_end(from, channel, ChannelKind::reset, why);
  if (!is_over_) put_channel_end(other(from), channel, ChannelKind::close, why);
}

void Relay::put_channel_end(End& to, std::uint64_t channel, ChannelKind kind, const Error& why) {
  OutBuffer& out = to.session.link().out();
  const std::uint64_t before = out.committed();
  std::uint8_t* cursor = wire::begin_frame(out, wire::roam::head_bytes_max);
  cursor = wire::roam::put_channel_head(cursor, to.id(), channel, kind);
  wire::end_frame(out, wire::roam::put_metadata(out, cursor, to.session.root().describe(why)));
  note_sent(to, static_cast<std::size_t>(out.committed() - before));
}

// --- the end

// It costs the connection, or the session of a foreign client.
void Relay::break_off(End& from, const Error& breach) {
  if (is_on_root_ && &from == &client_) {
    client_.session.break_off(breach);
    return;
  }
  from.session.close_for_breach(from, breach);
  on_end_over(from, Over::closed, breach);
}

void Relay::on_end_over(End& end, Over how, const Error& why) {
  if (!end.is_open) return;
  end.is_open = false;
  end.drained.leave();
  if (&end == &client_) {
    events_.on_load(*this, -static_cast<std::int64_t>(client_.calls.size()));
    client_.calls.clear();
    if (provider_.is_open) {
      provider_.is_open = false;
      provider_.drained.leave();
      provider_.session.close(provider_, provider_.session.root().describe(why));
    }
    return finish_if_over();
  }
  // Calls that never left here are provably not done.
  const std::uint64_t sent = provider_.session.link().out().sent();
  const auto calls = std::exchange(client_.calls, {});
  events_.on_load(*this, -static_cast<std::int64_t>(calls.size()));
  for (const auto& [id, passed] : calls) {
    if (!client_.is_open) break;
    const bool was_sent = how != Over::lost || passed.position <= sent;
    if (!was_sent) {
      answer(client_, id, RoamError::cancelled, {Code::not_sent, fmt::format("\"{}\" went before", name_)});
    } else if (is_on_root_) {
      answer(client_, id, RoamError::cancelled, {Code::sent_then_lost, {}});
    }
  }
  if (how == Over::rejected || how == Over::closed) {
    end_client(how, why);
  } else {
    const auto& who = provider_.session.peer().credentials;
    end_client(how, {Code::link_lost, fmt::format("whoever provided \"{}\"{} is gone", name_,
                                                  who ? fmt::format(" (process {})", who->pid) : "")});
  }
  finish_if_over();
}

// A foreign client's root cannot be closed: its session ends, as it would have without a hub.
void Relay::end_client(Over how, const Error& why) {
  if (!std::exchange(client_.is_open, false)) return;
  // A reject would say that nobody looked at what was sent, and somebody may have.
  if (how != Over::rejected && client_.state() == core::ConnectionEnd::State::asked) {
    client_.session.accept(client_, {opposite(client_parity_), 0}, client_.session.mark());
  }
  client_.drained.leave();
  if (is_on_root_) {
    client_.session.close(why);
  } else {
    client_.session.close(client_, client_.session.root().describe(why));
  }
}

void Relay::finish_if_over() {
  if (is_over_ || client_.is_open || provider_.is_open) return;
  is_over_ = true;
  events_.on_over(*this);
}

}  // namespace parley::hub
