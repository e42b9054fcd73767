#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "sim/bounds.h"
#include "sim/party.h"
#include "sim/sim_network.h"
#include "sim/swarm.h"

namespace parley::sim {

// What one run came to.
struct Report {
  std::uint64_t seed = 0;
  std::uint64_t hash = 0;  // of everything that happened
  std::uint64_t events = 0;
  std::uint64_t calls = 0;
  std::uint64_t flows = 0;
  Duration lasted{};  // in the time of the run
  Coverage coverage;
  Verdicts verdicts;
  std::vector<std::string> lines;  // where they were kept
};

// Clients and a server of the real runtime in one thread, from the first dialing to the moment when nothing is left.
// Everything of it repeats from the seed.
class Scenario final : private SimReactor::Watcher, private io::ListenerEvents {
 public:
  struct Options {
    std::uint64_t seed = 1;
    const Swarm* swarm = nullptr;         // instead of the one that the seed draws
    io::FaultPlan* fault_plan = nullptr;  // which read or write fails
    bool keeps_lines = false;
  };
  explicit Scenario(const Options& options);
  ~Scenario();
  Report run();

 private:
  // Both sides of one session, and who reads along.
  struct Pair {
    Pair(Scenario& scenario, std::size_t number);
    void end_it();
    Scenario& scenario;
    const bool is_foreign;
    WireModel wire;
    Party dialing;
    Party accepting;
    Finale finale = Finale::idle;
    std::size_t finale_side = 0;
    bool has_dialed = false;
    SimEventOf<Pair, &Pair::end_it> finale_event;
    Scope scope;
  };

  Task<void> dial(Pair& pair);
  void on_stream(std::unique_ptr<io::Stream> stream) override;
  void on_listener_failed(Error error) override;
  void on_time_passes() override;
  bool are_all_idle() const;
  void wind_up();
  void judge(World::Stop stop, std::string_view when);
  SimNetwork::Fate draw_fate();

  const Options options_;
  World world_;
  const Swarm swarm_;
  Verdicts verdicts_;
  CallBook calls_;
  FlowBook flows_;
  SimNetwork network_;
  std::vector<std::unique_ptr<Pair>> pairs_;
  std::vector<Pair*> dialed_;  // whose stream the listener has not handed out yet, in their order
  Pair* dialing_ = nullptr;    // whose fate is being drawn
  std::unique_ptr<io::Listener> listener_;
};

// Runs what a seed draws.
Report run_seed(std::uint64_t seed, bool keeps_lines = false);

// Runs the scenario again and again, with its first read or write failing, then its second, and so on until one gets
// through without a failure; how many failed. `run` is given the plan and returns false to stop early.
template <class Run>
std::uint64_t fail_at_each(Run run) {
  for (std::uint64_t n = 0;; ++n) {
    io::FaultPlan plan{.fail_at = n};
    if (!run(plan) || !plan.has_failed()) return n;
  }
}

}  // namespace parley::sim
