#pragma once

#include <memory>
#include <vector>

#include "base/limits.h"
#include "io/link.h"
#include "io/loop.h"

namespace parley::runtime {

// A link over a byte stream: each message behind its length. Reads into blocks of the loop's pool, of which messages
// are views; holds none while nothing is half received, and no output memory while nothing waits to be written. Writes
// never wait for reads nor reads for writes: when writing fails, what the peer had sent before is still delivered, and
// then the link ends. On one loop; destroying it closes the stream at once.
class FramedLink final : public io::Link, private io::StreamEvents {
 public:
  FramedLink(io::Loop& loop, std::unique_ptr<io::Stream> stream, const Limits& limits);

  // Once, and once more after each hand_over().
  void start(io::LinkEvents& events) override;
  // Whoever was told so far is told nothing any more: the next start(), before anything else happens to the link, says
  // who is. Also from inside of an event.
  void hand_over() { events_ = nullptr; }
  io::LinkEvents& receiver() const { return *events_; }
  OutBuffer& out() override { return data_; }
  OutBuffer& control() override { return is_blocked_ ? control_ : data_; }
  void committed() override;
  void committed_later() override;
  void flush() override;
  bool is_blocked() const override { return is_blocked_; }
  void finish() override;
  const io::Peer& peer() const override { return stream_->peer(); }
  Result<std::uint64_t> attach(std::span<io::Descriptor> with) override;
  Result<io::Descriptor> claim_descriptor(std::uint64_t number) override;
  // Until the handshake is over, longer messages than this are refused before they are read.
  void set_frame_bytes_max(std::size_t bytes) override { frame_bytes_max_ = bytes; }
  std::uint64_t bytes_received() const override { return bytes_received_; }

 private:
  struct Flush final : Ready {
    explicit Flush(FramedLink& link) : Ready(&Flush::run), link(link) {}
    static void run(Ready& node) { static_cast<Flush&>(node).link.flush(); }
    FramedLink& link;
  };

  // What goes wrong while something is written is told from the ready queue, not to whoever was writing.
  struct Fail final : Ready {
    explicit Fail(FramedLink& link) : Ready(&Fail::run), link(link) {}
    static void run(Ready& node) {
      FramedLink& link = static_cast<Fail&>(node).link;
      link.tell_end(link.failure_.get());
    }
    FramedLink& link;
  };

  // Descriptors, and where in data_ the message begins that they travel with.
  struct Attached {
    std::uint64_t position;
    std::vector<io::Descriptor> descriptors;
  };

  struct GiveUp final : Timer {
    explicit GiveUp(FramedLink& link) : Timer(&GiveUp::fire), link(link) {}
    static void fire(Timer& timer) {
      FramedLink& link = static_cast<GiveUp&>(timer).link;
      if (!link.has_read_all_) link.end_reading(link.failure_.get());
    }
    FramedLink& link;
  };

  void on_readable() override;
  void on_writable() override;
  bool on_spin() override;

  io::Transfer::Status fill();
  void deliver();
  void discard();
  void make_room(std::size_t wanted);
  bool write_out(OutBuffer& buffer, std::size_t size);
  std::span<io::Descriptor> cut_at_attached(std::size_t& size);
  void remember_cut(ByteView pending, std::size_t written);
  bool write_after_block();
  void write_once_more();
  void end_reading(const Error* error);
  void tell_end(const Error* error);
  void end_writing(Error error);
  void end_later(Error error);
  void drop_output();
  void finish_if_empty();

  io::Loop& loop_;
  std::unique_ptr<io::Stream> stream_;
  std::size_t frame_bytes_max_;
  const std::size_t flush_bytes_;
  const std::size_t control_bytes_max_;
  const std::size_t descriptors_max_;
  const Duration last_bytes_max_;
  io::LinkEvents* events_ = nullptr;
  bool is_started_ = false;

  OutBuffer data_;
  OutBuffer control_;
  std::unique_ptr<std::vector<Attached>> attached_;  // by position; null while there are none
  std::size_t cut_frame_bytes_ = 0;  // of data_'s first frame, the rest of which must leave before anything else
  Flush flush_{*this};
  Fail fail_{*this};
  GiveUp give_up_{*this};           // on what a peer may have sent that takes nothing any more
  std::unique_ptr<Error> failure_;  // why nothing can be written
  bool is_blocked_ = false;
  bool is_finishing_ = false;
  bool has_finished_ = false;
  bool has_read_all_ = false;  // the peer has finished, or what it sends is no messages
  bool has_told_end_ = false;
  bool is_dead_ = false;  // nothing can be written any more
  bool has_prefetched_ = false;
  io::Transfer::Status prefetched_ = io::Transfer::Status::would_block;

  std::uint64_t bytes_received_ = 0;
  BlockHandle block_;
  std::size_t parsed_ = 0;  // of the block's bytes
  std::size_t filled_ = 0;
};

}  // namespace parley::runtime
