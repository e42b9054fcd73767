#pragma once

#include <optional>
#include <string>

#include "codec/dynamic.h"
#include "face/session.h"

namespace parley::cli {

// What the provider of that name says of itself, ready for use.
Task<Result<codec::Transcoder>> described(Session& session, std::string name, std::optional<Duration> deadline);

// "add(a: i64, b: i64) -> i64", as people write it.
std::string signature(const codec::ServiceDescription& service, const codec::MethodDescription& method);

}  // namespace parley::cli
