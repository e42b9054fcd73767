#pragma once

#include <memory>
#include <string>
#include <utility>

#include "io/descriptor_inbox.h"
#include "io/stream.h"
#include "sim/sim_link.h"

namespace parley::sim {

// One end of a pair of streams over a simulated link, which delays, cuts up, stalls and breaks as its options and the
// world's randomness decide. Without faults it is as good a stream as any other. Passes descriptors
// where its options say so. Dies before its world.
class SimStream final : public io::Stream, private Flow::Reader {
 public:
  class Control;
  using Pair = std::pair<std::unique_ptr<io::Stream>, std::unique_ptr<io::Stream>>;
  // The first is side 0, which dials. The tap, if any, outlives both; the control, if any, is set to reach them.
  static Pair make_pair(World& world, std::string address = "sim:", const LinkOptions& options = {},
                        LinkTap* tap = nullptr, Control* control = nullptr);

  ~SimStream() override;
  SimStream(const SimStream&) = delete;
  SimStream& operator=(const SimStream&) = delete;

  using Stream::write_some;
  void start(io::StreamEvents& events) override;
  io::Transfer read_some(std::span<std::uint8_t> into) override;
  io::Transfer write_some(ByteView from, std::span<io::Descriptor> with) override;
  void want_writable() override;
  void finish() override;
  Error failure() const override { return failure_; }
  const io::Peer& peer() const override { return peer_; }
  bool passes_descriptors() const override;
  std::uint64_t descriptors_passed() const override { return passed_; }
  Result<io::Descriptor> claim_descriptor(std::uint64_t number) override;

 private:
  class Wire;

  SimStream(std::shared_ptr<Wire> wire, std::size_t side, std::string address);
  Flow& incoming() const;
  Flow& outgoing() const;
  SimStream* other() const;
  World& world() const;
  io::Transfer fail_reading(Error why);
  io::Transfer fail_writing(Error why);
  bool has_news() const;
  bool has_room() const;
  void on_arrival() override { notify_readable(); }
  void notify_readable();
  void notify_writable();
  void report_readable();
  void report_writable();
  void learn_of_break();
  void learn_that_peer_is_gone();

  std::shared_ptr<Wire> wire_;
  const std::size_t side_;
  io::Peer peer_;
  io::StreamEvents* events_ = nullptr;
  io::DescriptorInbox inbox_;
  std::uint64_t passed_ = 0;
  Error failure_;
  bool is_dead_ = false;        // reading has failed, and with it everything
  bool is_write_dead_ = false;  // writing has failed; what has arrived can still be read
  bool is_peer_gone_ = false;   // and this end knows it
  bool knows_of_break_ = false;
  bool has_told_end_ = false;
  bool wants_writable_ = false;
  bool* is_destroyed_ = nullptr;  // while an event is being reported
  SimEventOf<SimStream, &SimStream::report_readable> readable_{*this};
  SimEventOf<SimStream, &SimStream::report_writable> writable_{*this};
  SimEventOf<SimStream, &SimStream::learn_of_break> break_notice_{*this};
  SimEventOf<SimStream, &SimStream::learn_that_peer_is_gone> gone_notice_{*this};
};

// Interferes with a link from outside of its ends, for as long as one of them lives. What it does to a link that has
// ended, or to a direction that carries nothing any more, comes to nothing: false.
class SimStream::Control {
 public:
  std::size_t end_count() const;
  bool is_up() const;
  // Garbage waits for the end of the message that is arriving.
  bool break_now(Break what, std::size_t flow = 0);
  // Behind so many more bytes that arrive in this direction, instead of any break that was planned.
  bool break_after(Break what, std::size_t flow, std::uint64_t bytes);
  bool stall(std::size_t flow, Duration duration);
  bool set_flow(std::size_t flow, const FlowOptions& how);

 private:
  friend class SimStream;
  std::shared_ptr<Wire> wire() const;
  std::weak_ptr<Wire> wire_;
};

}  // namespace parley::sim
