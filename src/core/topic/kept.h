#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "core/topic/kept_ring.h"
#include "core/topic/position.h"

namespace parley::core {

struct KeptLimits {
  std::uint32_t topics_max = 1024;
  std::uint32_t topics_per_keeper_max = 64;
  std::uint32_t items_max = 65536;  // of one topic
  // What KeepOptions says is set aside as a whole.
  std::uint64_t bytes_max = std::uint64_t{256} << 20;
  std::uint64_t bytes_per_keeper_max = std::uint64_t{64} << 20;
  std::uint32_t followers_max = 65536;
  std::uint32_t followers_per_peer_max = 1024;
};

struct KeptCounters {
  std::uint64_t kept = 0;     // messages
  std::uint64_t dropped = 0;  // of these, by full rings
  std::uint64_t snapshots = 0;
  std::uint64_t told = 0;                // messages, once for each follower
  std::uint64_t resyncs_snapshot = 0;    // followers that were given a snapshot
  std::uint64_t resyncs_tail = 0;        // that were given what there is, as they asked
  std::uint64_t resyncs_unprovided = 0;  // the same, since there was no snapshot for them
  std::uint64_t missed = 0;              // messages that a follower was told it misses, for each
};

// What it means to a follower that there are messages which it has not seen and cannot get: they are not kept any more,
// or longer than what reaches it.
enum class Gap : std::uint8_t {
  live,    // it wants to know how things are: it is given a snapshot, and what came behind that
  replay,  // it wants to know what happened: it is given what there is, and told how much it misses
};

// Topics whose newest messages are kept, in one order for all: KeptRing. A follower is a cursor into a ring and asks
// for what comes next when it can take it; one that is slow holds up nobody and has nothing of its own that could grow,
// it falls behind, and once its place is no longer kept it is put right by itself, in the way it has chosen. What it
// sees is the next version each time, unless a snapshot or a Missed says where it goes on. What one is told changes
// nothing for others, and no version.
//
// Owned by one executor, which encodes, and asks for snapshots. A peer and a keeper are names of who asks, which share
// bounds.
class Kept {
 public:
  using Version = KeptRing::Version;
  using Follower = std::uint64_t;  // from 1; none is used twice
  // Followers that were told Nothing, and for which there is something now.
  using Woken = std::vector<Follower>;

  explicit Kept(KeptLimits limits) : limits_(limits) {}
  Kept(const Kept&) = delete;
  Kept& operator=(const Kept&) = delete;

  // --- topics
  // Whether keep() may be called. Errors: invalid (the name, a bound at which it takes no message), in_use (another
  // keeper's), overloaded, closed.
  Result<void> check_keep(std::string_view topic, std::optional<std::string_view> keeper,
                          const KeepOptions& options) const;
  // Said again by its keeper, or by the owner of all, whom no keeper is named for: its bounds from now on. It was
  // checked. Incarnation: of one that is not kept yet; drawn by the owner, never the same twice and not 0.
  void keep(std::string_view topic, std::optional<std::string_view> keeper, const KeepOptions& options,
            std::uint64_t incarnation);
  // All that is kept of it goes, and whoever follows it is told Over. By its keeper, or the owner of all. Errors:
  // not_found, in_use (another keeper's).
  Result<void> unkeep(std::string_view topic, std::optional<std::string_view> keeper, Woken& woken);
  // Null: it is not kept.
  const KeptRing* ring_of(std::string_view topic) const {
    const auto found = topics_.find(topic);
    return found == topics_.end() ? nullptr : &found->second.ring;
  }

  // Null: the owner of all, or it is not kept.
  const std::string* keeper_of(std::string_view topic) const {
    const auto found = topics_.find(topic);
    return found == topics_.end() || !found->second.keeper ? nullptr : &*found->second.keeper;
  }

  // --- publishers
  // Whether the topic, which is kept, takes a message of so many bytes. Errors: too_large.
  Result<void> check(std::string_view topic, std::size_t bytes) const;
  // A message that was checked, at the version behind the newest.
  Version append(std::string_view topic, Bytes item, Woken& woken);

  // --- snapshots
  // At which version one may be recorded that is so long: the newest one unless it names another. Errors: not_found (it
  // is not kept), invalid (a version to come), refused (it is of another incarnation, what came behind it is no longer
  // kept, or a newer one is there), too_large, closed.
  Result<Version> check_snapshot(std::string_view topic, std::optional<TopicPosition> at, std::size_t bytes) const;
  // One that was checked.
  void record_snapshot(std::string_view topic, Version version, Bytes item);

  // --- followers
  struct Wanted {
    std::string_view topic;
    std::string_view peer;
    Gap gap = Gap::live;
    // Nothing: at the newest. What is not of this topic's history counts as a gap. Where the version is 0, one that is
    // live begins with a snapshot if there is one.
    std::optional<TopicPosition> after = {};
  };
  struct Following {
    Follower follower;
    TopicPosition from;  // where it stands: what it named itself, where a gap is what it is told first
  };
  // Errors: not_found, overloaded, closed.
  Result<Following> follow(const Wanted& wanted);
  void unfollow(Follower follower);
  // Whether something may come next, so that whoever asks for it has to have room.
  bool has_next(Follower follower) const;
  // Whether a snapshot of the newest version would be what comes next, and is not there.
  bool wants_snapshot(Follower follower, std::size_t bytes_max) const;
  // Of one that wants something.
  std::string_view topic_of(Follower follower) const { return followers_.at(follower).topic->first; }

  struct Nothing {};  // until it is woken
  struct Over {
    Error why;  // closed: it has all, or its topic is kept no more
  };
  struct Missed {
    std::uint64_t missed;    // so many of this incarnation
    TopicPosition position;  // behind them: the next one is not missing
    bool is_unprovided;      // a snapshot was wanted, and there is none for it
  };
  using Next = std::variant<Nothing, Over, Missed, Bytes>;
  // No item that is longer: to this follower it is as one that is not kept.
  Next next(Follower follower, std::size_t bytes_max);

  // --- its end
  void close(Woken& woken);

  // --- what there is
  std::size_t topic_count() const { return topics_.size(); }
  std::size_t follower_count() const { return followers_.size(); }
  std::size_t peer_count() const { return peers_.size(); }
  std::size_t bytes() const { return bytes_; }  // that are kept, without snapshots
  std::uint64_t bytes_set_aside() const { return set_aside_; }
  // Messages that are kept, and that the follower which is farthest behind has not taken.
  std::uint64_t lag_max() const;
  const KeptCounters& counters() const { return counters_; }

 private:
  struct Topic {
    KeptRing ring;
    std::optional<std::string> keeper = {};  // nothing: the owner of all
    std::set<Follower> idle = {};
  };
  struct Keeper {
    std::uint32_t topics = 0;
    std::uint64_t bytes = 0;
  };
  enum class Standing : std::uint8_t {
    joined,  // its cursor says what it has
    bare,    // it has nothing and wants a snapshot
    astray,  // it has what is not of this history
  };
  using TopicTable = std::map<std::string, Topic, std::less<>>;
  using Peers = std::map<std::string, std::uint32_t, std::less<>>;  // how many each has
  struct Cursor {
    TopicTable::iterator topic;  // the end: it is kept no more
    Peers::iterator peer;
    Gap gap;
    Standing standing;
    Version told;
  };

  Result<void> check_options(const KeepOptions& options) const;
  static Result<void> check_keeper(TopicTable::const_iterator topic, std::optional<std::string_view> keeper);
  Result<void> check_room(std::optional<std::string_view> keeper, const KeepOptions& options,
                          const Topic* instead_of) const;
  void set_aside(const Topic& topic);
  void release(const Topic& topic);
  // Whether the message behind what it has is out of its reach.
  static bool has_gap(const Cursor& cursor, std::size_t bytes_max);
  static bool takes_snapshot(const Cursor& cursor, std::size_t bytes_max) {
    return cursor.gap == Gap::live && (cursor.standing != Standing::joined || has_gap(cursor, bytes_max));
  }
  // Null: there is none that helps it.
  static const KeptRing::Snapshot* snapshot_for(const Cursor& cursor, std::size_t bytes_max);
  Missed skip(Cursor& cursor, std::size_t bytes_max);

  const KeptLimits limits_;
  TopicTable topics_;
  std::map<std::string, Keeper, std::less<>> keepers_;
  Peers peers_;
  std::map<Follower, Cursor> followers_;
  Follower last_follower_ = 0;
  std::size_t bytes_ = 0;
  std::uint64_t set_aside_ = 0;
  bool is_closed_ = false;
  KeptCounters counters_;
};

}  // namespace parley::core
