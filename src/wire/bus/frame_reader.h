#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "wire/bus/frame.h"

namespace parley::wire::bus {

// Cuts a stream of bytes into frames. Keeps the bytes of at most one, and grows with what comes and not with what is
// announced; a frame that lies whole in the bytes it is given is not copied. A wrong head is told as soon as it is
// there. Errors are final.
class FrameReader {
 public:
  explicit FrameReader(const Bounds& bounds) : bounds_(bounds) {}

  // The next whole frame of what came before and of these bytes; nothing when more is needed. Takes what it uses off
  // the front of `bytes`. The frame is good until the next call, and as long as the bytes are.
  [[nodiscard]] std::expected<std::optional<Frame>, Malformed> next(ByteView& bytes);

  // Whether a stream that ends here ends inside a frame.
  bool is_inside_frame() const { return !kept_.empty() && !is_given_; }
  // Memory that is held for what is inside of it.
  std::size_t kept_bytes() const { return kept_.capacity(); }

 private:
  ByteView gather(ByteView& bytes, std::size_t size);
  void forget_given();

  const Bounds bounds_;
  std::vector<std::uint8_t> kept_;  // a frame that has begun, or the one that was given out
  bool is_given_ = false;
  std::optional<Malformed> failed_;
};

}  // namespace parley::wire::bus
