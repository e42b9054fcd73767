#pragma once

#include "io/stream.h"

namespace parley::net {

// A stream that writes two pieces at once: what lies above it need not copy a long message to put a few bytes before
// it.
class GatheringStream {
 public:
  // As write_some() of `first` and, behind it, `second`; `bytes` counts both. Neither is empty.
  virtual io::Transfer write_both(ByteView first, ByteView second) = 0;

 protected:
  ~GatheringStream() = default;
};

}  // namespace parley::net
