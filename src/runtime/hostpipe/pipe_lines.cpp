#include "runtime/hostpipe/pipe_lines.h"

#include <utility>

namespace parley::runtime {

PipeLines::PipeLines(io::Loop& loop, std::unique_ptr<io::Stream> stream, PipeLinesEvents& events, const Bounds& bounds)
    : loop_(loop),
      events_(events),
      write_max_(bounds.write_max),
      lines_(
          loop, std::move(stream), static_cast<TextLinesEvents&>(*this),
          {.line_bytes_max = bounds.line_bytes_max, .first_bytes_max = {}, .unsent_bytes_max = std::size_t{1} << 40}) {}

void PipeLines::put(std::string_view line) {
  lines_.put(line);
  put_ += line.size() + 1;
  if (!stuck_.is_armed()) watch();
}

// What waits now has to leave in time, whatever comes behind it.
void PipeLines::watch() {
  has_to_leave_ = put_;
  loop_.executor().arm(stuck_, loop_.now() + write_max_);
}

void PipeLines::on_lines_moved(std::size_t bytes) {
  sent_ += bytes;
  if (sent_ == put_) {
    stuck_.disarm();
  } else if (sent_ >= has_to_leave_) {
    watch();
  }
  events_.on_moved();
}

void PipeLines::on_lines_end(std::optional<Error> why) {
  stuck_.disarm();
  events_.on_pipe_end(std::move(why));
}

void PipeLines::cut() {
  stuck_.disarm();
  lines_.cut({Code::closed, "the pipe was cut"});
}

}  // namespace parley::runtime
