#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "wire/opening_object.h"

namespace parley::wire {

// The door's rule: which protocol a peer speaks, seen from the first bytes that it sends. docs/WIRE.md section 10
// states it. The rule holds because openings are bounded: a roam opening is at most opening_bytes_max, one of the bus
// less than 16 MiB. Longer ones would look like something else.

// Every opening is at least ten bytes long; the answer falls at the eighth byte, for JSON perhaps later. Who waits for
// eight bytes keeps nobody waiting who waits for an answer.
inline constexpr std::size_t opening_head_bytes = 8;

// The longest first message of roam, and how far into an object of JSON a key is looked for.
inline constexpr std::size_t opening_bytes_max = std::size_t{64} << 10;

struct OpeningRead {
  Opening opening = Opening::undecided;
  std::size_t more = 0;  // while undecided: bytes without which there is no protocol; then 0

  friend bool operator==(const OpeningRead&, const OpeningRead&) = default;
};

// Decides as bytes arrive; looks at each of them once and keeps none beyond the eighth, so the caller keeps them for
// the protocol that is found. An answer is final: bytes behind it change nothing. No protocol is found before the
// eighth byte; `unknown` comes as soon as no protocol is left. Whoever reads TLS asks a new reader about the bytes
// inside.
class OpeningReader {
 public:
  OpeningRead add(ByteView bytes);

 private:
  std::size_t add_to_head(ByteView bytes);  // how many it takes
  Opening by_head() const;

  std::array<std::uint8_t, opening_head_bytes> head_{};
  std::size_t size_ = 0;
  OpeningObject object_;
  Opening opening_ = Opening::undecided;
};

// The same for all bytes seen so far.
OpeningRead read_opening(ByteView bytes);

}  // namespace parley::wire
