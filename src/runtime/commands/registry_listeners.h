#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "core/directory/name.h"
#include "runtime/commands/registry.h"

namespace parley::runtime {

// Who listens at a registry, each as long as its Subscription lives, which may outlive this. Owned by the registry, on
// its loop. A listener may take others away, and itself; one that throws is counted.
class RegistryListeners {
 public:
  RegistryListeners(io::Loop& loop, std::shared_ptr<RegistryRuntimeCounters> counters)
      : loop_(loop), counters_(std::move(counters)) {}
  RegistryListeners(const RegistryListeners&) = delete;
  RegistryListeners& operator=(const RegistryListeners&) = delete;

  // To events. `gone` is told when its Subscription ends.
  using Gone = std::move_only_function<void(const core::Pattern&)>;
  Subscription add(core::Pattern pattern, Registry::JsonListener listener, Gone gone);
  std::size_t count() const { return listeners_.size(); }
  void tell(const core::Registry::Deliver& event);

  // To what commands there are: told once for all that has changed in this turn.
  Subscription add_for_changes(std::move_only_function<void()> listener);
  void tell_of_change();

 private:
  struct Listener {
    core::Pattern pattern;
    Registry::JsonListener listener;
    Gone gone;
  };
  struct ChangeListener {
    std::move_only_function<void()> listener;
  };
  struct Changed final : Ready {
    explicit Changed(RegistryListeners& owner) : Ready(&Changed::run), owner(owner) {}
    static void run(Ready& node) { static_cast<Changed&>(node).owner.tell_changed(); }
    RegistryListeners& owner;
  };
  template <class T, class F>
  Subscription hold(std::shared_ptr<T> held, F end);
  void tell_changed();

  io::Loop& loop_;
  const std::shared_ptr<RegistryRuntimeCounters> counters_;
  std::vector<std::shared_ptr<Listener>> listeners_;
  std::vector<std::shared_ptr<ChangeListener>> change_listeners_;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
  Changed changed_{*this};
};

}  // namespace parley::runtime
