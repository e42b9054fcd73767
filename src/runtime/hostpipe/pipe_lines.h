#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "runtime/commands/text_lines.h"

namespace parley::runtime {

class PipeLinesEvents {
 public:
  virtual void on_line(std::string_view line) = 0;
  // It was dropped.
  virtual void on_long_line() = 0;
  // More of what was put has left.
  virtual void on_moved() {}
  // What waited for the peer at one moment had not all left write_max later.
  virtual void on_stuck() = 0;
  // The peer has said all, or is gone: with the error. Once; nothing is read afterwards.
  virtual void on_pipe_end(std::optional<Error> why) = 0;

 protected:
  ~PipeLinesEvents() = default;
};

// Lines of a host pipe, for either side of it. A line leaves as a whole before the next one begins; what breaks in
// between ends the pipe. Owned by its user, who does not destroy it from inside of an event.
class PipeLines final : private TextLinesEvents {
 public:
  struct Bounds {
    std::size_t line_bytes_max;
    Duration write_max;  // in which what waits has to leave, whatever comes behind it
  };
  PipeLines(io::Loop& loop, std::unique_ptr<io::Stream> stream, PipeLinesEvents& events, const Bounds& bounds);

  void start() { lines_.start(); }
  // The user sees to it that not too much waits.
  void put(std::string_view line);
  // Lines that come may be longer from now on.
  void widen(std::size_t line_bytes_max) { lines_.widen(line_bytes_max); }
  // Nothing more is put: the peer reads the end.
  void finish() { lines_.finish(); }
  // Nothing leaves any more, not even what was put.
  void cut();

  // Positions in all bytes that were put: what was put before has left once sent() is there.
  std::uint64_t put_bytes() const { return put_; }
  std::uint64_t sent() const { return sent_; }
  std::size_t unsent() const { return static_cast<std::size_t>(put_ - sent_); }
  const io::Peer& peer() const { return lines_.peer(); }

 private:
  struct Stuck final : Timer {
    explicit Stuck(PipeLines& owner) : Timer(&Stuck::fire), pipe(owner) {}
    static void fire(Timer& timer) { static_cast<Stuck&>(timer).pipe.events_.on_stuck(); }
    PipeLines& pipe;
  };
  void on_line(std::string_view line) override { events_.on_line(line); }
  void on_long_line() override { events_.on_long_line(); }
  void on_lines_moved(std::size_t bytes) override;
  void on_lines_end(std::optional<Error> why) override;
  void watch();

  io::Loop& loop_;
  PipeLinesEvents& events_;
  const Duration write_max_;
  std::uint64_t put_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t has_to_leave_ = 0;  // up to there before it is stuck
  Stuck stuck_{*this};
  TextLines lines_;
};

}  // namespace parley::runtime
