#include "hub/hostpipe/pipe_gate.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/directory/name.h"
#include "core/policy/pattern.h"

namespace parley::hub {

// Another life of a hub, or of a saga that numbers its own, does not number alike; JavaScript reads such numbers.
static std::uint64_t first_saga(io::Clock& clock) {
  const auto wall = clock.wall().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(wall).count());
}

PipeGate::PipeGate(Parts parts, HostpipeOptions options, PipeHub::Refuse refuse, std::size_t newcomers_max)
    : hub_{.loop = parts.loop,
           .gate = parts.gate,
           .registry = parts.registry,
           .options = std::move(options),
           .refuse = std::move(refuse),
           .first_saga = first_saga(parts.loop.clock())},
      newcomers_max_(std::max<std::size_t>(newcomers_max, 1)),
      scope_(parts.loop) {
  PARLEY_ASSERT(mistakes_in(hub_.options).empty());
  listen();
}

PipeGate::~PipeGate() { cut_all(); }

// --- events

// What fits several patterns is heard once, by the first.
void PipeGate::listen() {
  std::vector<core::Pattern> earlier;
  for (const std::string& each : hub_.options.events) {
    auto heard = [this, earlier](std::string_view event, std::string_view payload) {
      const bool is_heard = std::ranges::any_of(earlier, [&](const auto& pattern) { return pattern.matches(event); });
      if (!is_heard && !core::is_private(event)) keep(event, payload);
      return true;
    };
    listening_.push_back(hub_.registry.on_json(each, std::move(heard)).value());
    earlier.push_back(core::Pattern::parse(each).value());
  }
}

// Numbered, kept and said in one: nobody hears a later one before. What would be a word of the launcher's own keeps its
// prefix.
void PipeGate::keep(std::string_view event, std::string_view payload) {
  std::string_view name = hub_.without_prefix(event);
  if (wire::hostpipe::is_of_launcher(name)) name = event;
  auto members = wire::hostpipe::members_of_event(payload);
  std::string line;
  if (members && !wire::hostpipe::is_of_launcher(name)) {
    line =
        wire::hostpipe::encode(wire::hostpipe::Event{std::string(name), hub_.log.version() + 1, *std::move(members)});
  }
  hub_.log.add({std::string(event), std::move(line)});
  if (host_) host_->pump();
}

// --- connections

void PipeGate::admit(PipeConnection::Arrival arrival) {
  if (is_closing_) return;
  ++hub_.counters.streams;
  if (newcomers_.size() >= newcomers_max_) {
    ++hub_.counters.pushed_out;
    connections_.at(*newcomers_.begin())->cut();
  }
  const std::uint64_t number = ++last_number_;
  auto made =
      std::make_unique<PipeConnection>(static_cast<PipeConnectionEvents&>(*this), hub_, number, std::move(arrival));
  PipeConnection& connection = *connections_.emplace(number, std::move(made)).first->second;
  newcomers_.insert(number);
  connection.start();
}

const PipeConnection* PipeGate::on_registering(PipeConnection& connection) {
  if (host_) return host_;
  newcomers_.erase(connection.number());
  host_ = &connection;
  return nullptr;
}

void PipeGate::on_registered(PipeConnection& connection, std::shared_ptr<HostCarrier> carrier,
                             std::shared_ptr<const core::Rights> rights) {
  scope_.spawn(attach(*this, std::move(carrier), std::move(rights), connection.number()));
}

// The names of the host before it are free once its carrier has gone; others may have waited for that, too.
Task<void> PipeGate::attach(PipeGate& gate, std::shared_ptr<HostCarrier> carrier,
                            std::shared_ptr<const core::Rights> rights, std::uint64_t number) {
  std::string before;
  do {
    before = gate.attached_id_;
    co_await gate.hub_.registry.detached(before);
  } while (before != gate.attached_id_);
  gate.attached_id_ = carrier->id();
  AttachOptions options;
  options.rights = std::move(rights);
  const auto attached = co_await gate.hub_.registry.attach(std::move(carrier), std::move(options));
  const auto found = gate.connections_.find(number);
  if (!attached && found != gate.connections_.end()) found->second->fail_to_attach(attached.error());
}

void PipeGate::forget(const PipeConnection& connection) {
  if (host_ == &connection) host_ = nullptr;
  newcomers_.erase(connection.number());
  leaving_.erase(connection.number());
}

void PipeGate::on_leaving(PipeConnection& connection) {
  forget(connection);
  if (!is_closing_ && leaving_.size() >= newcomers_max_) {
    ++hub_.counters.cut_off;
    connections_.at(*leaving_.begin())->cut();
  }
  leaving_.insert(connection.number());
}

void PipeGate::on_over(PipeConnection& connection) {
  forget(connection);
  auto over = connections_.extract(connection.number());
  hub_.loop.executor().bury(std::move(over.mapped()));
}

void PipeGate::close() {
  if (std::exchange(is_closing_, true)) return;
  listening_.clear();
  std::vector<std::uint64_t> numbers;
  for (const auto& [number, connection] : connections_) numbers.push_back(number);
  for (const std::uint64_t number : numbers) {
    if (const auto found = connections_.find(number); found != connections_.end()) found->second->leave();
  }
}

void PipeGate::cut_all() {
  while (!connections_.empty()) connections_.begin()->second->cut();
}

}  // namespace parley::hub
