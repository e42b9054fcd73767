#include "runtime/topics/topics.h"

#include <iterator>
#include <variant>

namespace parley {

Result<void> Topics::tap(std::string_view topic, Tap tap) {
  PARLEY_TRY(machine_.tap(topic, last_peer_ + 1));
  taps_.emplace(++last_peer_, std::move(tap));
  tapping_.emplace(topic, last_peer_);
  return {};
}

void Topics::untap(std::string_view topic) {
  const auto found = tapping_.find(topic);
  if (found == tapping_.end()) return;
  machine_.untap(topic);
  taps_.erase(found->second);
  tapping_.erase(found);
}

Result<void> Topics::keep_as(std::optional<std::string_view> keeper, std::string_view topic,
                             std::optional<core::KeepOptions> options) {
  const core::KeptRing* const ring = kept_.machine().ring_of(topic);
  if (!options) options = ring ? ring->bounds() : core::KeepOptions();
  PARLEY_TRY(kept_.check_keep(topic, keeper, *options));
  if (!machine_.is_declared(topic, keeper)) PARLEY_TRY(declare(topic, std::nullopt, keeper));
  kept_.keep(topic, keeper, *options);
  return {};
}

Topics::Peer Topics::join(TopicSubscriber& subscriber) {
  subscribers_.emplace(++last_peer_, &subscriber);
  return last_peer_;
}

void Topics::leave(Peer peer) {
  subscribers_.erase(peer);
  core::Topics::Effects effects;
  machine_.leave(peer, effects);
  carry_out(std::move(effects));
}

void Topics::unsubscribe(Peer peer, Subscription subscription) {
  core::Topics::Effects effects;
  machine_.unsubscribe(peer, subscription, effects);
  carry_out(std::move(effects));
}

void Topics::taken(const core::Topics::Deliver& delivered) {
  core::Topics::Effects effects;
  machine_.taken(delivered, effects);
  carry_out(std::move(effects));
}

// What is sent is kept before anybody is told of it: who subscribes and who follows hear of it in the same order.
Result<core::Topics::Published> Topics::publish(std::string_view topic, core::Envelope message,
                                                std::optional<std::string_view> key) {
  const bool is_kept = kept_.keeps(topic) && !tapping_.contains(topic);
  if (is_kept) PARLEY_TRY(kept_.check(topic, message));
  core::Topics::Effects effects;
  const core::TopicPosition position = is_kept ? kept_.next_position(topic) : core::TopicPosition();
  PARLEY_TRY(auto published, machine_.publish(topic, std::move(message), key, executor_.now(), effects, position));
  if (is_kept && published.message) kept_.append(topic, *published.message);
  arm();
  carry_out(std::move(effects));
  return published;
}

void Topics::close() {
  core::Topics::Effects effects;
  machine_.close(effects);
  kept_.close();
  carry_out(std::move(effects));
}

// What somebody who is told something does here comes behind what is being carried out: one order for all.
void Topics::carry_out(core::Topics::Effects effects) {
  pending_.insert(pending_.end(), std::make_move_iterator(effects.begin()), std::make_move_iterator(effects.end()));
  if (std::exchange(is_carrying_out_, true)) return;
  for (std::size_t next = 0; next < pending_.size(); ++next) {
    core::Topics::Effect effect = std::move(pending_[next]);
    std::visit([this](auto& each) { run(each); }, effect);
  }
  pending_.clear();
  is_carrying_out_ = false;
}

void Topics::arm() {
  const Instant next = machine_.next_deadline();
  if (next.is_never()) return forget_.disarm();
  if (!forget_.is_armed() || forget_.when() != next) executor_.arm(forget_, next);
}

void Topics::run(core::Topics::Deliver& deliver) {
  if (const auto found = subscribers_.find(deliver.peer); found != subscribers_.end()) {
    found->second->on_deliver(deliver);
  }
}

void Topics::run(core::Topics::Shed& shed) {
  if (const auto found = subscribers_.find(shed.peer); found != subscribers_.end()) {
    found->second->on_shed(shed.subscription, shed.why);
  }
}

void Topics::run(core::Topics::Tapped& tapped) {
  auto found = taps_.extract(tapped.tap);
  if (found.empty()) return;
  try {
    found.mapped()(tapped.topic, tapped.number, *tapped.message);
  } catch (...) {
    ++taps_threw_;
  }
  // Unless it has untapped itself.
  const auto topic = tapping_.find(tapped.topic);
  if (topic != tapping_.end() && topic->second == found.key()) taps_.insert(std::move(found));
}

}  // namespace parley
