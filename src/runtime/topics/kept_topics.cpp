#include "runtime/topics/kept_topics.h"

#include <fmt/format.h>

#include <algorithm>

#include "codec/postcard.h"
#include "runtime/topics/followed.h"

namespace parley {

namespace {

constexpr std::size_t head_bytes_max = core::KeptRing::head_bytes_max;

Bytes encoded(builtin::Followed item) { return Bytes::copy_of(codec::to_postcard(item)); }

}  // namespace

KeptTopics::~KeptTopics() {
  for (const auto& [number, follower] : followers_) follower->lose_topics();
}

// --- topics

void KeptTopics::keep(std::string_view topic, std::optional<std::string_view> keeper,
                      const core::KeepOptions& options) {
  machine_.keep(topic, keeper, options, std::max<std::uint64_t>(random_.next(), 1));
}

Result<void> KeptTopics::unkeep(std::string_view topic, std::optional<std::string_view> keeper) {
  core::Kept::Woken woken;
  PARLEY_TRY(machine_.unkeep(topic, keeper, woken));
  if (const auto found = sources_.find(topic); found != sources_.end()) sources_.erase(found);
  wake(woken);
  return {};
}

// --- messages

Result<void> KeptTopics::check(std::string_view topic, const core::Envelope& message) const {
  return machine_.check(topic, message.bytes() + head_bytes_max);
}

// Its version is known and its bytes are there before anybody is told: one step.
void KeptTopics::append(std::string_view topic, const core::Envelope& message) {
  const core::TopicPosition position = next_position(topic);
  Bytes item = encoded(builtin::FollowedMessage{
      .position = position, .publisher = message.publisher, .message = builtin::message_of(message)});
  PARLEY_ASSERT(item.size() <= message.bytes() + head_bytes_max, item.size(), message.bytes());
  core::Kept::Woken woken;
  const auto appended = machine_.append(topic, std::move(item), woken);
  PARLEY_ASSERT(appended == position.version, appended, position.version);
  wake(woken);
}

core::TopicPosition KeptTopics::next_position(std::string_view topic) const {
  core::TopicPosition position = newest_of(topic);
  ++position.version;
  return position;
}

void KeptTopics::wake(const core::Kept::Woken& woken) {
  for (const core::Kept::Follower each : woken) followers_.at(each)->news_.set();
}

// --- snapshots

Result<void> KeptTopics::set_snapshots(std::string_view topic, Snapshots snapshots) {
  if (!keeps(topic)) return fail(Code::not_found, "only a topic that is kept has snapshots");
  sources_.insert_or_assign(std::string(topic), Source{std::move(snapshots)});
  return {};
}

Result<void> KeptTopics::check_giver(std::string_view topic, std::string_view by) const {
  const std::string* const keeper = machine_.keeper_of(topic);
  if (keeper && *keeper != by) return fail(Code::in_use, fmt::format("the topic {} is kept by somebody else", topic));
  if (!sources_.contains(topic)) return {};
  return fail(Code::refused, fmt::format("snapshots of the topic {} are made by its owner", topic));
}

Result<core::TopicPosition> KeptTopics::record_snapshot(std::string_view topic, std::string publisher,
                                                        std::vector<std::uint8_t> payload,
                                                        std::optional<core::TopicPosition> at) {
  const std::size_t bytes = payload.size() + publisher.size() + head_bytes_max;
  PARLEY_TRY(const auto version, machine_.check_snapshot(topic, at, bytes));
  const core::TopicPosition position{machine_.ring_of(topic)->incarnation(), version};
  Bytes item = encoded(builtin::FollowedSnapshot{
      .position = position, .publisher = std::move(publisher), .payload = std::move(payload)});
  PARLEY_ASSERT(item.size() <= bytes, item.size(), bytes);
  machine_.record_snapshot(topic, version, std::move(item));
  return position;
}

void KeptTopics::ask_for_snapshot(const std::string& topic) {
  const core::TopicPosition position = newest_of(topic);
  const auto found = sources_.find(topic);
  if (found == sources_.end() || found->second.failed_at == position) return;
  auto asked = sources_.extract(found);
  ++snapshots_asked_;
  bool is_there = false;
  try {
    std::vector<std::uint8_t> payload = asked.mapped().snapshots();
    // Where it has published itself, nobody knows whether that is in it.
    is_there = newest_of(topic) == position && record_snapshot(topic, {}, std::move(payload), position).has_value();
  } catch (...) {
    is_there = false;
  }
  if (!is_there) {
    ++snapshots_failed_;
    asked.mapped().failed_at = newest_of(topic);
  }
  // Unless it has set another one, or was to be forgotten meanwhile.
  if (newest_of(topic).incarnation == position.incarnation) sources_.insert(std::move(asked));
}

core::TopicPosition KeptTopics::newest_of(std::string_view topic) const {
  const core::KeptRing* const ring = machine_.ring_of(topic);
  return ring ? core::TopicPosition{ring->incarnation(), ring->newest()} : core::TopicPosition();
}

core::Kept::Next KeptTopics::next(core::Kept::Follower follower, std::size_t bytes_max) {
  if (machine_.wants_snapshot(follower, bytes_max)) ask_for_snapshot(std::string(machine_.topic_of(follower)));
  return machine_.next(follower, bytes_max);
}

void KeptTopics::close() {
  core::Kept::Woken woken;
  machine_.close(woken);
  wake(woken);
}

// --- who follows

TopicFollower::~TopicFollower() {
  if (!topics_) return;
  topics_->followers_.erase(number_);
  topics_->machine_.unfollow(number_);
}

Result<core::TopicPosition> TopicFollower::follow(KeptTopics& topics, const core::Kept::Wanted& wanted) {
  PARLEY_ASSERT(topics_ == nullptr && !over_);
  PARLEY_TRY(const core::Kept::Following following, topics.machine_.follow(wanted));
  topics_ = &topics;
  number_ = following.follower;
  topics.followers_.emplace(number_, this);
  news_.set();  // perhaps
  return following.from;
}

std::optional<Bytes> TopicFollower::next(std::size_t bytes_max) {
  if (!topics_) return std::nullopt;
  core::Kept::Next next = topics_->next(number_, bytes_max);
  if (auto* const item = std::get_if<Bytes>(&next)) return std::move(*item);
  if (const auto* const missed = std::get_if<core::Kept::Missed>(&next)) {
    return encoded(builtin::FollowedGap{.position = missed->position,
                                        .missed = missed->missed,
                                        .complete_from = missed->position.version + 1,
                                        .is_unprovided = missed->is_unprovided});
  }
  if (auto* const over = std::get_if<core::Kept::Over>(&next)) over_ = std::move(over->why);
  news_.reset();
  return std::nullopt;
}

}  // namespace parley
