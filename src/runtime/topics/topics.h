#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "async/executor.h"
#include "async/wait.h"
#include "core/topic/topics.h"
#include "io/loop.h"
#include "runtime/topics/kept_topics.h"

namespace parley {

// Who hears what is published. Told on the executor of its topics, also from inside of what it calls there itself;
// Topics::leave() ends it.
class TopicSubscriber {
 public:
  // In their order. Each is in flight until Topics::taken() says that the subscriber has it.
  virtual void on_deliver(const core::Topics::Deliver& deliver) = 0;
  // The subscription is over, because what was for it was not taken.
  virtual void on_shed(core::Topics::Subscription subscription, const Error& why) = 0;
  // The topics are no more, and nothing of them may be called.
  virtual void on_topics_gone() = 0;

 protected:
  ~TopicSubscriber() = default;
};

// Topics of one loop: core::Topics with those who subscribe, and the time. On that loop's thread; the loop outlives it,
// and so does who joined and does not leave. What core::Topics says of its bounds and errors holds.
class Topics final {
 public:
  using Peer = core::Topics::Peer;
  using Subscription = core::Topics::Subscription;
  // Takes what is published to a topic instead of whoever subscribes to it.
  using Tap = std::move_only_function<void(std::string_view topic, core::Topics::Message number,
                                           const core::Envelope& message) const>;

  Topics(io::Loop& loop, core::Topics::Options options, core::KeptLimits kept_limits = {})
      : executor_(loop.executor()), machine_(options), kept_(loop.random(), kept_limits) {}
  ~Topics() {
    for (const auto& [peer, subscriber] : subscribers_) subscriber->on_topics_gone();
  }
  Topics(const Topics&) = delete;
  Topics& operator=(const Topics&) = delete;

  Result<void> declare(std::string_view topic, std::optional<wire::bus::SchemaId> schema = std::nullopt,
                       std::optional<std::string_view> by = std::nullopt) {
    return machine_.declare(topic, schema, by);
  }
  // What a tap throws costs that message alone, and is counted.
  Result<void> tap(std::string_view topic, Tap tap);
  void untap(std::string_view topic);

  // The newest messages stay for those who follow; it is declared where it was not. Without options as much as before,
  // or as much as KeepOptions says by itself. What a tap takes is not kept. Errors: those of core::Kept::check_keep().
  Result<void> keep(std::string_view topic) { return keep_as({}, topic, {}); }
  Result<void> keep(std::string_view topic, const core::KeepOptions& options) { return keep_as({}, topic, options); }
  // For a keeper, who keeps what it has declared itself, since nothing is published that is longer than what is kept.
  // Errors: also those of declare(): in_use where somebody else has declared it.
  Result<void> keep_for(std::string_view keeper, std::string_view topic,
                        const std::optional<core::KeepOptions>& options) {
    return keep_as(keeper, topic, options);
  }
  // What is kept of it goes, and whoever follows it is told that it is over; it stays declared. Errors: those of
  // core::Kept::unkeep().
  Result<void> unkeep(std::string_view topic, std::optional<std::string_view> keeper = std::nullopt) {
    return kept_.unkeep(topic, keeper);
  }
  // Whom to ask for a snapshot when a follower needs one, on this thread and never from inside publish(): how things
  // are behind the last message that was published. One answer does for all until the next message. Errors: not_found.
  Result<void> set_snapshots(std::string_view topic, KeptTopics::Snapshots snapshots) {
    return kept_.set_snapshots(topic, std::move(snapshots));
  }
  KeptTopics& kept() { return kept_; }
  const KeptTopics& kept() const { return kept_; }

  Peer join(TopicSubscriber& subscriber);
  // All that it subscribed to ends, and it is told nothing more.
  void leave(Peer peer);
  Result<core::Topics::Subscribed> subscribe(Peer peer, const core::Topics::Wanted& wanted) {
    return machine_.subscribe(peer, wanted);
  }
  void unsubscribe(Peer peer, Subscription subscription);
  // Nothing new is for it; what waits goes on.
  void finish(Peer peer) { machine_.finish(peer); }
  void taken(const core::Topics::Deliver& delivered);

  // Errors: those of core::Topics::publish(); too_large where less is kept.
  Result<core::Topics::Published> publish(std::string_view topic, core::Envelope message,
                                          std::optional<std::string_view> key = std::nullopt);

  // Takes nothing new; what was accepted goes on to whoever takes it, and those who follow are told behind what there
  // is. Idempotent.
  void close();
  bool is_drained() const { return drained_.is_set(); }
  // After close(): until all that was accepted has been taken.
  Task<void> drained() { co_await drained_.wait(); }

  const core::Topics& machine() const { return machine_; }
  std::uint64_t taps_threw() const { return taps_threw_; }

 private:
  struct Forget final : Timer {
    explicit Forget(Topics& owner) : Timer(&Forget::fire), topics(owner) {}
    static void fire(Timer& timer) {
      Topics& topics = static_cast<Forget&>(timer).topics;
      topics.machine_.on_time(topics.executor_.now());
      topics.arm();
    }
    Topics& topics;
  };

  Result<void> keep_as(std::optional<std::string_view> keeper, std::string_view topic,
                       std::optional<core::KeepOptions> options);
  void carry_out(core::Topics::Effects effects);
  void arm();
  void run(core::Topics::Deliver& deliver);
  void run(core::Topics::Shed& shed);
  void run(core::Topics::Tapped& tapped);
  void run(core::Topics::Drained&) { drained_.set(); }

  Executor& executor_;
  core::Topics machine_;
  KeptTopics kept_;
  std::map<Peer, TopicSubscriber*> subscribers_;
  std::map<Peer, Tap> taps_;
  std::map<std::string, Peer, std::less<>> tapping_;  // by topic
  Peer last_peer_ = 0;
  core::Topics::Effects pending_;  // what is carried out now
  bool is_carrying_out_ = false;
  std::uint64_t taps_threw_ = 0;
  Event drained_;
  Forget forget_{*this};
};

}  // namespace parley
