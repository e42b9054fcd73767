// Streams of events as a server of MCP sends them, and the ids that a client comes back with. The first byte chooses
// how the rest is cut into pieces; what is read does not depend on the cuts, and is read again when it is written
// again.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/assert.h"
#include "base/prng.h"
#include "core/mcp/streams.h"
#include "wire/mcp/sse.h"

namespace {

using namespace parley;
using wire::mcp::SseEvent;
using wire::mcp::SseParser;

constexpr std::size_t event_bytes_max = 2048;

struct Read {
  std::vector<SseEvent> events;
  std::optional<Error> error;
  std::string last_id;
  std::optional<std::uint32_t> retry_ms;
  friend bool operator==(const Read&, const Read&) = default;
};

template <class NextSize>
Read read_in_pieces(ByteView bytes, NextSize next_size) {
  SseParser parser(event_bytes_max);
  Read read;
  while (!bytes.empty() && !read.error) {
    const std::size_t size = std::min<std::size_t>(bytes.size(), next_size());
    const std::vector<std::uint8_t> piece(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    const Result<void> added = parser.add(piece, read.events);
    if (!added) {
      read.error = Error{added.error().code, {}};
      PARLEY_ASSERT(!parser.add(piece, read.events));
    }
    bytes = bytes.subspan(size);
  }
  read.last_id = parser.last_id();
  read.retry_ms = parser.retry_ms();
  return read;
}

void check_event(const SseEvent& event) {
  PARLEY_ASSERT(event.data.size() <= event_bytes_max && !event.name.empty());
  std::string text;
  wire::mcp::append_sse_event(text, event.id, event.name, event.data);
  std::vector<SseEvent> again;
  PARLEY_ASSERT(SseParser().add(as_bytes(text), again));
  PARLEY_ASSERT(again.size() == 1 && again.front() == event);
}

void check_streams(const Read& read) {
  using core::mcp::Streams;
  Streams streams(wire::mcp::Version::v2025_11_25,
                  {.streams_max = 3, .items_max = 4, .bytes_max = 512, .bytes_in_all = 1024});
  std::uint64_t stream = Streams::own;
  for (const SseEvent& event : read.events) {
    if (event.name == "open") stream = streams.open();
    if (event.name == "prime") streams.priming(stream);
    if (event.name == "finish") streams.finish(stream);
    streams.add(stream, event.data);
    PARLEY_ASSERT(streams.bytes() <= 1024 && streams.size() <= 3, streams.bytes(), streams.size());
    const auto rest = streams.resume_after(event.id);
    if (!rest) {
      PARLEY_ASSERT(rest.error().code == Code::arguments || rest.error().code == Code::not_found);
      continue;
    }
    std::vector<SseEvent> followed;
    PARLEY_ASSERT(SseParser().add(as_bytes(rest->events), followed));
    PARLEY_ASSERT(followed.size() <= 4);
    // The same once more: nothing of it was lost.
    const auto again = streams.resume_after(event.id);
    PARLEY_ASSERT(again.has_value() && again->events == rest->events);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0 || size > 8192) return 0;
  Prng prng(data[0]);
  const ByteView bytes(data + 1, size - 1);
  const Read one_by_one = read_in_pieces(bytes, [] { return std::size_t{1}; });
  PARLEY_ASSERT(read_in_pieces(bytes, [&] { return prng.between(1, 40); }) == one_by_one);
  PARLEY_ASSERT(read_in_pieces(bytes, [&] { return bytes.size(); }) == one_by_one);
  for (const SseEvent& event : one_by_one.events) check_event(event);
  check_streams(one_by_one);
  return 0;
}
