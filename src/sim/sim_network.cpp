#include "sim/sim_network.h"

#include <utility>

#include "async/wait.h"

namespace parley::sim {

// Hands out what was dialed; what waits when it dies is closed.
class SimListener final : public io::Listener {
 public:
  SimListener(SimNetwork& network, std::string name)
      : network_(network), name_(std::move(name)), address_("sim:" + name_) {
    network_.listeners_.emplace(name_, this);
  }
  ~SimListener() override {
    if (is_destroyed_) *is_destroyed_ = true;
    network_.listeners_.erase(name_);
  }

  void start(io::ListenerEvents& events) override {
    PARLEY_ASSERT(events_ == nullptr, "a listener is started once");
    events_ = &events;
    if (!waiting_.empty()) network_.world_.reactor().plan(report_, network_.world_.now());
  }
  const std::string& address() const override { return address_; }

  void take(std::unique_ptr<io::Stream> stream) {
    waiting_.push_back(std::move(stream));
    if (events_ && !report_.is_planned()) network_.world_.reactor().plan(report_, network_.world_.now());
  }

 private:
  void report() {
    bool is_destroyed = false;
    is_destroyed_ = &is_destroyed;
    auto streams = std::exchange(waiting_, {});
    for (auto& stream : streams) {
      events_->on_stream(std::move(stream));
      if (is_destroyed) return;
    }
    is_destroyed_ = nullptr;
  }

  SimNetwork& network_;
  const std::string name_;
  const std::string address_;
  io::ListenerEvents* events_ = nullptr;
  std::vector<std::unique_ptr<io::Stream>> waiting_;
  bool* is_destroyed_ = nullptr;
  SimEventOf<SimListener, &SimListener::report> report_{*this};
};

class SimDialer final : public io::Dialer {
 public:
  SimDialer(SimNetwork& network, std::string name)
      : network_(network), name_(std::move(name)), address_("sim:" + name_) {}

  Task<Result<std::unique_ptr<io::Stream>>> dial() override {
    World& world = network_.world_;
    const SimNetwork::Fate fate = network_.weather_ ? network_.weather_(name_) : SimNetwork::Fate();
    if (fate.delay > Duration()) co_await Sleep(world.executor(), fate.delay);
    const auto listener = network_.listeners_.find(name_);
    if (fate.is_refused || listener == network_.listeners_.end()) {
      world.coverage().hit(Spot::link_refused);
      world.trace().note("link.refused");
      co_return fail(Code::address, address_);
    }
    auto [dialing, accepting] = SimStream::make_pair(world, address_, fate.link, fate.tap);
    if (fate.fault_plan) {
      dialing = std::make_unique<io::FaultStream>(world.executor(), std::move(dialing), *fate.fault_plan);
      accepting = std::make_unique<io::FaultStream>(world.executor(), std::move(accepting), *fate.fault_plan);
    }
    listener->second->take(std::move(accepting));
    co_return std::move(dialing);
  }
  const std::string& address() const override { return address_; }

 private:
  SimNetwork& network_;
  const std::string name_;
  const std::string address_;
};

Result<std::unique_ptr<io::Listener>> SimNetwork::listen(std::string name) {
  if (listeners_.contains(name)) return fail(Code::in_use, "sim:" + name + " has a listener");
  return std::make_unique<SimListener>(*this, std::move(name));
}

std::unique_ptr<io::Dialer> SimNetwork::dialer(std::string name) {
  return std::make_unique<SimDialer>(*this, std::move(name));
}

}  // namespace parley::sim
