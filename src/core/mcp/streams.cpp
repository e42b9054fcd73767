#include "core/mcp/streams.h"

#include <fmt/format.h>

#include <charconv>
#include <tuple>

#include "base/assert.h"
#include "base/bytes.h"
#include "codec/json_text.h"
#include "wire/mcp/sse.h"

namespace parley::core::mcp {
namespace {

std::string event_id(std::uint64_t stream, std::uint32_t number) { return fmt::format("{}-{}", stream, number); }

struct Place {
  std::uint64_t stream = 0;
  std::uint32_t number = 0;
};

// Nothing for what event_id() would not write.
std::optional<Place> read_event_id(std::string_view id) {
  Place place;
  const char* const end = id.data() + id.size();
  const auto stream = std::from_chars(id.data(), end, place.stream);
  if (stream.ec != std::errc() || stream.ptr == end) return std::nullopt;
  const auto number = std::from_chars(stream.ptr + 1, end, place.number);
  if (number.ec != std::errc() || event_id(place.stream, place.number) != id) return std::nullopt;
  return place;
}

}  // namespace

Streams::Streams(wire::mcp::Version version, Bounds bounds) : version_(version), bounds_(bounds) {
  PARLEY_ASSERT(bounds_.streams_max > 1 && bounds_.items_max > 0 && bounds_.bytes_max <= bounds_.bytes_in_all);
  insert(own);
}

void Streams::insert(std::uint64_t number) {
  const SendWindow::Bounds bounds{.items = bounds_.items_max, .bytes = bounds_.bytes_max};
  streams_.try_emplace(number, bounds).first->second.used_at = ++uses_;
}

std::uint64_t Streams::open() {
  if (streams_.size() == bounds_.streams_max) erase(quietest(own));
  insert(next_stream_);
  return next_stream_++;
}

std::string Streams::priming(std::uint64_t number) {
  std::string event;
  const auto found = streams_.find(number);
  if (found == streams_.end() || version_ < wire::mcp::Version::v2025_11_25) return event;
  wire::mcp::append_sse_priming(event, event_id(number, found->second.window.next()), bounds_.retry_ms);
  keep(number, found->second, event);
  return event;
}

std::string Streams::add(std::uint64_t number, std::string_view message) {
  const auto found = streams_.find(number);
  std::string event;
  if (found != streams_.end()) {
    Stream& stream = found->second;
    wire::mcp::append_sse_event(event, event_id(number, stream.window.next()), "message", message);
    if (event.size() <= bounds_.bytes_max) {
      keep(number, stream, event);
      return event;
    }
    // Whoever comes back for what followed an earlier event would miss this one.
    if (stream.window.size() != 0) drop_up_to(stream, stream.window.next() - 1);
    stream.resumable_from = stream.window.next();
    event.clear();
  }
  wire::mcp::append_sse_event(event, {}, "message", message);
  return event;
}

void Streams::keep(std::uint64_t number, Stream& stream, std::string_view event) {
  while (!stream.window.has_room(event.size())) {
    drop_up_to(stream, stream.window.next() - static_cast<std::uint32_t>(stream.window.size()));
  }
  stream.window.add({}, as_bytes(event));
  stream.used_at = ++uses_;
  bytes_ += event.size();
  while (bytes_ > bounds_.bytes_in_all) {
    const Entry other = quietest(number);
    if (other == streams_.end()) break;
    if (other->first == own) {
      drop_up_to(other->second, other->second.window.next() - 1);
    } else {
      erase(other);
    }
  }
}

void Streams::drop_up_to(Stream& stream, std::uint32_t last) {
  bytes_ -= stream.window.bytes();
  const Result<void> dropped = stream.window.acknowledge(last);
  PARLEY_ASSERT(dropped.has_value(), last);
  bytes_ += stream.window.bytes();
  stream.resumable_from = last;
}

Streams::Entry Streams::quietest(std::uint64_t but) {
  const auto rank = [](const Entry& entry) {
    return std::tuple(!entry->second.is_finished, entry->first == own, entry->second.used_at);
  };
  Entry found = streams_.end();
  for (Entry each = streams_.begin(); each != streams_.end(); ++each) {
    if (each->first == but || (each->first == own && each->second.window.size() == 0)) continue;
    if (found == streams_.end() || rank(each) < rank(found)) found = each;
  }
  return found;
}

void Streams::erase(Entry stream) {
  bytes_ -= stream->second.window.bytes();
  streams_.erase(stream);
}

void Streams::finish(std::uint64_t number) {
  const auto found = streams_.find(number);
  if (found != streams_.end()) found->second.is_finished = true;
}

Result<Streams::Resumed> Streams::resume_after(std::string_view id) {
  const std::optional<Place> place = read_event_id(id);
  if (!place) return fail(Code::arguments, fmt::format("{} is no id of an event here", codec::quoted_start(id)));
  const auto found = streams_.find(place->stream);
  if (found == streams_.end()) {
    return fail(Code::not_found, fmt::format("the stream of event {} is gone; send the request again", id));
  }
  Stream& stream = found->second;
  const std::uint32_t sent = stream.window.next() - stream.resumable_from;
  if (place->number - stream.resumable_from >= sent) {
    return fail(Code::not_found, fmt::format("what followed event {} is gone; send the request again", id));
  }
  bytes_ -= stream.window.bytes();
  const Result<ByteView> rest = stream.window.resume(place->number);
  bytes_ += stream.window.bytes();
  if (!rest) return fail(Code::not_found, rest.error().note);
  stream.resumable_from = place->number;
  stream.used_at = ++uses_;
  return Resumed{place->stream, std::string(as_text(*rest)), stream.is_finished};
}

}  // namespace parley::core::mcp
