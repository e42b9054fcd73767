#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "io/fault_stream.h"
#include "io/stream.h"
#include "sim/sim_stream.h"

namespace parley::sim {

class SimListener;

// The addresses of one world, and what becomes of those who dial them. While it lives, the world's loop listens and
// dials here.
class SimNetwork final : public SimLoop::Network {
 public:
  struct Fate {
    LinkOptions link;
    LinkTap* tap = nullptr;               // outlives the link
    io::FaultPlan* fault_plan = nullptr;  // the same; which read or write of either end fails
    Duration delay{};                     // of the dialing
    bool is_refused = false;              // as if nobody listened
  };
  using Weather = std::move_only_function<Fate(const std::string& address)>;

  // Without a weather every link is perfect.
  explicit SimNetwork(World& world, Weather weather = nullptr);
  ~SimNetwork();
  SimNetwork(const SimNetwork&) = delete;
  SimNetwork& operator=(const SimNetwork&) = delete;

  // An address that is taken: Code::in_use. Dies before the network.
  Result<std::unique_ptr<io::Listener>> listen(std::string address) override;
  // Nobody listening, or a refusal by the weather: Code::address.
  std::unique_ptr<io::Dialer> dialer(std::string address) override;

  // A link that was dialed: where, as which of the world and which of its address, counted from 0.
  struct Dialed {
    std::string address;
    std::uint64_t number = 0;
    std::uint64_t number_there = 0;
    SimStream::Control control;
  };
  // Those that have an end left, in the order of dialing.
  const std::vector<Dialed>& links();
  // Where somebody listens, in alphabetical order.
  std::vector<std::string> listening() const;

 private:
  friend class SimListener;
  friend class SimDialer;
  World& world_;
  Weather weather_;
  std::vector<Dialed> links_;
  std::uint64_t dialed_count_ = 0;
  std::map<std::string, std::uint64_t> dialed_there_;
  std::map<std::string, SimListener*> listeners_;
};

}  // namespace parley::sim
