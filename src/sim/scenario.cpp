#include "sim/scenario.h"

#include <fmt/format.h>

#include <algorithm>

#include "sim/party_deeds.h"

namespace parley::sim {

namespace {

// Far beyond everything that a run may take: what is not over by then never will be.
constexpr Duration run_max = std::chrono::hours(1);

// The address that all sessions of a run meet at.
constexpr const char* meeting_place = "sim:workshop";

Swarm draw_swarm(World& world, const Swarm* given) { return given ? *given : Swarm::draw(world.prng()); }

}  // namespace

Scenario::Pair::Pair(Scenario& scenario, std::size_t number)
    : scenario(scenario),
      is_foreign(scenario.world_.prng().chance(scenario.swarm_.foreigners)),
      wire({scenario.calls_, scenario.flows_, scenario.verdicts_, scenario.world_.coverage(), scenario.world_.trace()},
           workshop_facts(), number),
      dialing({scenario.world_, scenario.swarm_, scenario.calls_, scenario.flows_, scenario.verdicts_}, wire, 0,
              is_foreign),
      accepting({scenario.world_, scenario.swarm_, scenario.calls_, scenario.flows_, scenario.verdicts_}, wire, 1,
                is_foreign),
      finale_event(*this),
      scope(scenario.world_.executor()) {
  Prng& prng = scenario.world_.prng();
  scenario.world_.trace().note("pair", {number});
  if (!prng.chance(scenario.swarm_.finales)) return;
  finale = prng.chance(500) ? Finale::closed : Finale::abandoned;
  finale_side = prng.below(2);
  scenario.world_.reactor().plan(finale_event, scenario.world_.now() + draw_duration(prng, scenario.swarm_.finale_max));
}

void Scenario::Pair::end_it() {
  Party& party = finale_side == 0 ? dialing : accepting;
  if (finale == Finale::closed) party.close();
  if (finale == Finale::abandoned) party.abandon();
}

Scenario::Scenario(const Options& options)
    : options_(options),
      world_(options.seed, options.keeps_lines),
      swarm_(draw_swarm(world_, options.swarm)),
      calls_(verdicts_, world_.coverage(), world_.trace()),
      flows_(verdicts_, world_.coverage(), world_.trace()),
      network_(world_, [this](const std::string&) { return draw_fate(); }) {
  world_.reactor().set_watcher(this);
  listener_ = network_.listen(meeting_place).value();
  listener_->start(*this);
}

Scenario::~Scenario() { world_.reactor().set_watcher(nullptr); }

SimNetwork::Fate Scenario::draw_fate() {
  Prng& prng = world_.prng();
  SimNetwork::Fate fate{.link = swarm_.draw_link(prng, world_.now()),
                        .tap = &dialing_->wire,
                        .fault_plan = options_.fault_plan,
                        .delay = draw_duration(prng, swarm_.think_max),
                        .is_refused = prng.chance(swarm_.refusals)};
  return fate;
}

Task<void> Scenario::dial(Pair& pair) {
  const std::unique_ptr<io::Dialer> dialer = network_.dialer(meeting_place);
  for (int tries = 0; tries < 5; ++tries) {
    dialing_ = &pair;
    auto stream = co_await dialer->dial();
    if (!stream) {
      co_await Sleep(world_.executor(), std::chrono::milliseconds(1));
      continue;
    }
    dialed_.push_back(&pair);
    pair.dialing.begin(*std::move(stream));
    break;
  }
  pair.has_dialed = true;
}

void Scenario::on_stream(std::unique_ptr<io::Stream> stream) {
  PARLEY_ASSERT(!dialed_.empty());
  Pair& pair = *dialed_.front();
  dialed_.erase(dialed_.begin());
  pair.accepting.begin(std::move(stream));
}

void Scenario::on_listener_failed(Error error) { verdicts_.fail("progress", to_string(error)); }

void Scenario::on_time_passes() {
  calls_.check_moment();
  for (const auto& pair : pairs_) {
    pair->dialing.check_moment();
    pair->accepting.check_moment();
  }
}

bool Scenario::are_all_idle() const {
  return dialed_.empty() && std::ranges::all_of(pairs_, [](const auto& pair) {
           return pair->has_dialed && pair->dialing.is_idle() && pair->accepting.is_idle();
         });
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
    Pair& pair = *pairs_.emplace_back(std::make_unique<Pair>(*this, i));
    pair.scope.spawn(dial(pair));
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
    pair->scope.cancel_all();
    pair->finale_event.cancel();
    parties.push_back(&pair->dialing);
    parties.push_back(&pair->accepting);
  }
  while (!parties.empty()) {
    const auto chosen = parties.begin() + static_cast<std::ptrdiff_t>(world_.prng().below(parties.size()));
    (*chosen)->release();
    parties.erase(chosen);
    if (world_.prng().chance(500)) world_.loop().poll_once();
  }
  const auto is_over = [this] {
    return std::ranges::all_of(pairs_,
                               [](const auto& pair) { return pair->dialing.is_over() && pair->accepting.is_over(); });
  };
  judge(world_.run_until(is_over, world_.now() + run_max), "winding up");
  listener_.reset();
  judge(world_.run_until([this] { return world_.is_quiet(); }, world_.now() + run_max), "in the end");
  on_time_passes();
  calls_.check_end();
  flows_.check_end();
  std::uint64_t streams = 0;
  for (const auto& pair : pairs_) streams += pair->dialing.is_over() && pair->accepting.is_over() ? 0 : 1;
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
