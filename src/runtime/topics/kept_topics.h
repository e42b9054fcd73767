#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "async/wait.h"
#include "core/conversation/envelope.h"
#include "core/topic/kept.h"
#include "io/clock.h"

namespace parley {

class TopicFollower;

// The topics of one executor that are kept: core::Kept with those who follow. Messages and snapshots are encoded here,
// once for all followers, as they come. Part of Topics.
class KeptTopics final {
 public:
  // How things are, now that all that was published has happened. What it throws, and that it publishes or ends the
  // keeping, makes no snapshot.
  using Snapshots = std::move_only_function<std::vector<std::uint8_t>()>;

  KeptTopics(io::Random& random, core::KeptLimits limits) : random_(random), machine_(limits) {}
  ~KeptTopics();
  KeptTopics(const KeptTopics&) = delete;
  KeptTopics& operator=(const KeptTopics&) = delete;

  // What core::Kept says of them.
  Result<void> check_keep(std::string_view topic, std::optional<std::string_view> keeper,
                          const core::KeepOptions& options) const {
    return machine_.check_keep(topic, keeper, options);
  }
  void keep(std::string_view topic, std::optional<std::string_view> keeper, const core::KeepOptions& options);
  // Who is asked for its snapshots is forgotten.
  Result<void> unkeep(std::string_view topic, std::optional<std::string_view> keeper);
  bool keeps(std::string_view topic) const { return machine_.ring_of(topic) != nullptr; }
  // Whether append() takes it. Errors: too_large.
  Result<void> check(std::string_view topic, const core::Envelope& message) const;
  // Where the next one will stand, of a topic that is kept.
  core::TopicPosition next_position(std::string_view topic) const;
  void append(std::string_view topic, const core::Envelope& message);

  // Who is asked for a snapshot when a follower needs one. Errors: not_found.
  Result<void> set_snapshots(std::string_view topic, Snapshots snapshots);
  // Whether somebody else than the owner of all may give one: the keeper, or whoever publishes where the owner keeps
  // the topic and makes none. Errors: in_use, refused.
  Result<void> check_giver(std::string_view topic, std::string_view by) const;
  Result<core::TopicPosition> record_snapshot(std::string_view topic, std::string publisher,
                                              std::vector<std::uint8_t> payload, std::optional<core::TopicPosition> at);

  void close();

  const core::Kept& machine() const { return machine_; }
  std::uint64_t snapshots_asked() const { return snapshots_asked_; }
  std::uint64_t snapshots_failed() const { return snapshots_failed_; }

 private:
  friend class TopicFollower;
  struct Source {
    Snapshots snapshots;
    core::TopicPosition failed_at = {};  // it is not asked again before there is more
  };
  core::Kept::Next next(core::Kept::Follower follower, std::size_t bytes_max);
  void ask_for_snapshot(const std::string& topic);
  core::TopicPosition newest_of(std::string_view topic) const;  // 0: it is not kept
  void wake(const core::Kept::Woken& woken);

  io::Random& random_;
  core::Kept machine_;
  std::map<std::string, Source, std::less<>> sources_;
  std::map<core::Kept::Follower, TopicFollower*> followers_;
  std::uint64_t snapshots_asked_ = 0;
  std::uint64_t snapshots_failed_ = 0;
};

// One who follows, for as long as this lives; on the executor of its topics, which may go before.
class TopicFollower final {
 public:
  TopicFollower() = default;
  ~TopicFollower();
  TopicFollower(const TopicFollower&) = delete;
  TopicFollower& operator=(const TopicFollower&) = delete;

  // Once. Where it begins. Errors: those of core::Kept::follow().
  Result<core::TopicPosition> follow(KeptTopics& topics, const core::Kept::Wanted& wanted);
  // Whether next() may give something. Who has no room for it does not ask: what he is to be told is decided when he
  // has.
  bool has_next() const { return topics_ && topics_->machine().has_next(number_); }
  // What comes next: a builtin::Followed in postcard, whose bytes are the same for all; a message or a snapshot that is
  // longer is as one that is not kept. Nothing: there is none until news(), or it is over.
  std::optional<Bytes> next(std::size_t bytes_max = std::numeric_limits<std::size_t>::max());
  Event::Wait news() { return news_.wait(); }
  // That nobody hears it any more is news, too.
  void wake() { news_.set(); }
  bool is_over() const { return over_.has_value(); }
  // Why it is over.
  const Error& why_over() const { return *over_; }

 private:
  friend class KeptTopics;
  void lose_topics() {
    topics_ = nullptr;
    over_ = Error{Code::closed, "the topics are no more"};
    news_.set();
  }

  KeptTopics* topics_ = nullptr;
  core::Kept::Follower number_ = 0;
  std::optional<Error> over_;
  Event news_;
};

}  // namespace parley
