#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "sim/bounds.h"
#include "sim/pair.h"
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
class Scenario final : private SimReactor::Watcher {
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
  void on_time_passes() override;
  bool are_all_idle() const;
  void wind_up();
  void judge(World::Stop stop, std::string_view when);
  SimNetwork::Fate draw_fate(const std::string& address);

  const Options options_;
  World world_;
  const Swarm swarm_;
  Verdicts verdicts_;
  CallBook calls_;
  FlowBook flows_;
  SimNetwork network_;
  std::vector<std::unique_ptr<Pair>> pairs_;
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
