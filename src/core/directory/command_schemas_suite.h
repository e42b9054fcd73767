#pragma once

#include <optional>
#include <string>

#include "wire/command/message.h"

namespace parley::core::registry_suite {

// What the published schema of a message has against one that is sent to a foreign peer; nothing, where it fits. What
// nobody here knows and only passes through is left out, and `_meta`, which the schemas of the version before have not.
std::optional<std::string> schema_breach(wire::command::Message message);

}  // namespace parley::core::registry_suite
