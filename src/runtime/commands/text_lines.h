#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/out_buffer.h"
#include "io/loop.h"
#include "io/stream.h"
#include "wire/command/line_reader.h"

namespace parley::runtime {

class TextLinesEvents {
 public:
  virtual void on_line(std::string_view line) = 0;
  // It was dropped.
  virtual void on_long_line() = 0;
  // The peer has said all, or is gone: with the error. Once; nothing is read afterwards.
  virtual void on_lines_end(std::optional<Error> why) = 0;
  // So much of what was put, line ends included, has left.
  virtual void on_lines_moved(std::size_t bytes) { static_cast<void>(bytes); }
  // All that was put has left.
  virtual void on_lines_sent() {}
  // Nothing leaves any more, and what waited for that is dropped.
  virtual void on_lines_cut() {}

 protected:
  ~TextLinesEvents() = default;
};

// Lines of text over a byte stream, both ways. What is put in one turn leaves in one write. Owned by its user, who does
// not destroy it from inside of an event; destroying it closes the stream, behind what that takes at once.
class TextLines final : private io::StreamEvents {
 public:
  struct Bounds {
    std::size_t line_bytes_max = std::size_t{4} << 20;
    std::optional<std::size_t> first_bytes_max = {};  // of the first line that comes
    // Waiting for a peer that does not read: beyond, it is given up.
    std::size_t unsent_bytes_max = std::size_t{64} << 20;
  };
  TextLines(io::Loop& loop, std::unique_ptr<io::Stream> stream, TextLinesEvents& events, Bounds bounds);
  ~TextLines();
  TextLines(const TextLines&) = delete;
  TextLines& operator=(const TextLines&) = delete;

  void start() { stream_->start(static_cast<io::StreamEvents&>(*this)); }
  void put(std::string_view line);
  // Nothing more is put: the peer reads the end.
  void finish();
  // Ends it for that reason: nothing leaves any more, and the events say so in a turn of their own.
  void cut(Error why);
  // Lines that come may be longer from now on.
  void widen(std::size_t line_bytes_max) { reader_.widen(line_bytes_max); }
  bool is_all_sent() const { return out_.empty(); }
  const io::Peer& peer() const { return stream_->peer(); }

 private:
  using Status = io::Transfer::Status;
  struct Flush final : Ready {
    explicit Flush(TextLines& owner) : Ready(&Flush::run), lines(owner) {}
    static void run(Ready& node) { static_cast<Flush&>(node).lines.flush(); }
    TextLines& lines;
  };
  void on_readable() override;
  void on_writable() override;
  void take(ByteView bytes);
  void flush();
  // As much as the stream takes.
  Status write_out();
  void schedule_flush();
  void end(std::optional<Error> why);

  io::Loop& loop_;
  TextLinesEvents& events_;
  const Bounds bounds_;
  std::unique_ptr<io::Stream> stream_;
  wire::command::LineReader reader_;
  OutBuffer out_;
  std::optional<Error> broken_;  // told by the flush, never from inside of put()
  bool has_ended_ = false;       // events_ knows
  bool is_blocked_ = false;
  bool is_write_dead_ = false;
  bool is_finishing_ = false;
  Flush flush_{*this};
};

}  // namespace parley::runtime
