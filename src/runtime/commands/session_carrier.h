#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "runtime/client.h"
#include "runtime/commands/carrier.h"
#include "runtime/commands/registry.h"
#include "runtime/services.h"

// Commands and events over the one session that two Parley processes have: a call of parley.Commands lasts as long as
// they are attached, and the messages are the items of its two channels.
namespace parley::builtin {

inline constexpr std::string_view commands_name = "parley.Commands";

// A message of a carrier as one line of JSON.
using CommandLine = std::string;
inline constexpr std::uint32_t command_lines_ahead = 256;

class Commands {
 public:
  virtual ~Commands() = default;
  // The caller is attached until it cancels this call, closes its channel, or the session ends; an empty line says that
  // it is. `id`: as whom, a name or nothing; the service adds to it what makes it the only one. Errors: overloaded (all
  // carriers, or those of this session), permission.
  virtual Task<Result<void>> attach(Context& context, std::string id, Rx<CommandLine, command_lines_ahead> from_caller,
                                    Tx<CommandLine, command_lines_ahead> to_caller) = 0;
  // The public commands that the caller may see, in lines of list.commands.response, each of a bounded number.
  virtual Task<std::vector<CommandLine>> list(Context& context) = 0;
  // An event, for those who want to say one and go: it is on its way when this ends. `payload`: JSON, or nothing.
  // Errors: permission, invalid, json.
  virtual Task<Result<void>> emit(Context& context, std::string event, std::string payload) = 0;
};
PARLEY_SERVICE(Commands, (attach, args(id, from_caller, to_caller), describe("commands and events, both ways")),
               (list, describe("the commands that there are"), idempotent),
               (emit, args(event, payload), describe("an event, with its payload as JSON")));

}  // namespace parley::builtin

namespace parley {

// Carries over a session to a peer that serves parley.Commands: a hub, or serve_commands(). `said_id`: as whom this end
// comes; empty: "session".
std::shared_ptr<Carrier> session_carrier(runtime::Session& session, std::string id, std::string said_id = {},
                                         const CarrierLimits& limits = {});

// The commands that a peer which serves parley.Commands lets us see, by name. Errors: unsupported (it serves none), and
// how the call ended.
Task<Result<std::vector<CommandDefinition>>> list_commands(runtime::Session& session, const CallOptions& options = {});

// Takes whoever calls parley.Commands, as carriers. For Services::serve().
class CommandsService final : public builtin::Commands {
 public:
  // Attaches the carrier, or says why not; and what the caller may see.
  using Take = std::move_only_function<Task<Result<void>>(Context& context, std::shared_ptr<Carrier> carrier) const>;
  using List = std::move_only_function<std::vector<CommandDefinition>(Context& context) const>;
  using Emit = std::move_only_function<Result<void>(Context& context, std::string event, std::string payload) const>;
  CommandsService(Take take, List list, Emit emit, const CarrierLimits& limits = {})
      : take_(std::move(take)), list_(std::move(list)), emit_(std::move(emit)), limits_(limits) {}
  // To a registry, which outlives the sessions; callers may all but call private commands.
  explicit CommandsService(Registry& registry, const CarrierLimits& limits = {});

  Task<Result<void>> attach(Context& context, std::string id,
                            Rx<builtin::CommandLine, builtin::command_lines_ahead> from_caller,
                            Tx<builtin::CommandLine, builtin::command_lines_ahead> to_caller) override;
  Task<std::vector<builtin::CommandLine>> list(Context& context) override;
  Task<Result<void>> emit(Context& context, std::string event, std::string payload) override;

 private:
  const Take take_;
  const List list_;
  const Emit emit_;
  const CarrierLimits limits_;
  class Attached;
  using Counts = std::map<const runtime::Session*, std::uint32_t>;
  const std::shared_ptr<Counts> attached_ = std::make_shared<Counts>();
  std::uint64_t callers_ = 0;
};

}  // namespace parley
