#include "sim/pair.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "runtime/dialed_stable_link.h"
#include "runtime/framed_link.h"

namespace parley::sim {

namespace {

// Short enough of the wrap that most sessions come past it.
std::uint32_t draw_first_number(Prng& prng, std::uint32_t wraps) {
  if (!prng.chance(wraps)) return 0;
  return ~std::uint32_t{0} - static_cast<std::uint32_t>(draw_size(prng, 100));
}

}  // namespace

Pair::Pair(const Scene& scene, SimNetwork& network, std::size_t number)
    : scene_(scene),
      network_(network),
      address_(fmt::format("sim:workshop/{}", number)),
      is_stable_(scene.world.prng().chance(scene.swarm.stables)),
      is_foreign_(scene.world.prng().chance(scene.swarm.foreigners)),
      first_number_(draw_first_number(scene.world.prng(), scene.swarm.wraps)),
      breaks_left_(scene.swarm.breaks_max),
      wire_({scene.calls, scene.flows, scene.verdicts, scene.coverage(), scene.world.trace()}, workshop_facts(),
            number),
      stable_(wire_, scene.verdicts, scene.coverage(), first_number_),
      dialing_(scene, wire_, 0, is_foreign_),
      accepting_(scene, wire_, 1, is_foreign_),
      scope_(scene.world.executor()) {
  scene_.world.trace().note("pair", {number, is_stable_});
  if (is_stable_) {
    dialing_.set_stable();
    accepting_.set_stable();
  }
  open_door();
  listener_ = network_.listen(address_).value();
  listener_->start(*this);
  draw_finale();
}

Pair::~Pair() = default;

void Pair::draw_finale() {
  Prng& prng = scene_.world.prng();
  if (!prng.chance(scene_.swarm.finales)) return;
  finale_ = prng.chance(500) ? Finale::closed : Finale::abandoned;
  if (is_stable_ && prng.chance(500)) finale_ = Finale::restarted;
  finale_side_ = prng.below(2);
  scene_.world.reactor().plan(finale_event_, scene_.world.now() + draw_duration(prng, scene_.swarm.finale_max));
}

void Pair::end_it() {
  Party& party = this->party(finale_side_);
  if (finale_ == Finale::closed) party.close();
  if (finale_ == Finale::abandoned) party.abandon();
  if (finale_ == Finale::restarted) restart();
}

// --- the accepting side

void Pair::open_door() {
  const runtime::StableLink::FirstNumbers first{first_number_, first_number_};
  sessions_.emplace(scene_.world.loop(), scene_.swarm.limits, runtime::StableSessions::OnRefused(), first);
}

// Its links break, what it did is gone, and who comes finds somebody who knows nothing.
void Pair::restart() {
  scene_.world.trace().note("pair.restart");
  for (const SimNetwork::Dialed& each : network_.links()) {
    SimStream::Control control = each.control;
    if (each.address == address_) control.break_now(Break::cut);
  }
  const std::optional<Error>* const ended = dialing_.end_reason();
  is_restarted_ = wire_.has_read_hello(0) && !ended && !dialing_.is_over();
  if (is_restarted_) scene_.coverage().hit(Spot::stable_restarted);
  accepting_.die();
  open_door();
}

// The process that comes next has nothing of the one before.
void Pair::check_restarted() {
  if (!is_restarted_) return;
  const std::optional<Error>* const reason = dialing_.end_reason();
  if (!reason) return;
  is_restarted_ = false;
  // What it had sent before it died, and a breach, may be what ended the session.
  const bool is_told_otherwise = !*reason || kind(**reason) == Kind::protocol || (*reason)->code == Code::outbound_full;
  if (is_told_otherwise || (*reason)->code == Code::link_lost) return;
  scene_.verdicts.fail("stable.lost",
                       fmt::format("its peer was started anew, and it ended by {}", to_string(**reason)));
}

void Pair::on_stream(std::unique_ptr<io::Stream> stream) {
  World& world = scene_.world;
  auto link = std::make_unique<runtime::FramedLink>(world.loop(), std::move(stream), scene_.swarm.limits);
  if (!is_stable_) return accept(std::move(link));
  sessions_->admit(std::move(link), world.now() + scene_.swarm.limits.handshake_max, true,
                   [this](std::unique_ptr<io::Link> begun) { accept(stable_.watch(std::move(begun), 1)); });
}

void Pair::accept(std::unique_ptr<io::Link> link) {
  accepting_.begin(std::move(link));
  if (is_stopped_) accepting_.release();
}

void Pair::on_listener_failed(Error error) { scene_.verdicts.fail("progress", to_string(error)); }

// --- the dialing side

void Pair::dial() { scope_.spawn(dial_and_begin()); }

Task<void> Pair::dial_and_begin() {
  World& world = scene_.world;
  for (int tries = 0; tries < 5; ++tries) {
    std::unique_ptr<io::Dialer> dialer = network_.dialer(address_);
    auto stream = co_await dialer->dial();
    if (!stream) {
      co_await Sleep(world.executor(), std::chrono::milliseconds(1));
      continue;
    }
    dialing_.begin(dialed_link(std::move(dialer), *std::move(stream)));
    break;
  }
  has_dialed_ = true;
}

std::unique_ptr<io::Link> Pair::dialed_link(std::unique_ptr<io::Dialer> dialer, std::unique_ptr<io::Stream> stream) {
  io::Loop& loop = scene_.world.loop();
  const Limits& limits = scene_.swarm.limits;
  if (!is_stable_) return std::make_unique<runtime::FramedLink>(loop, std::move(stream), limits);
  const runtime::StableLink::FirstNumbers first{first_number_, first_number_};
  return stable_.watch(
      std::make_unique<runtime::DialedStableLink>(loop, std::move(dialer), std::move(stream), limits, first), 0);
}

SimNetwork::Fate Pair::draw_fate(io::FaultPlan* fault_plan) {
  Prng& prng = scene_.world.prng();
  const Swarm& swarm = scene_.swarm;
  SimNetwork::Fate fate{.link = swarm.draw_link(prng, scene_.world.now()),
                        .tap = is_stable_ ? &stable_.next_link() : &wire_,
                        .fault_plan = fault_plan,
                        .delay = draw_duration(prng, swarm.think_max),
                        .is_refused = prng.chance(swarm.refusals)};
  if (!is_stable_) return fate;
  for (FlowOptions& flow : fate.link.flows) flow.repeats = swarm.repeats;
  fate.link.break_plan = {};
  if (breaks_left_ != 0) {
    --breaks_left_;
    fate.link.break_plan = draw_break();
  }
  return fate;
}

// Mostly not so early that there is no session yet, nor garbage, which ends it.
BreakPlan Pair::draw_break() {
  static constexpr std::uint64_t handshake_bytes = 80;
  static constexpr Break breaks[] = {Break::cut, Break::cut, Break::cut, Break::closed, Break::half_open};
  static constexpr std::uint64_t bytes_max[] = {60, 400, 4'000, 40'000};
  Prng& prng = scene_.world.prng();
  BreakPlan plan{.what = breaks[prng.below(std::size(breaks))], .flow = prng.below(2)};
  if (prng.chance(20)) plan.what = Break::garbage;
  if (plan.what != Break::garbage && prng.chance(300)) {
    plan.at = scene_.world.now() + draw_duration(prng, scene_.swarm.break_time_max);
    return plan;
  }
  plan.at_byte = draw_size(prng, bytes_max[prng.below(std::size(bytes_max))]);
  // A first message that is no hello would begin another session.
  if (plan.what == Break::garbage && plan.flow == 0) plan.at_byte = std::max<std::uint64_t>(plan.at_byte, 1);
  const bool is_first = dialing_.is_over();
  if (is_first && prng.chance(850)) plan.at_byte += handshake_bytes;
  return plan;
}

// --- both

void Pair::check_moment() {
  dialing_.check_moment();
  accepting_.check_moment();
  check_restarted();
}

void Pair::stop() {
  is_stopped_ = true;
  scope_.cancel_all();
  finale_event_.cancel();
}

void Pair::stop_listening() {
  listener_.reset();
  sessions_.reset();
}

}  // namespace parley::sim
