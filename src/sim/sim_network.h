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

// The addresses of one world, and what becomes of those who dial them.
class SimNetwork {
 public:
  struct Fate {
    LinkOptions link;
    LinkTap* tap = nullptr;               // outlives the link
    io::FaultPlan* fault_plan = nullptr;  // the same; which read or write of either end fails
    Duration delay{};                     // of the dialing
    bool is_refused = false;              // as if nobody listened
  };
  using Weather = std::move_only_function<Fate(const std::string& name)>;

  // Without a weather every link is perfect.
  explicit SimNetwork(World& world, Weather weather = nullptr) : world_(world), weather_(std::move(weather)) {}

  // A name that is taken: Code::in_use. Dies before the network.
  Result<std::unique_ptr<io::Listener>> listen(std::string name);
  // Nobody listening, or a refusal by the weather: Code::address.
  std::unique_ptr<io::Dialer> dialer(std::string name);

 private:
  friend class SimListener;
  friend class SimDialer;
  World& world_;
  Weather weather_;
  std::map<std::string, SimListener*> listeners_;
};

}  // namespace parley::sim
