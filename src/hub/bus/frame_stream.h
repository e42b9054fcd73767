#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/out_buffer.h"
#include "core/conversation/envelope.h"
#include "io/loop.h"
#include "io/stream.h"
#include "wire/bus/frame_reader.h"

namespace parley::hub {

class FrameStreamEvents {
 public:
  // Good until this returns.
  virtual void on_frame(const wire::bus::Frame& frame) = 0;
  // Nothing more is read.
  virtual void on_malformed(const wire::bus::Malformed& why) = 0;
  // The peer has said all: what was put still leaves. Once.
  virtual void on_input_over() = 0;
  // The peer takes nothing more: what it has said still comes. Once.
  virtual void on_output_over() = 0;
  // Nothing more comes, and nothing more leaves: both have said all, or the stream has failed. Once.
  virtual void on_stream_over() = 0;
  // What the stream takes has left, up to FrameStream::sent().
  virtual void on_sent() = 0;

 protected:
  ~FrameStreamEvents() = default;
};

// Frames of the bus over a byte stream, or each as a message that stands behind its length, as those of WebSockets do.
// What is put in one turn leaves in one write; long payloads are not copied. Owned by its user, who does not destroy it
// from inside of an event; destroying it closes the stream, behind what that takes at once.
class FrameStream final : private io::StreamEvents {
 public:
  FrameStream(io::Loop& loop, std::unique_ptr<io::Stream> stream, FrameStreamEvents& events, bool is_of_messages,
              const wire::bus::Bounds& bounds);
  ~FrameStream();
  FrameStream(const FrameStream&) = delete;
  FrameStream& operator=(const FrameStream&) = delete;

  void start() { stream_->start(static_cast<io::StreamEvents&>(*this)); }
  // Of the frames behind the one that is being told; what is put goes by them from now on.
  void set_bounds(const wire::bus::Bounds& bounds);
  // What comes is dropped from now on, up to the end.
  void stop_reading() { is_deaf_ = true; }

  // Errors: too_large.
  Result<void> put(const wire::bus::Frame& frame);
  // `envelope_head`: wire::bus::encode_envelope_head() of the message. Errors: too_large.
  Result<void> put_deliver(std::uint32_t stream, std::uint64_t sequence, ByteView envelope_head,
                           std::shared_ptr<const core::Envelope> message);
  // Nothing more is put: the peer reads the end behind all that was.
  void finish();

  // Positions in all bytes that were put: what was put before has left once sent() is there.
  std::uint64_t put_bytes() const { return put_; }
  std::uint64_t sent() const { return sent_; }
  std::size_t unsent() const { return static_cast<std::size_t>(put_ - sent_); }
  std::uint64_t bytes_received() const { return received_; }
  bool is_blocked() const { return is_blocked_; }
  bool is_output_over() const { return is_write_dead_; }
  const io::Peer& peer() const { return stream_->peer(); }

 private:
  using Status = io::Transfer::Status;
  struct Flush final : Ready {
    explicit Flush(FrameStream& owner) : Ready(&Flush::run), frames(owner) {}
    static void run(Ready& node) { static_cast<Flush&>(node).frames.flush(); }
    FrameStream& frames;
  };
  // Leaves when out_ has sent so much.
  struct Inserted {
    std::uint64_t at;
    std::shared_ptr<const core::Envelope> message;
    ByteView rest;
  };

  void on_readable() override;
  void on_writable() override;
  void take(ByteView bytes);
  void take_messages(ByteView bytes);
  bool tell(const std::expected<wire::bus::Frame, wire::bus::Malformed>& frame);
  void put_length(std::size_t frame_bytes);
  void account(std::uint64_t out_before, std::size_t inserted);
  ByteView next_piece() const;
  void take_off(std::size_t bytes);
  Status write_out();
  void flush();
  void schedule_flush();
  void end();

  io::Loop& loop_;
  FrameStreamEvents& events_;
  const bool is_of_messages_;
  wire::bus::Bounds bounds_;
  std::unique_ptr<io::Stream> stream_;
  std::optional<wire::bus::FrameReader> reader_;
  std::vector<std::uint8_t> message_;  // that has begun, with its length
  OutBuffer out_;
  std::deque<Inserted> inserted_;
  std::uint64_t put_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t received_ = 0;
  bool is_deaf_ = false;
  bool is_input_over_ = false;
  bool is_over_ = false;
  bool is_blocked_ = false;
  bool is_write_dead_ = false;
  bool is_finishing_ = false;
  Flush flush_{*this};
};

}  // namespace parley::hub
