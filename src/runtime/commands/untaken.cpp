#include "runtime/commands/untaken.h"

#include <string>
#include <utility>
#include <variant>

#include "core/directory/command_errors.h"

namespace parley::runtime {

namespace command = wire::command;

Untaken untaken(const CommandMessage& message, Carrier& carrier, const Error& why) {
  const bool is_too_large = why.code == Code::too_large;
  if (!is_too_large && why.code != Code::overloaded) return {};
  if (std::holds_alternative<command::Event>(message.body)) return {.ends_alone = true, .is_dropped = true};
  const auto heard = [&](command::Body body) {
    return Untaken{.ends_alone = true,
                   .heard = CommandMessage{.body = std::move(body), .meta = core::meta_of(why, {})}};
  };
  if (std::holds_alternative<command::ExecuteRequest>(message.body)) {
    return heard(command::ExecuteResponse{message.id, core::to_wire(why), {}});
  }
  if (std::holds_alternative<command::RegisterRequest>(message.body)) {
    return heard(command::RegisterResponse{message.id, false});
  }
  const auto* const response = std::get_if<command::ExecuteResponse>(&message.body);
  if (!is_too_large || !response || response->error) return {};
  const Error result{why.code, "the result: " + why.note};
  const auto sent = carrier.send({.id = message.id,
                                  .body = command::ExecuteResponse{response->thread, core::to_wire(result), {}},
                                  .meta = carrier.is_extended() ? core::meta_of(result, {}) : std::string()});
  return {.ends_alone = sent.has_value()};
}

}  // namespace parley::runtime
