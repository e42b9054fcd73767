#include "wire/bus/frame_reader.h"

#include <algorithm>
#include <utility>

namespace parley::wire::bus {

// More memory than that is given back after the frame it was for.
static constexpr std::size_t kept_bytes_max = std::size_t{16} << 10;

std::expected<std::optional<Frame>, Malformed> FrameReader::next(ByteView& bytes) {
  if (failed_) return std::unexpected(*failed_);
  if (is_given_) forget_given();

  ByteView front = gather(bytes, head_bytes);
  if (front.size() < head_bytes) return std::nullopt;
  const std::expected<Head, Malformed> head = read_head(front, bounds_);
  if (!head) return std::unexpected(failed_.emplace(head.error()));

  const std::size_t size = head_bytes + head->body_bytes;
  front = gather(bytes, size);
  if (front.size() < size) return std::nullopt;
  std::expected<Frame, Malformed> frame = read_frame(front, bounds_);
  if (!frame) return std::unexpected(failed_.emplace(std::move(frame).error()));
  if (kept_.empty()) {
    bytes = bytes.subspan(size);
  } else {
    is_given_ = true;
  }
  return std::move(frame).value();
}

// The first `size` bytes, or fewer. They are kept here and taken off `bytes`, unless all of them lie there.
ByteView FrameReader::gather(ByteView& bytes, std::size_t size) {
  if (kept_.empty() && bytes.size() >= size) return bytes.first(size);
  const ByteView part = bytes.first(std::min(size - std::min(size, kept_.size()), bytes.size()));
  kept_.insert(kept_.end(), part.begin(), part.end());
  bytes = bytes.subspan(part.size());
  return kept_;
}

void FrameReader::forget_given() {
  is_given_ = false;
  kept_.clear();
  if (kept_.capacity() > kept_bytes_max) kept_.shrink_to_fit();
}

}  // namespace parley::wire::bus
