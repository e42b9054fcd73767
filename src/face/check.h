#pragma once

#include <optional>
#include <string>
#include <utility>

#include "face/session.h"
#include "runtime/describe.h"
#include "runtime/service_check.h"

namespace parley {

// Whether whoever provides that name serves all methods of S, with the signatures that they have here: for programs
// that want to know before their first call, or after one that failed as `method`. Asks for the description and
// compares; what only the provider has does not count. The error `method` names what is different: "add differs:
// argument 2 (b) is i32 there and i64 here". Other errors: not_found, unsupported (the peer describes nothing),
// response (what it says is no description), and those of calls. Keeps the session open; dropping the task gives up.
// The next connection to a name with several providers may go to another one.
template <class S>
Task<Result<void>> check(Session& session, std::string name, std::optional<Duration> deadline = {}) {
  return runtime::check_service(session.runtime(), std::move(name), describe<S>(), deadline);
}

}  // namespace parley
