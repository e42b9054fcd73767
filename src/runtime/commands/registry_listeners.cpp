#include "runtime/commands/registry_listeners.h"

namespace parley::runtime {

// What a Subscription holds: it does its work only while this lives.
template <class T, class F>
Subscription RegistryListeners::hold(std::shared_ptr<T> held, F end) {
  return Subscription(
      std::shared_ptr<void>(nullptr, [held = std::move(held), end, alive = std::weak_ptr(alive_)](void*) mutable {
        if (alive.lock()) end(*held);
      }));
}

Subscription RegistryListeners::add(core::Pattern pattern, Registry::JsonListener listener, Gone gone) {
  auto held = std::make_shared<Listener>(std::move(pattern), std::move(listener), std::move(gone));
  listeners_.push_back(held);
  return hold(held, [this](Listener& over) {
    std::erase_if(listeners_, [&](const auto& each) { return each.get() == &over; });
    over.gone(over.pattern);
  });
}

void RegistryListeners::tell(const core::Registry::Deliver& event) {
  const auto all = listeners_;
  for (const auto& each : all) {
    if (!each->pattern.matches(event.event) || each.use_count() == 1) continue;
    try {
      if (!each->listener(event.event, event.payload)) ++counters_->events_undecodable;
    } catch (...) {
      ++counters_->listeners_threw;
    }
  }
}

Subscription RegistryListeners::add_for_changes(std::move_only_function<void()> listener) {
  auto held = std::make_shared<ChangeListener>(std::move(listener));
  change_listeners_.push_back(held);
  return hold(held, [this](ChangeListener& over) {
    std::erase_if(change_listeners_, [&](const auto& each) { return each.get() == &over; });
  });
}

void RegistryListeners::tell_of_change() {
  if (!change_listeners_.empty() && !changed_.is_linked()) loop_.executor().post(changed_);
}

void RegistryListeners::tell_changed() {
  const auto all = change_listeners_;
  for (const auto& each : all) {
    if (each.use_count() == 1) continue;  // its Subscription went meanwhile
    try {
      each->listener();
    } catch (...) {
      ++counters_->listeners_threw;
    }
  }
}

}  // namespace parley::runtime
