#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "face/session.h"
#include "runtime/commands/registry.h"

namespace parley::cli {

// What an attached registry is called here.
inline constexpr std::string_view attached_id = "registry";

bool is_http(std::string_view address);

// Attaches what is at an address to a registry of ours, as `attached_id`: a hub, over a session, which this gives; else
// a registry of cmd-ipc that speaks lines, or HTTP where the address is a URL of that: null then. `token`: as whom we
// come there. `hub`: which it must not be. Errors: why nothing can be attached there.
Task<Result<std::unique_ptr<Session>>> attach_registry(Registry& registry, std::string address, std::string token,
                                                       const Session& hub);

}  // namespace parley::cli
