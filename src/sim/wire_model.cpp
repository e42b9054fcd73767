#include "sim/wire_model.h"

#include <fmt/format.h>

#include "codec/varint.h"
#include "wire/frame.h"
#include "wire/roam/names.h"

namespace parley::sim {

using namespace wire::roam;  // the names of its messages

// What somebody put into the link is read and judged by nobody.
void WireModel::fail(std::string_view checker, std::size_t side, Path path, std::string what) {
  if (path == Path::in && broken_ == Break::garbage) {
    ends_[side].is_garbled = true;
    return;
  }
  books_.verdicts.fail(checker, fmt::format("side {} {}: {}", side, path == Path::out ? "wrote" : "read", what));
}

void WireModel::note(std::size_t side, Path path, std::string_view what, std::uint64_t id, std::uint64_t value) {
  books_.trace.note(path == Path::out ? "wire.out" : "wire.in", {number_, side, id, value}, what);
}

const MethodFacts* WireModel::method(std::uint64_t id) const {
  for (const MethodFacts& facts : methods_) {
    if (facts.id == id) return &facts;
  }
  return nullptr;
}

void WireModel::take(std::size_t side, Path path, ByteView bytes) {
  End& end = ends_[side];
  if (path == Path::in && end.is_garbled) return;
  std::vector<std::uint8_t>& kept = end.cut_off[static_cast<std::size_t>(path)];
  kept.insert(kept.end(), bytes.begin(), bytes.end());
  std::size_t at = 0;
  for (;;) {
    const ByteView rest = ByteView(kept).subspan(at);
    const wire::FrameScan scan = wire::scan_frame(rest, Limits().frame_bytes_max);
    if (scan.status == wire::FrameScan::Status::cut_off) break;
    if (scan.status == wire::FrameScan::Status::too_large) {
      fail("wire.decodes", side, path, "a frame beyond all limits");
      break;
    }
    at += scan.size;
    on_message(side, path, scan.message);
  }
  kept.erase(kept.begin(), kept.begin() + static_cast<std::ptrdiff_t>(at));
}

void WireModel::on_message(std::size_t side, Path path, ByteView bytes) {
  End& end = ends_[side];
  const Result<Message> message = decode_message(bytes, Limits());
  if (!message) {
    return fail("wire.decodes", side, path, to_string(message.error()));
  }
  const auto learn = [&](const Settings& settings) {
    note(side, path, "hello", settings.max_concurrent_requests);
    if (path == Path::out) return;
    end.has_read_hello = true;
    end.requests_max = settings.max_concurrent_requests;
  };
  if (const auto* hello = std::get_if<Hello>(&message->payload)) return learn(hello->settings);
  if (const auto* hello = std::get_if<HelloYourself>(&message->payload)) return learn(hello->settings);
  if (const auto* report = std::get_if<ProtocolError>(&message->payload)) {
    return on_report(side, path, report->description);
  }
  if (const auto* call = std::get_if<wire::roam::Call>(&message->payload)) return on_call(side, path, *call);
  if (const auto* response = std::get_if<Response>(&message->payload)) return on_response(side, path, response->id);
  if (const auto* cancel = std::get_if<Cancel>(&message->payload)) return on_cancel(side, path, cancel->id);
  if (const auto* item = std::get_if<Item>(&message->payload)) return on_item(side, path, item->id);
  if (const auto* grant = std::get_if<GrantCredit>(&message->payload)) return on_grant(side, path, *grant);
  if (const auto* close = std::get_if<Close>(&message->payload)) return on_close(side, path, *close);
  if (const auto* reset = std::get_if<Reset>(&message->payload)) return on_reset(side, path, reset->id);
}

// Legitimate toward one who put garbage into the link, and where the other end's hello did not come in time.
void WireModel::on_report(std::size_t side, Path path, std::string_view description) {
  note(side, path, "protocol error", 0);
  if (path == Path::in) return;
  has_reported_ = true;
  if (broken_ == Break::garbage || !ends_[side].has_read_hello) return;
  const std::optional<Error> error = read_error(description);
  if (lags_ && error && error->code == Code::handshake_timeout) return;
  fail("wire.breach", side, path, fmt::format("a protocol error for nothing: {}", description));
}

void WireModel::on_call(std::size_t side, Path path, const wire::roam::Call& call) {
  End& end = ends_[side];
  const std::uint8_t* at = call.arguments.data();
  const std::uint8_t* const last = at + call.arguments.size();
  std::uint64_t ticket = 0;
  at = codec::get_varint(at, last, ticket);
  if (!at) return fail("wire.decodes", side, path, fmt::format("call {} without a ticket", call.id));
  note(side, path, "call", call.id, ticket);
  auto& calls = path == Path::out ? end.calls : end.handled;
  if (!calls.emplace(call.id, Call{.ticket = ticket}).second) {
    return fail("wire.ids", side, path, fmt::format("call {} twice", call.id));
  }
  if (path == Path::out) {
    books_.calls.on_call_written(ticket);
    if (++end.in_flight > end.requests_max) {
      fail("wire.requests_max", side, path,
           fmt::format("{} calls at once, the peer takes {}", end.in_flight, end.requests_max));
    }
  }
  const MethodFacts* facts = method(call.method);
  if (!facts) return;
  if (facts->channels.size() != call.channels.size()) {
    return fail("wire.ids", side, path, fmt::format("{} channels for {}", call.channels.size(), facts->name));
  }
  ChannelList::Cursor ids(call.channels);
  for (const MethodFacts::Channel& each : facts->channels) {
    const std::uint64_t id = ids.next();
    std::uint64_t flow = 0;
    if (at) at = codec::get_varint(at, last, flow);
    const bool is_sender = each.is_from_caller == (path == Path::out);
    const Channel channel{.flow = flow,
                          .is_sender = is_sender,
                          .credit = each.initial_credit,
                          .granted = each.initial_credit,
                          .initial = each.initial_credit};
    if (!end.channels.emplace(id, channel).second) fail("wire.ids", side, path, fmt::format("channel {} twice", id));
  }
}

void WireModel::on_response(std::size_t side, Path path, std::uint64_t id) {
  End& end = ends_[side];
  note(side, path, "response", id);
  auto& calls = path == Path::out ? end.handled : end.calls;
  const auto found = calls.find(id);
  if (found == calls.end()) return fail("wire.one_response", side, path, fmt::format("a response to no call, {}", id));
  if (std::exchange(found->second.is_answered, true)) {
    fail("wire.one_response", side, path, fmt::format("a second response to call {}", id));
  }
  if (path == Path::out) return;
  --end.in_flight;
  books_.calls.on_response_read(found->second.ticket);
}

void WireModel::on_cancel(std::size_t side, Path path, std::uint64_t id) {
  End& end = ends_[side];
  note(side, path, "cancel", id);
  auto& calls = path == Path::out ? end.calls : end.handled;
  const auto found = calls.find(id);
  if (found == calls.end()) return fail("wire.ids", side, path, fmt::format("a Cancel of no call, {}", id));
  if (std::exchange(found->second.is_cancelled, true)) {
    return fail("wire.ids", side, path, fmt::format("a second Cancel of call {}", id));
  }
  if (path == Path::out) {
    books_.calls.on_cancel_written(found->second.ticket);
  } else {
    books_.calls.on_cancel_read(found->second.ticket);
  }
}

// The channel that a message is about, if this end knows it and the message is from the right end of it.
WireModel::Channel* WireModel::channel(std::size_t side, Path path, std::uint64_t id, bool is_senders,
                                       std::string_view what) {
  auto& channels = ends_[side].channels;
  const auto found = channels.find(id);
  if (found == channels.end()) {
    fail("wire.ids", side, path, fmt::format("{} on channel {}, which nobody announced", what, id));
    return nullptr;
  }
  const bool is_right_end = found->second.is_sender == ((path == Path::out) == is_senders);
  if (is_right_end) return &found->second;
  fail("wire.ids", side, path, fmt::format("{} on channel {} from its wrong end", what, id));
  return nullptr;
}

void WireModel::on_item(std::size_t side, Path path, std::uint64_t id) {
  note(side, path, "item", id, 0);
  Channel* const found = channel(side, path, id, true, "an item");
  if (!found) return;
  if (found->is_closed) fail("wire.order", side, path, fmt::format("an item behind the close of channel {}", id));
  if (found->credit == 0) {
    fail("wire.credit", side, path, fmt::format("an item beyond the credit of channel {}", id));
  } else {
    --found->credit;
  }
  if (path == Path::out) return;
  if (found->initial == 0) books_.coverage.hit(Spot::channel_no_credit);
  if (found->is_reset) books_.coverage.hit(Spot::channel_late_item);
}

void WireModel::on_grant(std::size_t side, Path path, const GrantCredit& grant) {
  note(side, path, "grant", grant.id, grant.additional);
  Channel* const found = channel(side, path, grant.id, false, "credit");
  if (!found) return;
  found->credit += grant.additional;
  if (path == Path::out) {
    if (found->credit > found->initial) books_.coverage.hit(Spot::channel_window_grew);
  } else if (found->is_closed) {
    books_.coverage.hit(Spot::channel_late_grant);
  }
}

void WireModel::on_close(std::size_t side, Path path, const Close& close) {
  note(side, path, "close", close.id, 0);
  Channel* const found = channel(side, path, close.id, true, "a close");
  if (!found) return;
  if (std::exchange(found->is_closed, true)) {
    fail("wire.order", side, path, fmt::format("a second close of channel {}", close.id));
  }
  if (path == Path::out) return;
  if (found->is_reset) return books_.coverage.hit(Spot::channel_late_close);
  books_.flows.on_close_read(found->flow, !close.metadata.has(wire::roam::names::error));
}

void WireModel::on_reset(std::size_t side, Path path, std::uint64_t id) {
  note(side, path, "reset", id, 0);
  Channel* const found = channel(side, path, id, false, "a reset");
  if (!found) return;
  if (std::exchange(found->is_reset, true)) {
    fail("wire.order", side, path, fmt::format("a second reset of channel {}", id));
  }
  if (path == Path::in) books_.coverage.hit(Spot::channel_reset);
}

}  // namespace parley::sim
