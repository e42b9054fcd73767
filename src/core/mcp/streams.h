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
  Streams(wire::mcp::Version version, Bounds bounds);

  // The session's own stream, which is always there.
  static constexpr std::uint64_t own = 0;
  // The number of a new stream, above all before it.
  std::uint64_t open();
  // What the first connection to a stream begins with: since 2025-11-25 an event without data, which makes it
  // resumable before there is a message. Older clients would take it for a broken message: for them it is empty.
  std::string priming(std::uint64_t stream);
  // The text of an event with that message, to be written. Where it is not kept, whoever lacks it learns that it is
  // gone.
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
    std::uint32_t resumable_from = 0;  // the lowest number whose successors are all there
    std::uint64_t used_at = 0;
    bool is_finished = false;
  };
  using Entry = std::map<std::uint64_t, Stream>::iterator;

  void insert(std::uint64_t number);
  // Keeps an event, which has the number next() of its stream.
  void keep(std::uint64_t number, Stream& stream, std::string_view event);
  void drop_up_to(Stream& stream, std::uint32_t last);
  // The one that has been quiet longest, other than that; of those that are over, if there is one.
  Entry quietest(std::uint64_t but);
  void erase(Entry stream);

  wire::mcp::Version version_;
  Bounds bounds_;
  std::map<std::uint64_t, Stream> streams_;
  std::uint64_t next_stream_ = own + 1;
  std::uint64_t uses_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace parley::core::mcp
