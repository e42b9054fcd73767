#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/policy/policy.h"
#include "runtime/client.h"
#include "runtime/topics/topics.h"

// Topics over a session: client<builtin::Topics>(builtin::topics_name).
namespace parley::builtin {

inline constexpr std::string_view topics_name = "parley.Topics";
inline constexpr std::uint32_t deliveries_ahead = 64;

// The id of a schema, 32 bytes; empty: none.
using TopicSchema = std::vector<std::uint8_t>;

struct TopicMessage {
  std::vector<std::uint8_t> payload;
  TopicSchema schema = {};                  // of the payload
  std::string id = {};                      // of the message, at whoever says it
  std::string parent = {};                  // the id of the message that caused it
  std::optional<std::uint64_t> clock = {};  // where it stands in the chain of its causes
};
struct Delivery {
  std::uint64_t sequence = 0;  // of its subscription, from 1
  std::string publisher;       // as whom he came who said it
  TopicMessage message;
};
struct Published {
  std::uint64_t message = 0;  // under a key that was there: the number of the first
  std::uint32_t reached = 0;  // so many subscribers
  bool is_repeated = false;   // the key was there, and nothing was published
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
};
PARLEY_SERVICE(Topics, (declare, args(topic, schema), describe("a topic from now on")),
               (publish, args(topic, message, key), describe("a message to all who subscribe")),
               (subscribe, args(topic, schemas, deliveries), describe("what is published from now on")));

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

 private:
  class Subscriber;
  Result<std::string> check(Context& context, core::Verb verb, std::string_view topic) const;
  parley::Topics& topics_;
  const Check check_;
};

}  // namespace parley
