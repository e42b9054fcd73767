#include "core/topic/kept.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "core/directory/name.h"

namespace parley::core {

namespace {

Error closed() { return {Code::closed, "topics take nothing any more"}; }

Error not_kept(std::string_view topic) { return {Code::not_found, fmt::format("no topic {} is kept", topic)}; }

bool is_of(const TopicPosition& position, const KeptRing& ring) {
  return position.incarnation == 0 || position.incarnation == ring.incarnation();
}

std::uint64_t bytes_of(const KeepOptions& options) { return options.bytes + options.snapshot_bytes; }

}  // namespace

// --- topics

Result<void> Kept::check_options(const KeepOptions& options) const {
  if (options.items == 0) return fail(Code::invalid, "a topic of which nothing is kept");
  if (options.bytes < KeptRing::bytes_min) {
    return fail(Code::invalid,
                fmt::format("{} bytes, and a message takes {} at least", options.bytes, KeptRing::bytes_min));
  }
  if (options.items > limits_.items_max) {
    return fail(Code::overloaded, fmt::format("{} messages, and {} are kept", options.items, limits_.items_max));
  }
  // Each by itself: their sum may be no number.
  if (options.bytes > limits_.bytes_max || options.snapshot_bytes > limits_.bytes_max) {
    return fail(Code::overloaded, fmt::format("{} bytes are kept of all topics", limits_.bytes_max));
  }
  return {};
}

Result<void> Kept::check_keep(std::string_view topic, std::optional<std::string_view> keeper,
                              const KeepOptions& options) const {
  if (is_closed_) return fail(closed());
  PARLEY_TRY(check_name(topic));
  PARLEY_TRY(check_options(options));
  const auto found = topics_.find(topic);
  if (found == topics_.end() && topics_.size() >= limits_.topics_max) {
    return fail(Code::overloaded, fmt::format("{} topics are kept", topics_.size()));
  }
  if (found == topics_.end()) return check_room(keeper, options, nullptr);
  PARLEY_TRY(check_keeper(found, keeper));
  return check_room(keeper, options, &found->second);
}

Result<void> Kept::check_keeper(TopicTable::const_iterator topic, std::optional<std::string_view> keeper) {
  if (!keeper || topic->second.keeper == keeper) return {};
  return fail(Code::in_use, fmt::format("somebody else keeps the topic {}", topic->first));
}

void Kept::keep(std::string_view topic, std::optional<std::string_view> keeper, const KeepOptions& options,
                std::uint64_t incarnation) {
  PARLEY_ASSERT(check_keep(topic, keeper, options).has_value());
  auto found = topics_.find(topic);
  if (found == topics_.end()) {
    found = topics_.emplace(topic, Topic{KeptRing(incarnation, options)}).first;
  } else {
    KeptRing& ring = found->second.ring;
    release(found->second);
    bytes_ -= ring.bytes();
    counters_.dropped += ring.set_bounds(options);
    bytes_ += ring.bytes();
  }
  found->second.keeper = keeper;
  set_aside(found->second);
}

Result<void> Kept::unkeep(std::string_view topic, std::optional<std::string_view> keeper, Woken& woken) {
  const auto found = topics_.find(topic);
  if (found == topics_.end()) return fail(not_kept(topic));
  PARLEY_TRY(check_keeper(found, keeper));
  woken.insert(woken.end(), found->second.idle.begin(), found->second.idle.end());
  for (auto& [number, cursor] : followers_) {
    if (cursor.topic == found) cursor.topic = topics_.end();
  }
  release(found->second);
  bytes_ -= found->second.ring.bytes();
  topics_.erase(found);
  return {};
}

Result<void> Kept::check_room(std::optional<std::string_view> keeper, const KeepOptions& options,
                              const Topic* instead_of) const {
  const std::uint64_t bytes = bytes_of(options);
  const std::uint64_t before = instead_of ? bytes_of(instead_of->ring.bounds()) : 0;
  PARLEY_ASSERT(set_aside_ >= before, set_aside_, before);
  if (set_aside_ - before + bytes > limits_.bytes_max) {
    return fail(Code::overloaded, fmt::format("{} bytes are set aside for all topics", set_aside_));
  }
  if (!keeper) return {};
  const auto known = keepers_.find(*keeper);
  const Keeper has = known == keepers_.end() ? Keeper() : known->second;
  if (!instead_of && has.topics >= limits_.topics_per_keeper_max) {
    return fail(Code::overloaded, fmt::format("{} keeps {} topics", *keeper, has.topics));
  }
  if (has.bytes - before + bytes > limits_.bytes_per_keeper_max) {
    return fail(Code::overloaded, fmt::format("{} bytes are set aside for {}", has.bytes, *keeper));
  }
  return {};
}

void Kept::set_aside(const Topic& topic) {
  const std::uint64_t bytes = bytes_of(topic.ring.bounds());
  set_aside_ += bytes;
  if (!topic.keeper) return;
  Keeper& has = keepers_[*topic.keeper];
  ++has.topics;
  has.bytes += bytes;
}

void Kept::release(const Topic& topic) {
  const std::uint64_t bytes = bytes_of(topic.ring.bounds());
  PARLEY_ASSERT(set_aside_ >= bytes, set_aside_, bytes);
  set_aside_ -= bytes;
  if (!topic.keeper) return;
  const auto keeper = keepers_.find(*topic.keeper);
  PARLEY_ASSERT(keeper != keepers_.end() && keeper->second.bytes >= bytes, bytes);
  keeper->second.bytes -= bytes;
  if (--keeper->second.topics == 0) keepers_.erase(keeper);
}

// --- publishers

Result<void> Kept::check(std::string_view topic, std::size_t bytes) const {
  const KeptRing* const ring = ring_of(topic);
  PARLEY_ASSERT(ring != nullptr);
  if (ring->fits(bytes)) return {};
  return fail(Code::too_large,
              fmt::format("{} bytes, and {} are kept of the topic {}", bytes, ring->bounds().bytes, topic));
}

Kept::Version Kept::append(std::string_view topic, Bytes item, Woken& woken) {
  const auto found = topics_.find(topic);
  PARLEY_ASSERT(found != topics_.end() && !is_closed_);
  Topic& known = found->second;
  bytes_ -= known.ring.bytes();
  counters_.dropped += known.ring.append(std::move(item));
  bytes_ += known.ring.bytes();
  ++counters_.kept;
  woken.insert(woken.end(), known.idle.begin(), known.idle.end());
  known.idle.clear();
  return known.ring.newest();
}

// --- snapshots

Result<Kept::Version> Kept::check_snapshot(std::string_view topic, std::optional<TopicPosition> at,
                                           std::size_t bytes) const {
  if (is_closed_) return fail(closed());
  const KeptRing* const kept = ring_of(topic);
  if (!kept) return fail(not_kept(topic));
  const KeptRing& ring = *kept;
  if (at && !is_of(*at, ring)) {
    return fail(Code::refused, fmt::format("the topic {} is kept anew since: another incarnation", topic));
  }
  const Version version = at ? at->version : ring.newest();
  if (version > ring.newest()) {
    return fail(Code::invalid, fmt::format("version {}, and the newest is {}", version, ring.newest()));
  }
  if (!ring.joins(version)) {
    return fail(Code::refused, fmt::format("version {}, and {} is the oldest kept", version, ring.oldest()));
  }
  if (ring.snapshot() && ring.snapshot()->version > version) {
    return fail(Code::refused, fmt::format("there is a snapshot of version {}", ring.snapshot()->version));
  }
  if (bytes > ring.bounds().snapshot_bytes) {
    return fail(Code::too_large,
                fmt::format("{} bytes, and a snapshot has at most {}", bytes, ring.bounds().snapshot_bytes));
  }
  return version;
}

void Kept::record_snapshot(std::string_view topic, Version version, Bytes item) {
  topics_.find(topic)->second.ring.set_snapshot({version, std::move(item)});
  ++counters_.snapshots;
}

// --- followers

Result<Kept::Following> Kept::follow(const Wanted& wanted) {
  if (is_closed_) return fail(closed());
  const auto topic = topics_.find(wanted.topic);
  if (topic == topics_.end()) return fail(not_kept(wanted.topic));
  if (followers_.size() >= limits_.followers_max) {
    return fail(Code::overloaded, fmt::format("there are {} followers", followers_.size()));
  }
  auto peer = peers_.find(wanted.peer);
  if (peer != peers_.end() && peer->second >= limits_.followers_per_peer_max) {
    return fail(Code::overloaded, fmt::format("{} follows {} times", wanted.peer, peer->second));
  }
  if (peer == peers_.end()) peer = peers_.emplace(wanted.peer, 0).first;
  ++peer->second;

  const std::uint64_t incarnation = topic->second.ring.incarnation();
  Cursor cursor{topic, peer, wanted.gap, Standing::joined, topic->second.ring.newest()};
  if (wanted.after) {
    if (!is_of(*wanted.after, topic->second.ring) || wanted.after->version > cursor.told) {
      cursor.standing = Standing::astray;
      cursor.told = 0;
    } else {
      if (wanted.gap == Gap::live && wanted.after->version == 0) cursor.standing = Standing::bare;
      cursor.told = wanted.after->version;
    }
  }
  followers_.emplace(++last_follower_, cursor);
  // Until it has been told of the gap it stands where it was: a session that breaks before loses nothing of that.
  const bool is_astray = cursor.standing == Standing::astray;
  return Following{last_follower_, is_astray ? *wanted.after : TopicPosition{incarnation, cursor.told}};
}

void Kept::unfollow(Follower follower) {
  const auto found = followers_.find(follower);
  PARLEY_ASSERT(found != followers_.end(), follower);
  const Cursor& cursor = found->second;
  if (cursor.topic != topics_.end()) cursor.topic->second.idle.erase(follower);
  if (--cursor.peer->second == 0) peers_.erase(cursor.peer);
  followers_.erase(found);
}

bool Kept::has_next(Follower follower) const {
  const Cursor& cursor = followers_.at(follower);
  if (cursor.topic == topics_.end()) return false;
  return cursor.standing != Standing::joined || cursor.told != cursor.topic->second.ring.newest();
}

bool Kept::has_gap(const Cursor& cursor, std::size_t bytes_max) {
  const KeptRing& ring = cursor.topic->second.ring;
  if (cursor.told + 1 < ring.oldest()) return true;
  return cursor.told != ring.newest() && ring.at(cursor.told + 1).size() > bytes_max;
}

bool Kept::wants_snapshot(Follower follower, std::size_t bytes_max) const {
  const Cursor& cursor = followers_.at(follower);
  if (cursor.topic == topics_.end()) return false;
  const KeptRing& ring = cursor.topic->second.ring;
  return takes_snapshot(cursor, bytes_max) && !is_closed_ &&
         (!ring.snapshot() || ring.snapshot()->version != ring.newest());
}

// Where its own place is kept and what comes next is too long, an older one brings it no further.
const KeptRing::Snapshot* Kept::snapshot_for(const Cursor& cursor, std::size_t bytes_max) {
  const auto& snapshot = cursor.topic->second.ring.snapshot();
  if (!snapshot || snapshot->item.size() > bytes_max) return nullptr;
  if (cursor.standing == Standing::joined && snapshot->version <= cursor.told) return nullptr;
  return &*snapshot;
}

Kept::Next Kept::next(Follower follower, std::size_t bytes_max) {
  Cursor& cursor = followers_.at(follower);
  if (cursor.topic == topics_.end()) return Over{{Code::closed, "the topic is kept no more"}};
  Topic& topic = cursor.topic->second;
  if (takes_snapshot(cursor, bytes_max)) {
    if (const KeptRing::Snapshot* const snapshot = snapshot_for(cursor, bytes_max)) {
      PARLEY_ASSERT(topic.ring.joins(snapshot->version) && snapshot->version >= cursor.told, snapshot->version,
                    cursor.told);
      cursor.standing = Standing::joined;
      cursor.told = snapshot->version;
      ++counters_.resyncs_snapshot;
      return snapshot->item;
    }
  }
  if (cursor.standing == Standing::astray || has_gap(cursor, bytes_max)) return skip(cursor, bytes_max);
  cursor.standing = Standing::joined;
  if (cursor.told == topic.ring.newest()) {
    if (is_closed_) return Over{closed()};
    topic.idle.insert(follower);
    return Nothing();
  }
  ++counters_.told;
  return topic.ring.at(++cursor.told);
}

Kept::Missed Kept::skip(Cursor& cursor, std::size_t bytes_max) {
  const KeptRing& ring = cursor.topic->second.ring;
  const Version before = cursor.told;
  cursor.standing = Standing::joined;
  cursor.told = std::max(before, ring.oldest() - 1);
  while (has_gap(cursor, bytes_max)) ++cursor.told;
  const std::uint64_t missed = cursor.told - before;
  counters_.missed += missed;
  ++(cursor.gap == Gap::live ? counters_.resyncs_unprovided : counters_.resyncs_tail);
  return {.missed = missed, .position = {ring.incarnation(), cursor.told}, .is_unprovided = cursor.gap == Gap::live};
}

// --- its end

void Kept::close(Woken& woken) {
  is_closed_ = true;
  for (auto& [name, topic] : topics_) {
    woken.insert(woken.end(), topic.idle.begin(), topic.idle.end());
    topic.idle.clear();
  }
}

std::uint64_t Kept::lag_max() const {
  std::uint64_t most = 0;
  for (const auto& [number, cursor] : followers_) {
    if (cursor.topic == topics_.end()) continue;
    const KeptRing& ring = cursor.topic->second.ring;
    most = std::max(most, ring.newest() - std::max(cursor.told, ring.oldest() - 1));
  }
  return most;
}

}  // namespace parley::core
