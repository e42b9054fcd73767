#pragma once

#include <optional>

#include "base/instant.h"
#include "wire/roam/metadata.h"

namespace parley {

// What may be said about one call.
struct CallOptions {
  std::optional<Duration> deadline;  // from now, else none; it travels to Parley peers and is kept on both sides
  Metadata metadata;                 // for the handler, or for a hub's provider
};

}  // namespace parley
