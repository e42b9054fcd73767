#include "runtime/topics/topics_service.h"

#include <algorithm>
#include <concepts>
#include <coroutine>
#include <deque>

#include "async/scope.h"
#include "core/directory/name.h"
#include "runtime/raw.h"

namespace parley {

namespace {

using wire::bus::SchemaId;

Result<std::optional<SchemaId>> schema_of(const builtin::TopicSchema& bytes) {
  if (bytes.empty()) return std::nullopt;
  SchemaId id;
  if (bytes.size() != id.size()) return fail(Code::invalid, "the id of a schema has 32 bytes");
  std::ranges::copy(bytes, id.begin());
  return id;
}

builtin::Delivery delivery_of(const core::Topics::Deliver& deliver) {
  return {.sequence = deliver.sequence,
          .publisher = deliver.message->publisher,
          .message = builtin::message_of(*deliver.message)};
}

}  // namespace

// One subscription of a session. That an item was taken by its channel says that the receiver has credit for it: what
// he does not read waits in the topics, where it is shared.
class TopicsService::Subscriber final : private TopicSubscriber {
 public:
  explicit Subscriber(parley::Topics& topics) : topics_(&topics), peer_(topics.join(*this)) {}
  // The handler of a session that has ended may outlive them.
  ~Subscriber() {
    if (topics_) topics_->leave(peer_);
  }
  Subscriber(const Subscriber&) = delete;
  Subscriber& operator=(const Subscriber&) = delete;

  Result<core::Topics::Subscribed> subscribe(const core::Topics::Wanted& wanted) {
    return topics_->subscribe(peer_, wanted);
  }
  // Null: the subscription is over.
  const core::Topics::Deliver* front() const { return delivers_.empty() ? nullptr : &delivers_.front(); }
  Event::Wait news() { return news_.wait(); }
  void pop() {
    if (!topics_) return;
    const core::Topics::Deliver taken = std::move(delivers_.front());
    delivers_.pop_front();
    if (delivers_.empty() && !shed_) news_.reset();
    topics_->taken(taken);
  }
  const std::optional<Error>& shed() const { return shed_; }
  // That nobody hears it any more is news, too.
  static Task<void> watch(Subscriber& self, Tx<builtin::Delivery, builtin::deliveries_ahead>& deliveries) {
    co_await deliveries.over();
    self.news_.set();
  }

 private:
  void on_deliver(const core::Topics::Deliver& deliver) override {
    delivers_.push_back(deliver);
    news_.set();
  }
  void on_shed(core::Topics::Subscription, const Error& why) override {
    shed_ = why;
    news_.set();
  }
  void on_topics_gone() override {
    topics_ = nullptr;
    delivers_.clear();
    on_shed(0, {Code::closed, "the topics"});
  }

  parley::Topics* topics_;
  const parley::Topics::Peer peer_;
  std::deque<core::Topics::Deliver> delivers_;
  std::optional<Error> shed_;
  Event news_;
};

// A name that is none is refused as such, and nowhere written down.
Result<std::string> TopicsService::check(Context& context, core::Verb verb, std::string_view topic) const {
  PARLEY_TRY(core::check_name(topic));
  return check_(context, verb, topic);
}

Task<Result<void>> TopicsService::declare(Context& context, std::string topic, builtin::TopicSchema schema) {
  const std::string by = co_await check(context, core::Verb::publish, topic);
  const std::optional<SchemaId> id = co_await schema_of(schema);
  co_return topics_.declare(topic, id, by);
}

Task<Result<builtin::Published>> TopicsService::publish(Context& context, std::string topic,
                                                        builtin::TopicMessage message, std::optional<std::string> key) {
  std::string publisher = co_await check(context, core::Verb::publish, topic);
  const std::optional<SchemaId> schema = co_await schema_of(message.schema);
  core::Envelope envelope{.id = std::move(message.id),
                          .publisher = std::move(publisher),
                          .parent = std::move(message.parent),
                          .schema = schema.value_or(SchemaId()),
                          .payload = std::move(message.payload),
                          .clock = message.clock};
  const core::Topics::Published published = co_await topics_.publish(topic, std::move(envelope), key);
  co_return builtin::Published{.message = published.number,
                               .reached = published.reached,
                               .is_repeated = published.how == core::Topics::Published::How::repeated,
                               .position = published.position};
}

Task<Result<void>> TopicsService::subscribe(Context& context, std::string topic,
                                            std::vector<builtin::TopicSchema> schemas,
                                            Tx<builtin::Delivery, builtin::deliveries_ahead> deliveries) {
  co_await check(context, core::Verb::subscribe, topic);
  std::vector<SchemaId> wanted;
  for (const builtin::TopicSchema& each : schemas) {
    const std::optional<SchemaId> id = co_await schema_of(each);
    if (!id) co_return fail(Code::invalid, "an empty id of a schema");
    wanted.push_back(*id);
  }
  Subscriber subscriber(topics_);
  const core::Topics::Subscribed subscribed =
      co_await subscriber.subscribe({.topic = topic, .schemas = wanted, .in_flight_max = builtin::deliveries_ahead});
  builtin::Delivery begun;
  begun.message.schema = builtin::bytes_of(subscribed.schema);
  co_await co_await deliveries.send(begun);
  Scope watching(co_await this_executor());
  watching.spawn(Subscriber::watch(subscriber, deliveries));
  for (;;) {
    if (deliveries.is_open()) co_await subscriber.news();
    if (!deliveries.is_open()) co_return fail(deliveries.core().send_error());
    const core::Topics::Deliver* const next = subscriber.front();
    if (!next) break;
    const builtin::Delivery delivery = delivery_of(*next);
    co_await co_await deliveries.send(delivery);
    subscriber.pop();
  }
  deliveries.close();
  co_return fail(*subscriber.shed());
}

Task<Result<void>> TopicsService::keep(Context& context, std::string topic,
                                       std::optional<builtin::KeepOptions> options) {
  const std::string keeper = co_await check(context, core::Verb::publish, topic);
  co_return topics_.keep_for(keeper, topic, options);
}

Task<Result<void>> TopicsService::unkeep(Context& context, std::string topic) {
  const std::string keeper = co_await check(context, core::Verb::publish, topic);
  co_return topics_.unkeep(topic, keeper);
}

Task<Result<builtin::TopicPosition>> TopicsService::snapshot(Context& context, std::string topic,
                                                             std::vector<std::uint8_t> payload,
                                                             std::optional<builtin::TopicPosition> at) {
  std::string publisher = co_await check(context, core::Verb::publish, topic);
  co_await topics_.kept().check_giver(topic, publisher);
  co_return topics_.kept().record_snapshot(topic, std::move(publisher), std::move(payload), at);
}

namespace {

// `co_await Room(core)`: until an item can be sent, or nothing can any more.
class [[nodiscard]] Room final : public runtime::SendWaiter {
 public:
  explicit Room(runtime::SendingCore& core) : SendWaiter(&Room::encode), core_(core) {}
  bool await_ready() const { return core_.is_over() || core_.may_send(); }
  template <std::derived_from<async::PromiseBase> P>
  void await_suspend(std::coroutine_handle<P> handle) {
    core_.wait(*this, handle.promise());
  }
  void await_resume() const {}

 private:
  static void encode(SendWaiter&, runtime::SendingCore&) {}
  runtime::SendingCore& core_;
};

}  // namespace

static Task<void> watch(TopicFollower& follower, Tx<builtin::Followed, builtin::deliveries_ahead>& items) {
  co_await items.over();
  follower.wake();
}

// What it sends next it looks for when it can send it: that a follower does not read costs nothing.
Task<Result<void>> TopicsService::follow(Context& context, std::string topic, builtin::Gap gap,
                                         std::optional<builtin::TopicPosition> after,
                                         Tx<builtin::Followed, builtin::deliveries_ahead> items) {
  const std::string peer = co_await check(context, core::Verb::subscribe, topic);
  TopicFollower follower;
  const builtin::TopicPosition from =
      co_await follower.follow(topics_.kept(), {.topic = topic, .peer = peer, .gap = gap, .after = after});
  const SchemaId schema = topics_.machine().schema_of(topic).value_or(wire::bus::any_schema_id);
  const builtin::Followed begun = builtin::FollowBegun{.position = from, .schema = builtin::bytes_of(schema)};
  co_await co_await items.send(begun);
  Scope watching(co_await this_executor());
  watching.spawn(watch(follower, items));
  while (!follower.is_over()) {
    if (items.is_open()) co_await follower.news();
    if (!items.is_open()) co_return fail(items.core().send_error());
    for (;;) {
      while (follower.has_next() && items.is_open() && !items.core().may_send()) co_await Room(items.core());
      const auto item = items.is_open() ? follower.next(items.core().item_bytes_max()) : std::nullopt;
      if (!item) break;
      co_await co_await runtime::SendOf<runtime::RawItems>(items.core(), item->view());
    }
  }
  items.close();
  co_return fail(follower.why_over());
}

}  // namespace parley
