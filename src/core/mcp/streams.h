#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "core/window/send_window.h"
#include "wire/mcp/version.h"

namespace parley::core::mcp {

// What was sent on the streams of one session over HTTP, so that a client whose connection broke gets what followed
// the last event that it has. Owned by the session; keeps texts of events, ready to be written again. Each stream has
// a window of its own: old events leave it for new ones, and a client that comes back for them is told that they are
// gone. Streams that are over stay until there are too many; the one that has been quiet longest leaves first.
class Streams {
 public:
  struct Bounds {
    std::size_t streams_max = 64;
    std::size_t items_max = 1024;                  // of one stream
    std::size_t bytes_max = std::size_t{1} << 20;  // of one stream; a longer event is sent and not kept
    std::size_t bytes_in_all = std::size_t{8} << 20;
    std::uint32_t retry_ms = 1000;  // for clients to wait before they come back
  };
  Streams(wire::mcp::Version version, Bounds bounds) : version_(version), bounds_(bounds) {}

  // The session's own stream, which is always there.
  static constexpr std::uint64_t own = 0;
  // The number of a new stream, above all before it.
  std::uint64_t open();
  // What a client's connection to that stream begins with: since 2025-11-25 an event without data, which makes it
  // resumable before there is a message. Older clients would take it for a broken message: for them it is empty.
  std::string priming(std::uint64_t stream);
  // The text of an event with that message. One on a stream that has left is not kept.
  std::string add(std::uint64_t stream, std::string_view message);
  // The stream is over: the response was sent on it.
  void finish(std::uint64_t stream);

  struct Resumed {
    std::uint64_t stream = 0;
    std::string events;        // what followed, to be written as it is; may be empty
    bool is_finished = false;  // nothing more comes
  };
  // Errors: arguments (no id of ours), not_found (what followed is gone). The client has everything up to that event:
  // what stands before it leaves.
  Result<Resumed> resume_after(std::string_view event_id);

  std::size_t size() const { return streams_.size(); }
  std::size_t bytes() const { return bytes_; }

 private:
  struct Stream {
    explicit Stream(SendWindow::Bounds bounds) : window(bounds) {}
    SendWindow window;
    std::uint64_t used_at = 0;
    bool is_finished = false;
  };
  Stream* find(std::uint64_t stream);
  std::string keep(std::uint64_t stream, std::string_view message, bool is_priming);
  void drop_oldest(Stream& stream);
  void make_room(std::uint64_t but);

  wire::mcp::Version version_;
  Bounds bounds_;
  std::map<std::uint64_t, Stream> streams_;
  std::uint64_t next_stream_ = 1;
  std::uint64_t uses_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace parley::core::mcp
