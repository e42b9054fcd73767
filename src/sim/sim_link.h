#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "io/stream.h"
#include "sim/world.h"

namespace parley::sim {

// How one direction of a link carries bytes. As it stands: at once, whole, and 256 KiB at most between its ends.
struct FlowOptions {
  std::size_t buffer_bytes = std::size_t{256} << 10;  // written and not read yet; a writer beyond it would block
  Duration delay_min{};
  Duration delay_max{};                // each piece draws its own; none overtakes another
  std::uint64_t bytes_per_second = 0;  // 0: no bound
  std::size_t piece_bytes_max = 0;     // what is written at once arrives in pieces up to this size; 0: in one
  std::uint32_t short_writes = 0;      // per mille of writes that are taken in part
  std::uint32_t stalls = 0;            // per mille of pieces after which the reader gets nothing for a while
  Duration stall_max{};
  std::uint32_t repeats = 0;  // per mille of messages, but the first, behind which one of the last arrives again
};

enum class Break : std::uint8_t {
  none,
  cut,        // what is under way is lost; reading and writing fail at both ends
  closed,     // the same, but it looks like an end in good order wherever the bytes happen to stop
  half_open,  // one direction carries nothing any more, and nobody is told until the system gives up: a cut then
  garbage,    // a message of nobody's making arrives; what would follow it is lost
};

struct BreakPlan {
  static constexpr std::uint64_t nowhere = std::numeric_limits<std::uint64_t>::max();
  Break what = Break::none;
  std::size_t flow = 0;             // of which direction; flow n is written by side n
  std::uint64_t at_byte = nowhere;  // behind so many bytes that arrived
  Instant at = Instant::never();    // or at this time
};

struct LinkOptions {
  std::array<FlowOptions, 2> flows;
  BreakPlan break_plan;
  Duration notice_max{};  // after a break, until an end learns of it
  Duration half_open_max = std::chrono::seconds(20);
  bool keeps_what_arrived = true;  // whether bytes that arrived before a cut can still be read
  bool passes_descriptors = true;
};

// Sees what passes each end, when it passes. Side 0 dials, side 1 accepts.
class LinkTap {
 public:
  virtual void on_written(std::size_t side, ByteView bytes) = 0;
  virtual void on_read(std::size_t side, ByteView bytes) = 0;
  virtual void on_broken(Break what) = 0;
  virtual void on_destroyed(std::size_t side) = 0;

 protected:
  ~LinkTap() = default;
};

// Knows where the messages of a stream begin, by their lengths.
class FrameTracker {
 public:
  bool is_inside() const { return head_bytes_ != 0 || rest_ != 0; }
  // How many of the bytes lead up to the next boundary, with that included; all if none is among them.
  std::size_t advance(ByteView bytes);

 private:
  std::uint32_t head_bytes_ = 0;
  std::uint32_t length_ = 0;
  std::uint64_t rest_ = 0;
};

// One direction: what its writer wrote and its reader has not read yet.
class Flow {
 public:
  class Reader {
   public:
    virtual void on_arrival() = 0;

   protected:
    ~Reader() = default;
  };

  Flow(World& world, const FlowOptions& options) : world_(world), options_(options) {}

  // For what is written from now on. A smaller buffer than what is in it takes nothing until that has been read.
  void set_options(const FlowOptions& options) { options_ = options; }
  std::size_t room() const {
    const std::size_t used = is_reader_gone_ ? 0 : used_;
    return used < options_.buffer_bytes ? options_.buffer_bytes - used : 0;
  }
  std::size_t capacity() const { return options_.buffer_bytes; }
  std::size_t write(ByteView bytes);
  // They go with the byte that was written at this position.
  void attach(std::uint64_t position, std::span<io::Descriptor> with);
  std::uint64_t written() const { return written_total_; }
  // The next one whose byte has been read.
  bool take_attached(io::Descriptor& into);
  void finish();
  bool is_finished() const { return is_finished_; }
  std::size_t read(std::span<std::uint8_t> into);
  bool has_bytes() const { return arrived_.size() != arrived_read_ && world_.now() >= stalled_until_; }
  bool has_ended() const { return has_end_arrived_ && arrived_.size() == arrived_read_; }
  bool is_stalled() const { return world_.now() < stalled_until_; }
  Instant stalled_until() const { return stalled_until_; }
  bool is_inside_message() const { return tracker_.is_inside(); }
  std::uint64_t arrived() const { return arrived_total_; }

  // Where the link breaks by what arrives here.
  void set_break(const BreakPlan& plan, SimEvent& at_break) {
    plan_ = &plan;
    at_break_ = &at_break;
  }
  void forget_break() { plan_ = nullptr; }
  void set_reader(Reader* reader);
  void go_silent();  // nothing arrives any more
  bool is_silent() const { return is_silent_; }
  // The reader gets nothing until then; it is not told.
  void stall_until(Instant until);
  void stop_stalling() { stalled_until_ = Instant(); }
  void inject(ByteView bytes) { append(bytes); }
  void drop_arrived();

 private:
  struct Piece {
    std::vector<std::uint8_t> bytes;
    Instant arrival;
    bool is_end = false;
  };
  struct Attached {
    std::uint64_t position;
    io::Descriptor descriptor;
  };
  void arrive();
  void deliver(ByteView bytes);
  std::size_t track_to_break(ByteView bytes);
  bool deliver_up_to_break(ByteView bytes);
  void append(ByteView bytes);
  void append_and_repeat(ByteView bytes);
  void store(ByteView bytes);
  Instant arrival_of(std::size_t size);

  World& world_;
  FlowOptions options_;
  Reader* reader_ = nullptr;
  const BreakPlan* plan_ = nullptr;
  SimEvent* at_break_ = nullptr;
  FrameTracker tracker_;
  std::deque<Piece> under_way_;
  FrameTracker repeat_tracker_;
  std::vector<std::uint8_t> message_;                 // that is arriving, where messages are repeated
  std::deque<std::vector<std::uint8_t>> may_repeat_;  // the last few
  bool has_begun_ = false;                            // the first message has arrived
  std::vector<std::uint8_t> arrived_;
  std::size_t arrived_read_ = 0;
  std::size_t used_ = 0;  // written and not read
  std::deque<Attached> attached_;
  std::uint64_t written_total_ = 0;
  std::uint64_t read_total_ = 0;
  std::uint64_t arrived_total_ = 0;
  Instant last_arrival_;
  Instant stalled_until_;
  bool is_finished_ = false;
  bool has_end_arrived_ = false;
  bool is_reader_gone_ = false;
  bool is_silent_ = false;
  SimEventOf<Flow, &Flow::arrive> arrival_{*this};
};

}  // namespace parley::sim
