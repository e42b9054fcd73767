#include "runtime/commands/text_lines.h"

#include <array>
#include <cstring>
#include <utility>

namespace parley::runtime {

TextLines::TextLines(io::Loop& loop, std::unique_ptr<io::Stream> stream, TextLinesEvents& events, Bounds bounds)
    : loop_(loop),
      events_(events),
      bounds_(bounds),
      stream_(std::move(stream)),
      reader_(bounds.line_bytes_max, bounds.first_bytes_max.value_or(bounds.line_bytes_max)),
      out_(loop.blocks()) {}
TextLines::~TextLines() {
  if (!is_blocked_) write_out();
}

void TextLines::put(std::string_view line) {
  if (is_write_dead_ || is_finishing_) return;
  if (out_.size() + line.size() > bounds_.unsent_bytes_max) {
    return cut({Code::overloaded, "the peer does not read what is sent to it"});
  }
  std::uint8_t* const room = out_.room(line.size() + 1);
  std::memcpy(room, line.data(), line.size());
  room[line.size()] = '\n';
  out_.commit(room + line.size() + 1);
  schedule_flush();
}

void TextLines::finish() {
  if (!std::exchange(is_finishing_, true)) schedule_flush();
}

void TextLines::cut(Error why) {
  if (is_write_dead_) return;
  is_write_dead_ = true;
  out_.clear();
  broken_ = std::move(why);
  schedule_flush();
}

void TextLines::schedule_flush() {
  if ((broken_ || !is_blocked_) && !flush_.is_linked()) loop_.executor().post_after_drain(flush_);
}

void TextLines::flush() {
  if (broken_) {
    events_.on_lines_cut();
    return end(std::exchange(broken_, std::nullopt));
  }
  if (is_write_dead_) return;
  const std::size_t waiting = out_.size();
  const Status status = write_out();
  if (out_.size() != waiting) events_.on_lines_moved(waiting - out_.size());
  if (status == Status::would_block) {
    is_blocked_ = true;
    return stream_->want_writable();
  }
  if (status != Status::moved) {
    is_write_dead_ = true;
    out_.clear();
    events_.on_lines_cut();
    return end(Error{Code::link_lost, "the peer reads no more"});
  }
  if (is_finishing_) {
    is_write_dead_ = true;
    stream_->finish();
  }
  events_.on_lines_sent();
}

TextLines::Status TextLines::write_out() {
  while (!out_.empty()) {
    const io::Transfer moved = stream_->write_some(out_.pending());
    if (moved.status != Status::moved) return moved.status;
    out_.consume(moved.bytes);
  }
  return Status::moved;
}

void TextLines::on_writable() {
  is_blocked_ = false;
  flush();
}

// One read a turn: what is left is reported again, and others have their turn before it.
void TextLines::on_readable() {
  std::array<std::uint8_t, std::size_t{16} << 10> bytes;
  const io::Transfer moved = stream_->read_some(bytes);
  if (moved.status == Status::would_block || has_ended_) return;
  if (moved.status == Status::moved) return take(ByteView(bytes.data(), moved.bytes));
  if (const auto last = reader_.rest()) events_.on_line(*last);
  end(moved.status == Status::ended ? std::nullopt : std::optional(stream_->failure()));
}

void TextLines::take(ByteView bytes) {
  const std::uint64_t too_long = reader_.too_long();
  while (const auto line = reader_.next(bytes)) events_.on_line(*line);
  for (std::uint64_t each = too_long; each < reader_.too_long(); ++each) events_.on_long_line();
}

void TextLines::end(std::optional<Error> why) {
  if (!std::exchange(has_ended_, true)) events_.on_lines_end(std::move(why));
}

}  // namespace parley::runtime
