#pragma once

#include "face/session.h"

namespace parley::face {

// What the runtime is told of a session with these options, at either end. Errors: invalid and too_large, of what
// stands beside the hello.
Result<runtime::SessionOptions> session_options(const Options& options);

}  // namespace parley::face
