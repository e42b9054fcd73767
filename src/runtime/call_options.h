#pragma once

#include <optional>

#include "base/instant.h"
#include "wire/roam/metadata.h"

namespace parley {

// What may be said about one call.
struct CallOptions {
  std::optional<Duration> deadline;  // from now, else none; it travels to Parley peers and is kept on both sides
  Metadata metadata;                 // for the handler, or for a hub's provider
  // Whether it does no harm to do it twice. As its method says, where nothing is said here. On a session that dials
  // again (Options::redial) such a call is not over when the session is lost: it is made again on the session that
  // comes next, until it has an answer, its deadline has passed, or Limits::repeats_max, repeat_wait_max or
  // repeat_bytes_max is reached. Then it ends as any other. Its arguments are kept until it is over. Not where a
  // channel is among them: what has passed on that cannot be taken back.
  std::optional<bool> idempotent{};
};

}  // namespace parley
