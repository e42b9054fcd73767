#pragma once

#include <array>
#include <memory>

#include "io/loop.h"
#include "io/stream.h"
#include "wire/opening.h"

namespace parley::hub {

class Arrival;

class ArrivalEvents {
 public:
  // It is known what the stream speaks; `unknown` also for one that ended before.
  virtual void on_opening(Arrival& arrival, wire::Opening opening) = 0;
  virtual void on_silence(Arrival& arrival) = 0;

 protected:
  ~ArrivalEvents() = default;
};

// A stream that came to the door: reads until the door's rule knows what it speaks, or the time is up, and tells once.
// From then on it is a stream like the one that it owns; what was read at the door is read again by its first readers.
class Arrival final : public io::Stream, private io::StreamEvents {
 public:
  Arrival(io::Loop& loop, std::unique_ptr<io::Stream> stream, ArrivalEvents& door);

  void wait(Instant until);
  // Tells nothing any more, of what it has been told itself in the same turn either.
  void leave() {
    door_ = nullptr;
    silence_.disarm();
  }

  void start(io::StreamEvents& events) override;
  io::Transfer read_some(std::span<std::uint8_t> into) override;
  io::Transfer write_some(ByteView from, std::span<io::Descriptor> with) override;
  void want_writable() override { stream_->want_writable(); }
  void finish() override { stream_->finish(); }
  Error failure() const override { return stream_->failure(); }
  const io::Peer& peer() const override { return stream_->peer(); }
  bool passes_descriptors() const override { return stream_->passes_descriptors(); }
  std::uint64_t descriptors_passed() const override { return stream_->descriptors_passed(); }
  Result<io::Descriptor> claim_descriptor(std::uint64_t number) override { return stream_->claim_descriptor(number); }

 private:
  struct Silence final : Timer {
    explicit Silence(Arrival& arrival) : Timer(&Silence::fire), arrival(arrival) {}
    static void fire(Timer& timer);
    Arrival& arrival;
  };
  void on_readable() override;
  void on_writable() override {
    if (events_) events_->on_writable();
  }
  bool on_spin() override { return events_ && events_->on_spin(); }
  void tell(wire::Opening opening);

  io::Loop& loop_;
  std::unique_ptr<io::Stream> stream_;
  ArrivalEvents* door_;  // null: it has been told
  io::StreamEvents* events_ = nullptr;
  wire::OpeningReader reader_;
  std::vector<std::uint8_t> read_;  // at the door, and not read again yet
  std::size_t read_again_ = 0;
  Silence silence_{*this};
};

}  // namespace parley::hub
