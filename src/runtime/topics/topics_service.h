#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/policy/policy.h"
#include "runtime/client.h"
#include "runtime/topics/followed.h"
#include "runtime/topics/topics.h"

// Topics over a session: client<builtin::Topics>(builtin::topics_name).
namespace parley::builtin {

inline constexpr std::string_view topics_name = "parley.Topics";
inline constexpr std::uint32_t deliveries_ahead = 64;

struct Delivery {
  std::uint64_t sequence = 0;  // of its subscription, from 1
  std::string publisher;       // as whom he came who said it
  TopicMessage message;
};
struct Published {
  std::uint64_t message = 0;  // under a key that was there: the number of the first
  std::uint32_t reached = 0;  // so many subscribers
  bool is_repeated = false;   // the key was there, and nothing was published
  TopicPosition position;     // of a topic that is kept: where it stands there, or the first does
};

class Topics {
 public:
  virtual ~Topics() = default;
  // The topic is there from now on; without a schema the first who names one declares it. Errors: permission (to
  // publish), invalid, in_use, overloaded (also: of the caller's principal there are too many), closed.
  virtual Task<Result<void>> declare(Context& context, std::string topic, TopicSchema schema) = 0;
  // To all who subscribe now. Under a key it is published once, whoever says it again in the next minutes. Errors:
  // permission, not_found, invalid, refused (another schema than the topic's), in_use (the key came with another
  // payload), too_large, overloaded, closed.
  virtual Task<Result<Published>> publish(Context& context, std::string topic, TopicMessage message,
                                          std::optional<std::string> key) = 0;
  // Lasts as long as the subscription: until the caller drops the call, or does not keep up (overloaded). The first
  // delivery says that it has begun: its sequence is 0, and its schema the topic's. `schemas`: any of these, or
  // whatever the topic has. Errors: permission, not_found, invalid, refused (no schema in common), overloaded, closed.
  virtual Task<Result<void>> subscribe(Context& context, std::string topic, std::vector<TopicSchema> schemas,
                                       Tx<Delivery, deliveries_ahead> deliveries) = 0;
  // The newest messages of the topic stay from now on, for those who follow; it is declared where it was not. Said
  // again by the same principal: how much stays; without options as much as before. Errors: permission (to publish),
  // invalid, in_use (somebody else has declared it, or keeps it), overloaded, closed.
  virtual Task<Result<void>> keep(Context& context, std::string topic, std::optional<KeepOptions> options) = 0;
  // It is kept no more, and whoever follows it is told so. Errors: permission (to publish), not_found, in_use (somebody
  // else keeps it).
  virtual Task<Result<void>> unkeep(Context& context, std::string topic) = 0;
  // How things are behind the newest message of a topic that is kept, or behind the one that stands there; where, is
  // its answer. Errors: permission (to publish), not_found, in_use (somebody else keeps it), invalid (a version to
  // come), refused (its owner makes them, it is of another incarnation, what came behind it is no longer kept, or a
  // newer one is there), too_large, closed.
  virtual Task<Result<TopicPosition>> snapshot(Context& context, std::string topic, std::vector<std::uint8_t> payload,
                                               std::optional<TopicPosition> at) = 0;
  // What a topic that is kept has behind the newest message, or behind `after`, and what comes: FollowBegun first.
  // Lasts until the caller drops the call; whoever is slow is put right as the gap says, and nothing else happens to
  // him. Errors: permission (to subscribe), not_found, overloaded, closed (also: it is kept no more).
  virtual Task<Result<void>> follow(Context& context, std::string topic, Gap gap, std::optional<TopicPosition> after,
                                    Tx<Followed, deliveries_ahead> items) = 0;
};
PARLEY_SERVICE(Topics, (declare, args(topic, schema), describe("a topic from now on")),
               (publish, args(topic, message, key), describe("a message to all who subscribe")),
               (subscribe, args(topic, schemas, deliveries), describe("what is published from now on")),
               (keep, args(topic, options), describe("its newest messages from now on")),
               (unkeep, args(topic), describe("it is kept no more")),
               (snapshot, args(topic, payload, at), describe("how things are, for those who have missed something")),
               (follow, args(topic, gap, after, items), describe("what is kept of a topic, and what comes")));

}  // namespace parley::builtin

namespace parley {

// Serves topics, which outlive the sessions. For Services::serve().
class TopicsService final : public builtin::Topics {
 public:
  // Who calls, as what he publishes says it; or why he may not.
  using Check =
      std::move_only_function<Result<std::string>(Context& context, core::Verb verb, std::string_view topic) const>;
  TopicsService(parley::Topics& topics, Check check) : topics_(topics), check_(std::move(check)) {}
  // Everybody may, and is nobody.
  explicit TopicsService(parley::Topics& topics)
      : TopicsService(topics, [](Context&, core::Verb, std::string_view) { return std::string(); }) {}

  Task<Result<void>> declare(Context& context, std::string topic, builtin::TopicSchema schema) override;
  Task<Result<builtin::Published>> publish(Context& context, std::string topic, builtin::TopicMessage message,
                                           std::optional<std::string> key) override;
  Task<Result<void>> subscribe(Context& context, std::string topic, std::vector<builtin::TopicSchema> schemas,
                               Tx<builtin::Delivery, builtin::deliveries_ahead> deliveries) override;
  Task<Result<void>> keep(Context& context, std::string topic, std::optional<builtin::KeepOptions> options) override;
  Task<Result<void>> unkeep(Context& context, std::string topic) override;
  Task<Result<builtin::TopicPosition>> snapshot(Context& context, std::string topic, std::vector<std::uint8_t> payload,
                                                std::optional<builtin::TopicPosition> at) override;
  Task<Result<void>> follow(Context& context, std::string topic, builtin::Gap gap,
                            std::optional<builtin::TopicPosition> after,
                            Tx<builtin::Followed, builtin::deliveries_ahead> items) override;

 private:
  class Subscriber;
  Result<std::string> check(Context& context, core::Verb verb, std::string_view topic) const;
  parley::Topics& topics_;
  const Check check_;
};

}  // namespace parley
