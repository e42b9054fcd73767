#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "codec/description.h"
#include "core/directory/registry.h"
#include "io/loop.h"
#include "runtime/commands/carrier.h"
#include "runtime/commands/command_handler.h"

namespace parley {

namespace runtime {
class MethodTable;
}

using CommandDefinition = wire::command::Definition;

// What is said of a command beside its name, for people and agents that decide whether to call it.
struct CommandOptions {
  std::optional<bool> read_only = {};    // changes nothing
  std::optional<bool> destructive = {};  // may undo or delete something
  std::optional<bool> idempotent = {};   // does no more harm twice than once
  // A result {"content": [...]} is content of MCP as it stands: text, images, audio, resources.
  bool returns_content = false;
};

// A command whose types are known at run time alone.
struct DynamicCommand {
  std::string name;
  std::string description;
  std::string request_schema = {};   // JSON Schema of the request; empty: anything
  std::string response_schema = {};  // empty: nothing is said
  // Takes schemas with keywords beyond those that draft 7 and 2020-12 share, which are not looked at then.
  bool allows_more = false;
  CommandOptions options = {};
};

struct ExecuteOptions {
  // From now, else RegistryOptions::limits.answer_max. It travels to Parley peers, and what is left of it further on.
  std::optional<Duration> deadline = {};
  std::string meta = {};  // for the handler: an object as JSON
  // Told of each progress and partial result while the call waits: {"progress":…} or {"partial":…}.
  std::move_only_function<void(std::string_view)> on_progress = {};
  const core::Rights* rights = nullptr;  // of whoever asks; null: all
};

struct AttachOptions {
  // Commands that nobody here has are asked of this peer, and it learns of ours.
  bool is_router = false;
  // Learns of all commands that the peer knows, and what becomes of them, where it is Parley.
  bool wants_commands = false;
  // What the peer may; null: all but private commands.
  std::shared_ptr<const core::Rights> rights = nullptr;
  // Of a peer that comes back: gives the carrier, of the same id, that takes the place of one which has ended, or whose
  // place could not be taken. Null: there is none any more. None: the end of the carrier is the end.
  std::move_only_function<Task<std::shared_ptr<Carrier>>()> next = {};
};

struct RegistryOptions {
  core::RegistryLimits limits = {};
  core::Directory::Bounds directory = {};
  std::uint32_t handlers_max = 4096;  // that run at once; beyond: `overloaded`
  std::uint32_t listeners_max = 4096;
};

// What happened in a registry beyond the rules of the wire; docs/OPERATING.md.
struct RegistryRuntimeCounters {
  std::uint64_t handlers_threw = 0;
  std::uint64_t handlers_refused = 0;  // beyond handlers_max
  std::uint64_t listeners_threw = 0;
  std::uint64_t events_undecodable = 0;  // for a listener that wants another type
  std::uint64_t events_dropped = 0;      // for carriers that take nothing, or nothing so large
  std::uint64_t carriers_choked = 0;     // closed, because they took no answers
};

// Holds a listener; destroying it ends it. Outlived by its registry, or outliving it: both are fine.
class [[nodiscard("the listener ends with it")]] Subscription {
 public:
  Subscription() = default;
  explicit Subscription(std::shared_ptr<void> holder) : holder_(std::move(holder)) {}
  void reset() { holder_.reset(); }
  explicit operator bool() const { return holder_ != nullptr; }

 private:
  std::shared_ptr<void> holder_;
};

// Commands and events of one process: functions by name, which whoever is attached finds and calls, and events for
// whoever listens. On its loop's thread. Destroying it closes it; not from inside one of its handlers or listeners.
//
//   Registry registry(loop);
//   co_await co_await registry.command("math.add", "Adds two integers", [](Add in) { return Sum{in.a + in.b}; });
//   auto sum = co_await registry.execute<Sum>("math.add", Add{2, 3});
class Registry {
 public:
  explicit Registry(io::Loop& loop, RegistryOptions options = {});
  // Of a hub: names are shared with its directory, which outlives this.
  Registry(io::Loop& loop, RegistryOptions options, core::Directory& directory);
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  // --- commands

  // The function takes nothing or a struct, behind a CommandContext& if it wants one, and gives a value, a Result, or a
  // Task of either. It may capture what outlives the registry. The command can be called once the task has ended well:
  // at once where there is no router, else when that has agreed. A name that begins with `_` is private: nobody is told
  // of it, and from outside it is not called. Errors: in_use (which says who has the name), invalid, timed_out and
  // link_lost (of the router), overloaded, closed.
  template <class F>
  Task<Result<void>> command(std::string name, std::string description, F function, CommandOptions options = {}) {
    return add(std::move(name), std::move(description),
               std::make_shared<runtime::FunctionCommand<F>>(std::move(function)), options);
  }
  // A method of an object that outlives the registry.
  template <class T, class M>
    requires std::is_member_function_pointer_v<M>
  Task<Result<void>> command(std::string name, std::string description, T& object, M method,
                             CommandOptions options = {}) {
    return add(std::move(name), std::move(description), method_command(object, method), options);
  }
  // The methods of a service (PARLEY_SERVICE), each as the command `name.method`: its request has the arguments by
  // name, or is the only one where that is a struct; an own error is `failed`, with its JSON. Methods with channels are
  // left out. The object outlives the loop. Errors: those above, of the first method that has one, and invalid where a
  // method does not name its arguments; nothing is registered then.
  template <class S>
  Task<Result<void>> service(std::string name, S& object);
  // A request that does not fit the schema is refused, with the path to what is wrong, before the handler sees it.
  // Errors: those above, and invalid for a schema that is none, or says more than can be checked.
  using DynamicHandler = std::move_only_function<Task<Result<std::string>>(CommandContext&, std::string request)>;
  Task<Result<void>> command(DynamicCommand command, DynamicHandler handler);
  // False: it is not registered here. Calls that run go on. The router and Parley peers are told.
  bool remove_command(std::string_view name);

  // Calls what this registry has, or can reach. Dropping the task cancels the call. A command of this process whose
  // types are these is called as the function that it is, unless an option is set: nothing is encoded, it has no
  // deadline, counts for no bound, and goes on when the registry is closed. Errors: not_found, permission; arguments
  // and response (what does not decode), json (the request has none); what the command says (failed, or its own code
  // from a Parley peer), handler_threw; deadline; sent_then_lost (its carrier went), not_sent (the router is not
  // there); too_large (for the carrier), overloaded, closed.
  template <class Out = void, class In = runtime::Nothing>
  Task<Result<Out>> execute(std::string name, In in = {}, ExecuteOptions options = {});
  // The request is an object as JSON, or empty; so is the result.
  struct Answer {
    std::string result;
    std::string meta;
  };
  Task<Result<Answer>> execute_json(std::string name, std::string request, ExecuteOptions options = {});

  // --- events

  // To all listeners here and all attached peers that want it; private ones, whose names begin with `_`, to those here.
  // What is too large for a carrier, or comes while its peer takes nothing, is dropped there and counted. Errors:
  // invalid, permission, closed; in its JSON, json.
  template <class T>
  Result<void> emit(std::string event, const T& payload) {
    std::string text;
    PARLEY_TRY(codec::append_json(text, payload));
    return emit_json(std::move(event), std::move(text));
  }
  Result<void> emit(std::string event) { return emit_json(std::move(event), {}); }
  Result<void> emit_json(std::string event, std::string payload, std::string meta = {},
                         const core::Rights* rights = nullptr);
  // Called with the name and the payload of each event that fits the pattern (`*` one segment, `**` any), those from
  // here included, in the order in which each publisher said them. Payloads of another type are counted and skipped;
  // what a listener throws is counted. Errors: invalid, overloaded.
  template <class T, class F>
  Result<Subscription> on(std::string_view pattern, F listener) {
    return on_json(pattern, [listener = std::move(listener)](std::string_view event, std::string_view payload) mutable {
      auto decoded = codec::from_json<T>(payload.empty() ? std::string_view("null") : payload);
      if (!decoded) return false;
      listener(event, *std::move(decoded));
      return true;
    });
  }
  // False from the listener: it could not read the payload.
  using JsonListener = std::move_only_function<bool(std::string_view event, std::string_view payload)>;
  Result<Subscription> on_json(std::string_view pattern, JsonListener listener);

  // --- peers

  // Starts the carrier and uses it until it ends or is detached. A router has been told by then what is registered
  // here, and has answered; commands that it refuses stay here (on_unannounced()). Errors: in_use (its
  // id, or there is a router), what its start said, link_lost (it went again), overloaded, closed; nothing of it stays
  // then.
  Task<Result<void>> attach(std::shared_ptr<Carrier> carrier, AttachOptions options = {});
  // False: there is none, and none to come. Calls to it end, what it asked for is stopped.
  bool detach(std::string_view id);
  // Waits until there is no carrier with that id; another one may take its place later.
  Task<void> detached(std::string id);

  // --- what there is

  // Public commands that are known here, by name.
  std::vector<CommandDefinition> commands(const core::Rights* rights = nullptr) const;
  // One of these; nothing where it is none of them.
  std::optional<CommandDefinition> definition(std::string_view name, const core::Rights* rights = nullptr) const;
  // One of these that may have been meant; empty: none.
  std::string nearest_command(std::string_view name, const core::Rights* rights = nullptr) const;
  // Told from now on of what somebody tried and may not; it may not come back here. One for all.
  void on_refused(std::move_only_function<void(const core::Registry::Refused&)> told);
  // Told from now on of what is known here and the router refuses; it may not come back here. One for all.
  void on_unannounced(std::move_only_function<void(const core::Registry::Unannounced&)> told);
  // Called, in a turn of its own, when these have changed.
  Subscription on_commands_changed(std::move_only_function<void()> listener);
  // Whether what is not known here may still be found by a router.
  bool has_router() const;
  // Whether there was a router, and is none now: what it has may come back.
  bool has_lost_router() const;
  const core::RegistryCounters& counters() const;
  const RegistryRuntimeCounters& runtime_counters() const;
  std::size_t carrier_count() const;
  std::size_t requests_in_flight() const;
  io::Loop& loop() const;

  // Everything that waits ends `closed`, carriers are closed, handlers destroyed. Idempotent.
  void close();

 private:
  class Impl;
  Task<Result<void>> add(std::string name, std::string description, std::shared_ptr<runtime::CommandHandler> handler,
                         CommandOptions options);
  Task<Result<void>> add_service(std::string name, codec::ServiceDescription description,
                                 std::shared_ptr<const runtime::MethodTable> methods);
  // The handler, if this process has the command and it is of that type, and where what it throws is counted: both
  // outlive the registry while it runs.
  struct Here {
    std::shared_ptr<runtime::CommandHandler> handler;
    std::shared_ptr<RegistryRuntimeCounters> counters;
    Error thrown() const;
  };
  Here find_here(std::string_view name, const void* type);

  template <class T, class R, class... A>
  static std::shared_ptr<runtime::CommandHandler> method_command(T& object, R (T::*method)(A...)) {
    auto function = [&object, method](A... arguments) -> R { return (object.*method)(static_cast<A&&>(arguments)...); };
    return std::make_shared<runtime::FunctionCommand<decltype(function)>>(std::move(function));
  }

  std::unique_ptr<Impl> impl_;
};

template <class Out, class In>
Task<Result<Out>> Registry::execute(std::string name, In in, ExecuteOptions options) {
  using Gives = runtime::OrNothing<Out>;
  if (!options.deadline && !options.on_progress && options.meta.empty() && !options.rights) {
    if (const Here here = find_here(name, &runtime::command_type<In, Gives>); here.handler) {
      CommandContext context;
      context.command_ = std::move(name);
      context.deadline_ = Instant::never();
      try {
        auto out = co_await static_cast<runtime::TypedCommand<In, Gives>&>(*here.handler).run(context, std::move(in));
        if constexpr (!std::is_void_v<Out>) co_return std::move(out);
        if (!out) co_return fail(std::move(out).error());
        co_return Result<Out>();
      } catch (...) {
        co_return fail(here.thrown());
      }
    }
  }
  std::string request;
  if constexpr (!std::is_same_v<In, runtime::Nothing>) {
    if (auto done = codec::append_json(request, in); !done) {
      co_return fail(Code::json, "the request has no JSON: " + done.error().note);
    }
  }
  auto answer = co_await execute_json(std::move(name), std::move(request), std::move(options));
  if (!answer) co_return fail(std::move(answer).error());
  if constexpr (std::is_void_v<Out>) {
    co_return Result<void>();
  } else {
    co_return runtime::decode_result<Out>(answer->result);
  }
}

}  // namespace parley
