#include "sim/sim_network.h"

#include <utility>

#include "async/wait.h"

namespace parley::sim {

// Hands out what was dialed; what waits when it dies is closed.
class SimListener final : public io::Listener {
 public:
  SimListener(SimNetwork& network, std::string address) : network_(network), address_(std::move(address)) {
    network_.listeners_.emplace(address_, this);
  }
  ~SimListener() override {
    if (is_destroyed_) *is_destroyed_ = true;
    network_.listeners_.erase(address_);
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
  const std::string address_;
  io::ListenerEvents* events_ = nullptr;
  std::vector<std::unique_ptr<io::Stream>> waiting_;
  bool* is_destroyed_ = nullptr;
  SimEventOf<SimListener, &SimListener::report> report_{*this};
};

class SimDialer final : public io::Dialer {
 public:
  SimDialer(SimNetwork& network, std::string address) : network_(network), address_(std::move(address)) {}

  Task<Result<std::unique_ptr<io::Stream>>> dial() override {
    World& world = network_.world_;
    const SimNetwork::Fate fate = network_.weather_ ? network_.weather_(address_) : SimNetwork::Fate();
    if (fate.delay > Duration()) co_await Sleep(world.executor(), fate.delay);
    const auto listener = network_.listeners_.find(address_);
    if (fate.is_refused || listener == network_.listeners_.end()) {
      world.coverage().hit(Spot::link_refused);
      world.trace().note("link.refused");
      co_return fail(Code::address, address_);
    }
    SimNetwork::Dialed link{address_, network_.dialed_count_++, network_.dialed_there_[address_]++, {}};
    auto [dialing, accepting] = SimStream::make_pair(world, address_, fate.link, fate.tap, &link.control);
    network_.links();  // those that have come to their end are forgotten
    network_.links_.push_back(std::move(link));
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
  const std::string address_;
};

SimNetwork::SimNetwork(World& world, Weather weather) : world_(world), weather_(std::move(weather)) {
  world_.set_network(this);
}

SimNetwork::~SimNetwork() {
  PARLEY_ASSERT(listeners_.empty(), "listeners die before their network");
  world_.set_network(nullptr);
}

Result<std::unique_ptr<io::Listener>> SimNetwork::listen(std::string address) {
  if (listeners_.contains(address)) return fail(Code::in_use, address + " has a listener");
  return std::make_unique<SimListener>(*this, std::move(address));
}

std::unique_ptr<io::Dialer> SimNetwork::dialer(std::string address) {
  return std::make_unique<SimDialer>(*this, std::move(address));
}

const std::vector<SimNetwork::Dialed>& SimNetwork::links() {
  std::erase_if(links_, [](const Dialed& link) { return link.control.end_count() == 0; });
  return links_;
}

std::vector<std::string> SimNetwork::listening() const {
  std::vector<std::string> addresses;
  for (const auto& [address, listener] : listeners_) addresses.push_back(address);
  return addresses;
}

}  // namespace parley::sim
