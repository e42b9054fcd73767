#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "async/executor.h"
#include "base/limits.h"
#include "io/descriptor_inbox.h"
#include "io/loop.h"
#include "io/stream.h"

namespace parley::io {

struct MemoryOptions {
  std::size_t pipe_bytes_max = std::size_t{256} << 10;    // in each direction; a writer beyond it would block
  std::optional<Peer::Credentials> first = std::nullopt;  // what the second end is told of the first
};

// One end of a pair of streams on one loop: a bounded pipe for each direction. Behaves as a Unix socket does: a reader
// gets everything that was written before the end, a writer whose reader is gone fails, descriptors arrive with the
// first byte they were passed with. Readiness goes through the executor's ready queue; what a reader leaves unread is
// reported again in the loop's next turn.
class MemoryStream final : public Stream {
 public:
  using Pair = std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>>;
  // The address is what peer() names at both ends.
  static Pair make_pair(Loop& loop, std::string address = "mem:", MemoryOptions options = {});

  ~MemoryStream() override;
  MemoryStream(const MemoryStream&) = delete;
  MemoryStream& operator=(const MemoryStream&) = delete;

  using Stream::write_some;
  void start(StreamEvents& events) override;
  Transfer read_some(std::span<std::uint8_t> into) override;
  Transfer write_some(ByteView from, std::span<Descriptor> with) override;
  void want_writable() override;
  void finish() override;
  Error failure() const override { return failure_; }
  const Peer& peer() const override { return peer_; }
  bool passes_descriptors() const override { return true; }
  std::uint64_t descriptors_passed() const override { return passed_; }
  Result<Descriptor> claim_descriptor(std::uint64_t number) override { return inbox_.claim(number); }

 private:
  class Pipe;
  struct Wire;
  struct Report final : Ready {
    Report(Run run, MemoryStream& owner) : Ready(run), stream(owner) {}
    MemoryStream& stream;
  };
  struct Again final : Timer {
    Again(Fire fire, MemoryStream& owner) : Timer(fire), stream(owner) {}
    MemoryStream& stream;
  };

  MemoryStream(Executor& executor, std::shared_ptr<Wire> wire, int side, std::string address, MemoryOptions options);
  Pipe& incoming() const;
  Pipe& outgoing() const;
  MemoryStream* other() const;
  Transfer fail_reading(Error why);
  Transfer fail_writing(Error why);
  bool has_news() const;
  bool has_room() const;
  void notify_readable();
  void notify_writable();
  void report_readable();
  void report_writable();

  Executor& executor_;
  std::shared_ptr<Wire> wire_;
  const int side_;
  const MemoryOptions options_;
  Peer peer_;
  StreamEvents* events_ = nullptr;
  DescriptorInbox inbox_;
  std::uint64_t passed_ = 0;
  Error failure_;
  bool is_dead_ = false;        // reading has failed, and with it everything
  bool is_write_dead_ = false;  // writing has failed; what has arrived can still be read
  bool has_told_end_ = false;
  bool wants_writable_ = false;
  bool* is_destroyed_ = nullptr;  // while an event is being reported
  Report readable_;
  Report writable_;
  Again again_;
};

}  // namespace parley::io
