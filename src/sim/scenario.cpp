#include "sim/scenario.h"

#include <fmt/format.h>

#include <algorithm>

namespace parley::sim {

namespace {

// Far beyond everything that a run may take: what is not over by then never will be.
constexpr Duration run_max = std::chrono::hours(1);

Swarm draw_swarm(World& world, const Swarm* given) { return given ? *given : Swarm::draw(world.prng()); }

}  // namespace

Scenario::Scenario(const Options& options)
    : options_(options),
      world_(options.seed, options.keeps_lines),
      swarm_(draw_swarm(world_, options.swarm)),
      calls_(verdicts_, world_.coverage(), world_.trace()),
      flows_(verdicts_, world_.coverage(), world_.trace()),
      network_(world_, [this](const std::string& address) { return draw_fate(address); }) {
  world_.reactor().set_watcher(this);
}

Scenario::~Scenario() { world_.reactor().set_watcher(nullptr); }

SimNetwork::Fate Scenario::draw_fate(const std::string& address) {
  const auto pair = std::ranges::find_if(pairs_, [&](const auto& each) { return each->address() == address; });
  return (*pair)->draw_fate(options_.fault_plan);
}

void Scenario::on_time_passes() {
  calls_.check_moment();
  for (const auto& pair : pairs_) pair->check_moment();
}

bool Scenario::are_all_idle() const {
  return std::ranges::all_of(pairs_, [](const auto& pair) { return pair->is_idle(); });
}

void Scenario::judge(World::Stop stop, std::string_view when) {
  switch (stop) {
    case World::Stop::done: return;
    case World::Stop::deadlock:
      return verdicts_.fail("progress",
                            fmt::format("{}: nothing happens any more, {} calls are open", when, calls_.open_count()));
    case World::Stop::time_up:
      return verdicts_.fail("progress",
                            fmt::format("{}: it takes forever, {} calls are open", when, calls_.open_count()));
    case World::Stop::livelock:
      return verdicts_.fail("progress", fmt::format("{}: it turns and turns and time stands still", when));
  }
}

Report Scenario::run() {
  for (std::size_t i = 0; i < swarm_.sessions; ++i) {
    const Scene scene{world_, swarm_, calls_, flows_, verdicts_};
    pairs_.emplace_back(std::make_unique<Pair>(scene, network_, i))->dial();
  }
  judge(world_.run_until([this] { return are_all_idle(); }, VirtualClock::start + run_max), "at work");
  wind_up();

  Report report{.seed = options_.seed,
                .hash = world_.trace().hash(),
                .events = world_.trace().size(),
                .calls = calls_.size(),
                .flows = flows_.size(),
                .lasted = world_.now() - VirtualClock::start,
                .coverage = world_.coverage(),
                .verdicts = verdicts_,
                .lines = world_.trace().lines()};
  return report;
}

// Everybody lets go, in any order; then nothing may be left.
void Scenario::wind_up() {
  std::vector<Party*> parties;
  for (const auto& pair : pairs_) {
    pair->stop();
    for (const std::size_t side : {0, 1}) parties.push_back(&pair->party(side));
  }
  while (!parties.empty()) {
    const auto chosen = parties.begin() + static_cast<std::ptrdiff_t>(world_.prng().below(parties.size()));
    (*chosen)->release();
    parties.erase(chosen);
    if (world_.prng().chance(500)) world_.loop().poll_once();
  }
  const auto is_over = [this] { return std::ranges::all_of(pairs_, [](const auto& pair) { return pair->is_over(); }); };
  judge(world_.run_until(is_over, world_.now() + run_max), "winding up");
  for (const auto& pair : pairs_) pair->stop_listening();
  judge(world_.run_until([this] { return world_.is_quiet(); }, world_.now() + run_max), "in the end");
  on_time_passes();
  calls_.check_end();
  flows_.check_end();
  std::uint64_t streams = 0;
  for (const auto& pair : pairs_) streams += pair->is_over() ? 0 : 1;
  check_leftovers({.handlers = calls_.handlers_alive(),
                   .streams = streams,
                   .timers = world_.executor().timer_count(),
                   .events = world_.reactor().planned_count(),
                   .blocks = world_.loop().blocks().held_count(),
                   .has_ready = world_.executor().has_ready()},
                  verdicts_);
}

Report run_seed(std::uint64_t seed, bool keeps_lines) {
  Scenario scenario({.seed = seed, .keeps_lines = keeps_lines});
  return scenario.run();
}

}  // namespace parley::sim
