#include "hub/bus/bus_gate.h"

#include <algorithm>
#include <utility>

namespace parley::hub {

BusGate::BusGate(Parts parts, BusOptions options, BusHub::Refuse refuse, std::size_t newcomers_max)
    : hub_{.loop = parts.loop,
           .gate = parts.gate,
           .topics = parts.topics,
           .conversations = parts.conversations,
           .options = options,
           .refuse = std::move(refuse)},
      newcomers_max_(std::max<std::size_t>(newcomers_max, 1)),
      on_closed_(std::move(parts.on_closed)) {}

BusGate::~BusGate() { cut_all(); }

void BusGate::admit(BusConnection::Arrival arrival) {
  if (is_closing_) return;
  ++hub_.counters.streams;
  if (newcomers_.size() >= newcomers_max_) {
    ++hub_.counters.pushed_out;
    connections_.at(*newcomers_.begin())->cut();
  }
  const std::uint64_t number = ++last_number_;
  auto made =
      std::make_unique<BusConnection>(static_cast<BusConnectionEvents&>(*this), hub_, number, std::move(arrival));
  BusConnection& connection = *connections_.emplace(number, std::move(made)).first->second;
  newcomers_.insert(number);
  connection.start();
}

bool BusGate::on_entered(BusConnection& connection) {
  if (entered_ >= hub_.options.connections_max) {
    ++hub_.counters.too_many;
    return false;
  }
  newcomers_.erase(connection.number());
  ++entered_;
  return true;
}

// What it had here is gone; that it is still a connection counts for others who want to be one.
void BusGate::forget(const BusConnection& connection) {
  const std::uint64_t number = connection.number();
  if (newcomers_.erase(number) == 0 && leaving_.erase(number) == 0) --entered_;
}

void BusGate::on_leaving(BusConnection& connection) {
  forget(connection);
  if (!is_closing_ && leaving_.size() >= newcomers_max_) {
    ++hub_.counters.cut_off;
    connections_.at(*leaving_.begin())->cut();
  }
  leaving_.insert(connection.number());
}

void BusGate::on_over(BusConnection& connection) {
  forget(connection);
  auto over = connections_.extract(connection.number());
  hub_.loop.executor().bury(std::move(over.mapped()));
  tell_if_closed();
}

void BusGate::tell_if_closed() {
  if (!is_closing_ || !connections_.empty() || closed_.is_set()) return;
  deadline_.disarm();
  closed_.set();
  on_closed_();
}

std::size_t BusGate::worker_count() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(connections_, [](const auto& each) { return each.second->is_worker(); }));
}

void BusGate::close() {
  if (std::exchange(is_closing_, true)) return;
  std::vector<std::uint64_t> numbers;
  for (const auto& [number, connection] : connections_) numbers.push_back(number);
  for (const std::uint64_t number : numbers) {
    if (const auto found = connections_.find(number); found != connections_.end()) found->second->drain();
  }
  tell_if_closed();
  if (closed_.is_set()) return;
  hub_.loop.executor().arm(deadline_, hub_.loop.now() + hub_.options.drain_max);
}

void BusGate::cut_all() {
  while (!connections_.empty()) connections_.begin()->second->cut();
}

}  // namespace parley::hub
