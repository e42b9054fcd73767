#pragma once

#include <optional>
#include <string>

#include "async/task.h"
#include "base/instant.h"
#include "codec/description.h"

namespace parley::runtime {

class Session;

// What the provider of that name says of the service: good by codec::check(). Keeps the session open. Errors:
// not_found, unsupported (it describes nothing), response (what it says is no description), and those of calls.
Task<Result<codec::ServiceDescription>> ask_description(Session& session, std::string name,
                                                        std::optional<Duration> deadline);

// Whether every method of the service, as it is known here, can be called at the provider of that name. A peer that is
// no hub is asked by the name of the class instead, where it serves nothing under the name. Errors: method, whose note
// says what is different; and those of ask_description().
Task<Result<void>> check_service(Session& session, std::string name, codec::ServiceDescription here,
                                 std::optional<Duration> deadline);

}  // namespace parley::runtime
