#include "wire/command/line_reader.h"

#include <algorithm>
#include <cstring>

#include "base/assert.h"

namespace parley::wire::command {

static bool is_blank(std::string_view line) { return line.find_first_not_of(" \t\r") == std::string_view::npos; }

std::optional<std::string_view> LineReader::next(ByteView& bytes) {
  if (is_given_) {
    line_.clear();
    is_given_ = false;
  }
  while (!bytes.empty()) {
    const void* found = std::memchr(bytes.data(), '\n', bytes.size());
    const std::size_t size =
        found ? static_cast<std::size_t>(static_cast<const std::uint8_t*>(found) - bytes.data()) : bytes.size();
    const ByteView part = bytes.first(size);
    bytes = bytes.subspan(found ? size + 1 : size);
    const bool is_good = is_taken_up(part);
    if (!found) return std::nullopt;
    is_dropping_ = false;
    if (is_good && !is_blank(line_)) {
      is_given_ = true;
      bytes_max_ = line_bytes_max_;
      return line_;
    }
    line_.clear();
  }
  return std::nullopt;
}

bool LineReader::is_taken_up(ByteView part) {
  if (is_dropping_) return false;
  if (part.size() > bytes_max_ - line_.size()) {
    ++too_long_;
    is_dropping_ = true;
    line_.clear();
    line_.shrink_to_fit();
    return false;
  }
  line_.append(as_text(part));
  return true;
}

std::optional<std::string_view> LineReader::rest() {
  if (is_given_ || is_dropping_ || is_blank(line_)) return std::nullopt;
  is_given_ = true;
  return line_;
}

void LineReader::widen(std::size_t line_bytes_max) {
  PARLEY_ASSERT(line_bytes_max >= bytes_max_, line_bytes_max, bytes_max_);
  bytes_max_ = line_bytes_max_ = line_bytes_max;
}

}  // namespace parley::wire::command
