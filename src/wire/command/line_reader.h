#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace parley::wire::command {

// Cuts a stream of bytes into lines. Blank ones are nothing. A line that is too long is dropped to its end and counted,
// and what follows is read again.
class LineReader {
 public:
  // `first_bytes_max`: of the first line alone.
  LineReader(std::size_t line_bytes_max, std::size_t first_bytes_max)
      : bytes_max_(first_bytes_max), line_bytes_max_(line_bytes_max) {}
  explicit LineReader(std::size_t line_bytes_max) : LineReader(line_bytes_max, line_bytes_max) {}

  // Whole lines of what came before and of these bytes, one a call; nothing when more is needed. Takes what it uses off
  // the front of `bytes`. The line is good until the next call, and has no end.
  std::optional<std::string_view> next(ByteView& bytes);
  // The last line of a stream that has ended, if it had no end of its own.
  std::optional<std::string_view> rest();
  // From now on lines may be longer, and not shorter, than before: whoever says them is known.
  void widen(std::size_t line_bytes_max);

  std::uint64_t too_long() const { return too_long_; }

 private:
  bool is_taken_up(ByteView part);

  std::size_t bytes_max_;  // of the line that comes
  std::size_t line_bytes_max_;
  std::string line_;  // begun, or given out
  bool is_given_ = false;
  bool is_dropping_ = false;
  std::uint64_t too_long_ = 0;
};

}  // namespace parley::wire::command
