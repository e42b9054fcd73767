#include "runtime/commands/registry.h"

#include <fmt/format.h>

#include <unordered_map>

#include "async/scope.h"
#include "async/wait.h"
#include "core/directory/name.h"
#include "runtime/commands/command_run.h"
#include "runtime/commands/dynamic_command.h"
#include "runtime/commands/registry_listeners.h"
#include "runtime/commands/untaken.h"

namespace parley {

namespace command = wire::command;
using runtime::CommandHandler;
using runtime::CommandRun;

class Registry::Impl final : private runtime::CommandRunEvents {
 public:
  using Machine = core::Registry;

  Impl(io::Loop& loop, RegistryOptions options, core::Directory* shared)
      : loop_(loop),
        options_(std::move(options)),
        own_(shared ? nullptr : std::make_unique<core::Directory>(options_.directory)),
        machine_(shared ? *shared : *own_, options_.limits, loop.random().next()),
        scope_(loop) {}
  ~Impl() {
    close();
    PARLEY_ASSERT(!is_draining_, "a registry is not destroyed by its own handlers and listeners");
  }

  io::Loop& loop() const { return loop_; }
  const Machine& machine() const { return machine_; }
  const RegistryRuntimeCounters& counters() const { return *counters_; }

  // --- commands

  // Waits for the end of a registration; the handler is there from the beginning.
  Task<Result<void>> add(command::Definition definition, std::shared_ptr<CommandHandler> handler) {
    const std::string id = definition.id;
    if (handlers_.contains(id)) {
      co_return fail(Code::in_use, fmt::format("\"{}\" is registered here already", id));
    }
    Registering registering(*this, id);
    handlers_.emplace(id, std::move(handler));
    machine_.register_command(std::move(definition), loop_.now(), effects_);
    drain();
    co_await registering.ended.wait();
    co_return *registering.result;
  }
  bool remove(std::string_view name) {
    if (!machine_.unregister_command(name, effects_)) return false;
    handlers_.erase(handlers_.find(name));
    drain();
    return true;
  }
  Here find_here(std::string_view name, const void* type) {
    const auto found = handlers_.find(name);
    if (found == handlers_.end() || found->second->type() != type) return {};
    if (is_closed_ || registering_.contains(name)) return {};
    return {found->second, counters_};
  }

  Task<Result<Answer>> execute(std::string name, std::string request, ExecuteOptions options) {
    Executing executing(*this);
    executing.on_progress = std::move(options.on_progress);
    Machine::Execution execution{.command = std::move(name), .request = std::move(request)};
    execution.meta = std::move(options.meta);
    if (options.deadline) execution.deadline = loop_.now() + *options.deadline;
    execution.rights = options.rights;
    execution.wants_progress = static_cast<bool>(executing.on_progress);
    executing.call = machine_.execute(std::move(execution), loop_.now(), effects_);
    executing_.emplace(executing.call, &executing);
    drain();
    co_await executing.ended.wait();
    auto& result = *executing.result;
    if (!result) co_return fail(std::move(result).error());
    co_return Answer{*std::move(result), std::move(executing.meta)};
  }

  // --- events

  Result<void> emit(std::string event, std::string payload, std::string meta, const core::Rights* rights) {
    auto emitted = machine_.emit(std::move(event), std::move(payload), std::move(meta), rights, loop_.now(), effects_);
    drain();
    return emitted;
  }
  Result<Subscription> on(std::string_view text, JsonListener listener) {
    PARLEY_TRY(core::Pattern pattern, core::Pattern::parse(text));
    if (listeners_.count() >= options_.listeners_max) {
      return fail(Code::overloaded, fmt::format("{} listeners", options_.listeners_max));
    }
    machine_.listen(pattern, effects_);
    Subscription added = listeners_.add(std::move(pattern), std::move(listener), [this](const core::Pattern& gone) {
      machine_.forget(gone, effects_);
      drain();
    });
    drain();
    return added;
  }
  Subscription on_changed(std::move_only_function<void()> listener) {
    return listeners_.add_for_changes(std::move(listener));
  }

  // --- carriers

  // A carrier whose place may be taken is known as such for as long as somebody may take it.
  Task<Result<void>> attach(std::shared_ptr<Carrier> carrier, AttachOptions options) {
    if (!options.next) co_return co_await attach_once(std::move(carrier), std::move(options));
    auto returning =
        std::make_shared<Returning>(Returning{.terms = terms_of(options), .next = std::move(options.next)});
    const std::string id = carrier->id();
    auto attached = co_await attach_once(std::move(carrier), std::move(options));
    if (attached) scope_.spawn(come_back(*this, id, returning_[id] = returning));
    co_return attached;
  }
  Task<Result<void>> attach_once(std::shared_ptr<Carrier> carrier, AttachOptions options) {
    auto added = machine_.add({.id = carrier->id(),
                               .is_router = options.is_router,
                               .is_extended = carrier->is_extended(),
                               .wants_commands = options.wants_commands,
                               .rights = options.rights.get()});
    if (!added) co_return fail(std::move(added).error());
    Starting starting(*this, *added, {carrier, std::move(options.rights)});
    const auto closed = [this, alive = std::weak_ptr(alive_)] { return alive.expired() || is_closed_; };
    auto started = co_await carrier->start();
    if (closed()) co_return fail(Code::closed, "the registry was closed");
    if (!started) co_return fail(std::move(started).error());
    if (!starting.keep()) co_return fail(Code::closed, "the carrier was detached while it started");
    machine_.start(*added, loop_.now(), effects_);
    scope_.spawn(read(*this, *added, std::move(carrier)));
    drain();
    while (options.is_router && !closed() && machine_.is_announcing()) {
      announced_.reset();
      co_await announced_.wait();
    }
    if (closed()) co_return fail(Code::closed, "the registry was closed");
    if (!carriers_.contains(*added))
      co_return fail(Code::link_lost, "the carrier went before the peer knew what is here");
    co_return Result<void>();
  }
  bool detach(std::string_view id) {
    const auto returning = returning_.find(id);
    const bool was_to_come = returning != returning_.end();
    if (was_to_come) returning_.erase(returning);
    const auto found = by_id_.find(id);
    if (found == by_id_.end()) return was_to_come;
    drop(found->second);
    drain();
    return true;
  }
  Task<void> detached(std::string id) {
    const auto found = by_id_.find(id);
    if (found == by_id_.end()) co_return;
    const std::shared_ptr<Event> gone = carriers_.at(found->second).gone;
    co_await gone->wait();
  }

  void close() {
    if (is_closed_) return;
    is_closed_ = true;
    returning_.clear();
    machine_.close(effects_);
    drain();
    while (!carriers_.empty()) drop(carriers_.begin()->first);
    drain();
    clock_.disarm();
  }

  std::move_only_function<void(const core::Registry::Refused&)> told_of_refusals;
  std::move_only_function<void(const core::Registry::Unannounced&)> told_of_unannounced;

 private:
  struct Attached {
    std::shared_ptr<Carrier> carrier;
    std::shared_ptr<const core::Rights> rights;
    std::shared_ptr<Event> gone = std::make_shared<Event>();  // which outlives this for those who wait
  };
  struct Returning {
    AttachOptions terms;  // of each carrier
    std::move_only_function<Task<std::shared_ptr<Carrier>>()> next;
  };
  struct Registering {
    Registering(Impl& owner, std::string name) : impl(owner), id(std::move(name)) {
      impl.registering_.emplace(id, this);
    }
    // Dropped before it ended: the command goes when the router has answered.
    ~Registering() {
      if (result) return;
      impl.registering_[id] = nullptr;
    }
    Impl& impl;
    std::string id;
    Event ended;
    std::optional<Result<void>> result;
  };
  struct Executing {
    explicit Executing(Impl& owner) : impl(owner) {}
    ~Executing() {
      if (result) return;
      impl.executing_.erase(call);
      impl.machine_.cancel(call, impl.effects_);
      impl.drain();
    }
    Impl& impl;
    Machine::Call call = 0;
    std::move_only_function<void(std::string_view)> on_progress;
    Event ended;
    std::optional<Result<std::string>> result;
    std::string meta;
  };
  // A carrier until it has started: what fails, or is dropped, leaves nothing behind.
  struct Starting {
    Starting(Impl& owner, Machine::Carrier carrier, Attached attached)
        : impl(owner), key(carrier), alive(owner.alive_) {
      impl.by_id_.emplace(attached.carrier->id(), key);
      impl.carriers_.emplace(key, std::move(attached));
    }
    ~Starting() {
      if (is_kept || alive.expired()) return;
      impl.drop(key);
      impl.drain();
    }
    bool keep() { return is_kept = impl.carriers_.contains(key); }
    Impl& impl;
    Machine::Carrier key;
    std::weak_ptr<int> alive;
    bool is_kept = false;
  };
  struct Clock final : Timer {
    explicit Clock(Impl& owner) : Timer(&Clock::fire), impl(owner) {}
    static void fire(Timer& timer) {
      Impl& impl = static_cast<Clock&>(timer).impl;
      impl.armed_for_ = Instant::never();
      if (!impl.due_.is_linked()) impl.loop_.executor().post(impl.due_);
    }
    Impl& impl;
  };
  struct Due final : Ready {
    explicit Due(Impl& owner) : Ready(&Due::run), impl(owner) {}
    static void run(Ready& node) {
      Impl& impl = static_cast<Due&>(node).impl;
      impl.machine_.on_time(impl.loop_.now(), impl.effects_);
      impl.drain();
    }
    Impl& impl;
  };

  static Task<void> read(Impl& impl, Machine::Carrier key, std::shared_ptr<Carrier> carrier) {
    while (auto received = co_await carrier->receive()) {
      if (auto* message = std::get_if<CommandMessage>(&*received)) {
        impl.machine_.on_message(key, std::move(*message), impl.loop_.now(), impl.effects_);
      } else {
        impl.machine_.on_malformed(key, std::get<command::Malformed>(*received), impl.effects_);
      }
      impl.drain();
    }
    impl.drop(key);
    impl.drain();
  }

  static AttachOptions terms_of(const AttachOptions& options) {
    return {.is_router = options.is_router, .wants_commands = options.wants_commands, .rights = options.rights};
  }
  static Task<void> come_back(Impl& impl, std::string id, std::shared_ptr<Returning> returning) {
    const auto is_to_come = [&] {
      const auto found = impl.returning_.find(id);
      return found != impl.returning_.end() && found->second == returning;
    };
    while (is_to_come()) {
      co_await impl.detached(id);
      if (!is_to_come()) co_return;
      auto carrier = co_await returning->next();
      if (!is_to_come()) co_return;
      if (!carrier) break;
      static_cast<void>(co_await impl.attach_once(std::move(carrier), terms_of(returning->terms)));
    }
    if (is_to_come()) impl.returning_.erase(id);
  }

  void drop(Machine::Carrier key) {
    const auto found = carriers_.find(key);
    if (found == carriers_.end()) return;
    const Attached gone = std::move(found->second);
    carriers_.erase(found);
    by_id_.erase(gone.carrier->id());
    gone.carrier->close();
    machine_.drop(key, effects_);
    gone.gone->set();
  }

  // Does what the machine asks for, in order, what that makes it ask for included. What runs inside adds to it.
  void drain() {
    if (is_draining_) return;
    is_draining_ = true;
    while (!effects_.empty()) {
      doing_.swap(effects_);
      for (Machine::Effect& each : doing_) {
        std::visit([this](auto& effect) { carry_out(effect); }, each);
      }
      doing_.clear();
    }
    is_draining_ = false;
    if (!machine_.is_announcing()) announced_.set();
    // A deadline that is later than the timer, as nearly all are, waits until it fires.
    const Instant next = machine_.next_deadline();
    if (next >= armed_for_) return;
    armed_for_ = next;
    loop_.executor().arm(clock_, next);
  }

  void carry_out(Machine::Send& send) {
    const auto found = carriers_.find(send.to);
    if (found == carriers_.end()) return;
    const auto carrier = found->second.carrier;
    const bool is_shared = send.message.use_count() > 1;
    const auto sent = is_shared ? carrier->send(*send.message) : carrier->give(std::move(*send.message));
    if (sent) return;
    runtime::Untaken untaken = runtime::untaken(*send.message, *carrier, sent.error());
    if (untaken.is_dropped) ++counters_->events_dropped;
    if (untaken.heard) machine_.on_message(send.to, *std::move(untaken.heard), loop_.now(), effects_);
    if (untaken.ends_alone) return;
    if (sent.error().code == Code::overloaded) ++counters_->carriers_choked;
    drop(send.to);
  }
  void carry_out(Machine::Start& start) {
    const auto found = handlers_.find(start.command);
    const Machine::Call call = start.call;
    if (found == handlers_.end()) {
      machine_.finished(call, fail(Code::not_found, "it was removed just now"), {}, effects_);
      return;
    }
    if (runs_.size() >= options_.handlers_max) {
      ++counters_->handlers_refused;
      auto why = fail(Code::overloaded, fmt::format("{} commands run here", runs_.size()));
      machine_.finished(call, std::move(why), {}, effects_);
      return;
    }
    std::string caller = start.from == Machine::here ? std::string() : machine_.id_of(start.from);
    auto run = std::make_unique<CommandRun>(static_cast<runtime::CommandRunEvents&>(*this), found->second,
                                            std::move(start), std::move(caller));
    CommandRun& running = *run;
    runs_.emplace(call, std::move(run));
    running.start(loop_.executor());
  }
  void carry_out(Machine::Stop& stop) { end_run(stop.call); }
  void carry_out(Machine::Settle& settle) {
    const auto found = executing_.find(settle.call);
    if (found == executing_.end()) return;
    Executing& executing = *found->second;
    executing_.erase(found);
    executing.result = std::move(settle.result);
    executing.meta = std::move(settle.meta);
    executing.ended.set();
  }
  void carry_out(Machine::Progressed& progressed) {
    const auto found = executing_.find(progressed.call);
    if (found == executing_.end() || !found->second->on_progress) return;
    try {
      found->second->on_progress(progressed.content);
    } catch (...) {
      ++counters_->listeners_threw;
    }
  }
  void carry_out(Machine::Registered& registered) {
    if (!registered.result) handlers_.erase(registered.command);
    const auto found = registering_.find(registered.command);
    if (found == registering_.end()) return;
    Registering* const waiting = found->second;
    registering_.erase(found);
    if (!waiting) {
      remove(registered.command);
      return;
    }
    waiting->result = std::move(registered.result);
    waiting->ended.set();
  }
  void carry_out(const Machine::Deliver& event) { listeners_.tell(event); }
  void carry_out(const Machine::Changed&) { listeners_.tell_of_change(); }
  void carry_out(Machine::Refused& refused) {
    if (told_of_refusals) told_of_refusals(refused);
  }
  void carry_out(Machine::Unannounced& refused) {
    if (told_of_unannounced) told_of_unannounced(refused);
  }

  void on_end(CommandRun& run, Result<std::string> result, std::string meta) override {
    const Machine::Call call = run.call();
    end_run(call);
    machine_.finished(call, std::move(result), std::move(meta), effects_);
    drain();
  }
  void on_progress(CommandRun& run, std::string content) override {
    machine_.progressed(run.call(), std::move(content), effects_);
    drain();
  }
  void on_throw() override { ++counters_->handlers_threw; }

  void end_run(Machine::Call call) {
    auto over = runs_.extract(call);
    if (over.empty()) return;
    over.mapped()->stop();
    loop_.executor().bury(std::move(over.mapped()));
  }

  io::Loop& loop_;
  const RegistryOptions options_;
  std::unique_ptr<core::Directory> own_;
  Machine machine_;
  const std::shared_ptr<RegistryRuntimeCounters> counters_ = std::make_shared<RegistryRuntimeCounters>();
  Machine::Effects effects_;
  Machine::Effects doing_;  // while it drains; both keep their memory
  bool is_draining_ = false;
  bool is_closed_ = false;
  Instant armed_for_ = Instant::never();
  std::map<std::string, std::shared_ptr<CommandHandler>, std::less<>> handlers_;
  std::map<std::string, Registering*, std::less<>> registering_;  // null: whoever waited is gone
  std::unordered_map<Machine::Call, std::unique_ptr<CommandRun>> runs_;
  std::unordered_map<Machine::Call, Executing*> executing_;
  std::map<Machine::Carrier, Attached> carriers_;
  std::map<std::string, Machine::Carrier, std::less<>> by_id_;
  std::map<std::string, std::shared_ptr<Returning>, std::less<>> returning_;
  runtime::RegistryListeners listeners_{loop_, counters_};
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
  Event announced_;
  Clock clock_{*this};
  Due due_{*this};
  Scope scope_;
};

Registry::Registry(io::Loop& loop, RegistryOptions options)
    : impl_(std::make_unique<Impl>(loop, std::move(options), nullptr)) {}
Registry::Registry(io::Loop& loop, RegistryOptions options, core::Directory& directory)
    : impl_(std::make_unique<Impl>(loop, std::move(options), &directory)) {}
Registry::~Registry() = default;

static command::Annotations annotations_of(const CommandOptions& options) {
  return {options.read_only, options.destructive, options.idempotent, options.returns_content};
}

Task<Result<void>> Registry::add(std::string name, std::string description, std::shared_ptr<CommandHandler> handler,
                                 CommandOptions options) {
  command::Definition definition{.id = std::move(name)};
  if (!description.empty()) definition.description = std::move(description);
  definition.schema = command::schema_of(handler->request_schema(), handler->response_schema());
  definition.annotations = annotations_of(options);
  return impl_->add(std::move(definition), std::move(handler));
}

Task<Result<void>> Registry::command(DynamicCommand given, DynamicHandler handler) {
  auto schemas = runtime::compile_schemas(given);
  if (!schemas) co_return fail(std::move(schemas).error());
  command::Definition definition{.id = std::move(given.name)};
  if (!given.description.empty()) definition.description = std::move(given.description);
  definition.schema = std::move(schemas->text);
  definition.annotations = annotations_of(given.options);
  co_return co_await impl_->add(std::move(definition),
                                runtime::dynamic_command(std::move(handler), std::move(schemas->request)));
}

bool Registry::remove_command(std::string_view name) { return impl_->remove(name); }
Registry::Here Registry::find_here(std::string_view name, const void* type) { return impl_->find_here(name, type); }
Error Registry::Here::thrown() const {
  ++counters->handlers_threw;
  return runtime::error_of_thrown();
}
Task<Result<Registry::Answer>> Registry::execute_json(std::string name, std::string request, ExecuteOptions options) {
  return impl_->execute(std::move(name), std::move(request), std::move(options));
}
Result<void> Registry::emit_json(std::string event, std::string payload, std::string meta, const core::Rights* rights) {
  return impl_->emit(std::move(event), std::move(payload), std::move(meta), rights);
}
Result<Subscription> Registry::on_json(std::string_view pattern, JsonListener listener) {
  return impl_->on(pattern, std::move(listener));
}
Task<Result<void>> Registry::attach(std::shared_ptr<Carrier> carrier, AttachOptions options) {
  return impl_->attach(std::move(carrier), std::move(options));
}
bool Registry::detach(std::string_view id) { return impl_->detach(id); }
Task<void> Registry::detached(std::string id) { return impl_->detached(std::move(id)); }
std::vector<CommandDefinition> Registry::commands(const core::Rights* rights) const {
  return impl_->machine().commands(rights);
}
std::optional<CommandDefinition> Registry::definition(std::string_view name, const core::Rights* rights) const {
  const auto* const found = impl_->machine().table().find(name);
  if (!found || core::is_private(name) || (rights && !rights->sees(name))) return std::nullopt;
  return found->definition;
}
void Registry::on_refused(std::move_only_function<void(const core::Registry::Refused&)> told) {
  impl_->told_of_refusals = std::move(told);
}
void Registry::on_unannounced(std::move_only_function<void(const core::Registry::Unannounced&)> told) {
  impl_->told_of_unannounced = std::move(told);
}
Subscription Registry::on_commands_changed(std::move_only_function<void()> listener) {
  return impl_->on_changed(std::move(listener));
}
const core::RegistryCounters& Registry::counters() const { return impl_->machine().counters(); }
const RegistryRuntimeCounters& Registry::runtime_counters() const { return impl_->counters(); }
std::string Registry::nearest_command(std::string_view name, const core::Rights* rights) const {
  return std::string(impl_->machine().nearest_command(name, rights));
}
bool Registry::has_router() const { return impl_->machine().has_router(); }
bool Registry::has_lost_router() const { return impl_->machine().has_lost_router(); }
std::size_t Registry::carrier_count() const { return impl_->machine().carrier_count(); }
std::size_t Registry::requests_in_flight() const { return impl_->machine().requests_in_flight(); }
io::Loop& Registry::loop() const { return impl_->loop(); }
void Registry::close() { impl_->close(); }

}  // namespace parley
