#include "sim/party.h"

#include "sim/bounds.h"
#include "sim/party_deeds.h"

namespace parley::sim {

Party::Party(const Scene& scene, WireModel& wire, std::size_t side, bool is_foreign)
    : scene_(scene), wire_(wire), side_(side), limits_(scene.swarm.limits), is_foreign_(is_foreign) {
  runtime::add_service<Workshop>(methods_, static_cast<Workshop&>(*this)).value();
}

Party::~Party() { PARLEY_ASSERT(!holds_session_, "a party is released before it dies"); }

void Party::begin(std::unique_ptr<io::Link> link) {
  PARLEY_ASSERT(session_ == nullptr);
  world().trace().note("session.begin", {side_});
  const auto role = side_ == 0 ? runtime::Session::Role::initiator : runtime::Session::Role::acceptor;
  const runtime::SessionOptions options{
      .limits = limits_, .is_foreign = is_foreign_ && side_ == 0, .requests_max = std::nullopt, .metadata = {}};
  session_ = &runtime::Session::start(world().loop(), std::move(link), role, options, &methods_);
  holds_session_ = true;
  if (side_ == 1 && !swarm().acceptor_acts) return;
  for (std::uint32_t i = 0; i < swarm().actors; ++i) {
    Actor& actor = *actors_.emplace_back(std::make_unique<Actor>(*this));
    if (prng().chance(swarm().kills)) {
      world().reactor().plan(actor.death, world().now() + draw_duration(prng(), swarm().finale_max));
    }
    actor.scope.spawn(act(actor));
  }
}

bool Party::is_idle() const {
  for (const auto& actor : actors_) {
    if (actor->scope.size() != 0) return false;
  }
  return true;
}

void Party::release() {
  actors_.clear();
  if (!std::exchange(holds_session_, false)) return;
  world().trace().note("session.release", {side_});
  cover_end();
  if (!session_->has_ended()) scene_.coverage().hit(Spot::session_last_caller);
  has_covered_end_ = true;
  session_->drop_caller();
}

void Party::close() {
  if (!holds_session_ || session_->has_ended()) return;
  world().trace().note("session.close", {side_});
  scene_.coverage().hit(Spot::session_closed_here);
  has_covered_end_ = has_closed_ = true;
  session_->close({Code::closed, "the simulation closes it"});
}

void Party::die() {
  if (!holds_session_) return;
  world().trace().note("session.die", {side_});
  actors_.clear();
  has_covered_end_ = has_closed_ = true;
  if (!session_->has_ended()) session_->close({Code::closed, "its process died"});
  release();
}

// Null while it has not ended, or is not there any more.
const std::optional<Error>* Party::end_reason() const {
  return is_session_there() && session_->has_ended() ? &session_->end_reason() : nullptr;
}

void Party::abandon() {
  if (!holds_session_) return;
  if (!is_idle()) scene_.coverage().hit(Spot::session_abandoned);
  release();
}

// Nobody is there to be told once the other end of the link is destroyed, though what it sent may still be read.
Way::State Party::state() const {
  if (is_session_over() || wire_.is_destroyed(1 - side_)) return State::gone;
  return session_->link().is_blocked() || wire_.is_between_links() ? State::blocked : State::open;
}

// Not where the link itself has died.
bool Party::may_still_leave() const {
  if (!is_session_there() || !session_->has_ended()) return false;
  if (is_stable_) return true;  // what it keeps to send again may never have left
  const std::optional<Error>& reason = session_->end_reason();
  return !reason || kind(*reason) == Kind::protocol;
}

// That a peer is gone costs nothing of what it sent before, whether a read or a write finds it out; what comes to an
// end that has closed its session is lost.
bool Party::has_link_died() const {
  if (!is_session_there() || has_closed_ || wire_.broken() != Break::none) return true;
  const std::optional<Error>& reason = session_->end_reason();
  return session_->has_ended() && reason && reason->code != Code::link_lost;
}

void Party::cover_end() {
  Coverage& coverage = scene_.coverage();
  if (!was_established_ && is_session_there() && session_->root().is_open()) {
    was_established_ = true;
    coverage.hit(is_foreign_ ? Spot::session_foreign : Spot::session_established);
  }
  if (has_covered_end_ || !is_session_there() || !session_->has_ended()) return;
  has_covered_end_ = true;
  const std::optional<Error>& reason = session_->end_reason();
  world().trace().note("session.end", {side_, reason ? static_cast<std::uint64_t>(reason->code) : 0});
  if (!wire_.has_read_hello(side_) && (!reason || reason->code == Code::link_lost)) {
    return coverage.hit(Spot::session_cut_in_handshake);
  }
  if (!reason) return coverage.hit(Spot::session_closed_there);
  switch (reason->code) {
    case Code::handshake_timeout: return coverage.hit(Spot::session_handshake_timeout);
    case Code::link_lost: return coverage.hit(Spot::session_link_lost);
    case Code::frame_truncated: return coverage.hit(Spot::session_truncated);
    case Code::outbound_full: return coverage.hit(Spot::session_control_full);
    case Code::reported: return coverage.hit(Spot::session_reported);
    default: break;
  }
  if (kind(*reason) == Kind::protocol) coverage.hit(Spot::session_protocol_error);
}

void Party::check_moment() {
  cover_end();
  if (!is_session_there() || !session_->root().is_open()) return;
  runtime::Connection& root = session_->root();
  io::Link& link = session_->link();
  const core::Counters& counters = session_->counters();
  const Held held{.outbound_bytes = link.out().size(),
                  .control_bytes = link.is_blocked() ? link.control().size() : 0,
                  .calls_in_flight = root.calls().in_flight(),
                  .calls_in_line = root.calls().in_line(),
                  .calls_handled = root.calls().handling(),
                  .channels = root.channels().size()};
  const std::size_t message = std::max(swarm().body_bytes_max, swarm().item_bytes_max);
  check_bounds(held, {limits_, session_->machine().peer_requests_max(), std::min(message, limits_.frame_bytes_max)},
               scene_.verdicts);
  scene_.coverage().hit(Spot::call_in_line,
                        counters.calls_waited - std::exchange(calls_waited_, counters.calls_waited));
  scene_.coverage().hit(Spot::channel_items_copied,
                        counters.items_copied - std::exchange(items_copied_, counters.items_copied));
}

Party::Patience Party::draw_patience() {
  Patience patience;
  if (prng().chance(swarm().drops)) {
    patience.drop_after = prng().chance(200) ? Duration() : draw_duration(prng(), swarm().patience_max);
  }
  if (prng().chance(swarm().deadlines)) patience.deadline = draw_duration(prng(), swarm().deadline_max);
  return patience;
}

}  // namespace parley::sim
