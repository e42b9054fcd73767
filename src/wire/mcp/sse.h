#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"

// Streams of events over HTTP (text/event-stream), as MCP sends its messages.
namespace parley::wire::mcp {

struct SseEvent {
  std::string id;    // of the last event that had one; empty: none yet, or taken back
  std::string name;  // "message" where the stream says nothing else
  std::string data;
  friend bool operator==(const SseEvent&, const SseEvent&) = default;
};

// One event, of any number of lines. An empty id is left out; neither it nor the name has newlines.
void append_sse_event(std::string& out, std::string_view id, std::string_view name, std::string_view data);
// An event without data that gives the stream a place to be resumed from, before there is a message.
void append_sse_priming(std::string& out, std::string_view id, std::optional<std::uint32_t> retry_ms);
// Says nothing: for a link that would look dead.
void append_sse_comment(std::string& out);

// Reads such a stream piece by piece. Events without any data line are none, but their ids count; one whose data is
// empty is a priming event. What ends without a blank line is no event. Keeps no more than one event of bytes_max.
class SseParser {
 public:
  explicit SseParser(std::size_t bytes_max = std::size_t{16} << 20) : bytes_max_(bytes_max) {}

  // Errors, final: too_large, message (no UTF-8).
  Result<void> add(ByteView bytes, std::vector<SseEvent>& events);

  // To resume from.
  const std::string& last_id() const { return last_id_; }
  // How long the server wants clients to wait before they come back; nothing: it has not said.
  std::optional<std::uint32_t> retry_ms() const { return retry_ms_; }

 private:
  static constexpr std::size_t id_bytes_max = 1024;

  Result<void> take_line(std::string_view line, std::vector<SseEvent>& events);
  Result<void> take_field(std::string_view field, std::string_view value);
  void end_event(std::vector<SseEvent>& events);

  const std::size_t bytes_max_;
  std::string line_;
  bool is_after_return_ = false;  // a newline that comes now belongs to it
  bool is_first_line_ = true;
  std::string name_;
  std::string data_;
  bool has_data_ = false;
  std::string last_id_;
  std::optional<std::uint32_t> retry_ms_;
  std::optional<Error> failed_;
};

}  // namespace parley::wire::mcp
