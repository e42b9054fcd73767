#pragma once

#include <functional>
#include <optional>

#include "async/task.h"
#include "runtime/conversations/party.h"

namespace parley {

// What somebody who takes part does with a message, which stays where it is until the task has ended. What it returns
// goes back; nothing: the message is done, without a reply. An error, and what it throws, ends its part in that
// conversation. Messages of one conversation come one after the other, those of several at once.
using Behaviour = std::move_only_function<Task<Result<std::optional<Envelope>>>(const Party::Message& message)>;

}  // namespace parley
