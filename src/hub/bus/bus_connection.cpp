#include "hub/bus/bus_connection.h"

#include <fmt/format.h>

#include <algorithm>
#include <concepts>

#include "core/directory/name.h"
#include "wire/bus/negotiation.h"

namespace parley::hub {

namespace bus = wire::bus;
using bus::Reason;

namespace {

// Sessions number themselves otherwise.
constexpr Conversations::Owner owner_of(std::uint64_t number) { return number | std::uint64_t{1} << 63; }

// What is taken also of one who has not said who he is, besides what nobody acts upon.
template <class T>
constexpr bool needs_entry =
    std::same_as<T, bus::Subscribe> || std::same_as<T, bus::Unsubscribe> || std::same_as<T, bus::Publish> ||
    std::same_as<T, bus::ConversationOpen> || std::same_as<T, bus::ConversationMessage> ||
    std::same_as<T, bus::ConversationClose> || std::same_as<T, bus::PushReply> || std::same_as<T, bus::WorkerRegister>;

bus::Bounds bounds_of(std::size_t frame_bytes_max) { return {.frame_bytes_max = frame_bytes_max}; }

}  // namespace

BusConnection::BusConnection(BusConnectionEvents& gate, BusHub& hub, std::uint64_t number, Arrival arrival)
    : gate_(gate),
      hub_(hub),
      number_(number),
      seen_(std::move(arrival.seen)),
      bearer_(std::move(arrival.bearer)),
      until_(arrival.until),
      is_let_in_(std::move(arrival.is_let_in)),
      is_of_messages_(arrival.is_of_messages),
      frames_(hub.loop, std::move(arrival.stream), static_cast<FrameStreamEvents&>(*this), arrival.is_of_messages,
              bounds_of(hub.options.opening_bytes_max)),
      keepalive_(hub.loop.executor(), static_cast<BusKeepalive::Asked&>(*this), frames_, hub.options.keepalive),
      conversations_(hub, static_cast<BusPeer&>(*this), owner_of(number)),
      worker_(hub, static_cast<BusPeer&>(*this)) {}

void BusConnection::start() {
  hub_.loop.executor().arm(late_, until_);
  if (enters_unasked()) frames_.set_bounds(bounds_of(hub_.options.frame_bytes_max));
  frames_.start();
}

bool BusConnection::enters_unasked() const {
  return !hub_.options.require_connect && hub_.gate.enter_by(std::nullopt, seen_).principal.has_value();
}

// What comes first decides: a Connect says who it is.
void BusConnection::enter_unasked() {
  if (enters_unasked()) enter(*hub_.gate.enter_by(std::nullopt, seen_).principal);
}

// --- who it is

void BusConnection::enter(core::Principal principal) {
  PARLEY_ASSERT(state_ == State::newcomer);
  if (!gate_.on_entered(*this)) return refuse_entry(Reason::overloaded, "there are too many connections");
  ++hub_.counters.entered;
  if (!frames_.is_output_over()) late_.disarm();
  state_ = State::active;
  publisher_ = to_string(principal);
  rights_.emplace(hub_.gate.policy(), std::move(principal));
  topic_peer_ = hub_.topics.join(static_cast<TopicSubscriber&>(*this));
  frames_.set_bounds(bounds_of(hub_.options.frame_bytes_max));
  if (is_let_in_) *is_let_in_ = true;
}

void BusConnection::refuse_entry(Reason reason, std::string_view text) {
  static_cast<void>(say(0, bus::ConnectError{reason, text}));
  leave();
}

void BusConnection::take(std::uint32_t, const bus::Connect& connect) {
  // The handshake of TLS may have said more than was seen when it came.
  if (!frames_.peer().certificate.empty()) seen_ = Gate::seen(frames_.peer(), false);
  std::optional<std::string_view> secret;
  if (bearer_) secret = *bearer_;
  if (!connect.token.empty()) secret = as_text(connect.token);
  const Gate::Entry entered = hub_.gate.enter_by(secret, seen_);
  if (!entered.principal) {
    ++hub_.counters.refused;
    hub_.refuse(seen_, frames_.peer(), {}, {}, entered.refusal);
    return refuse_entry(Reason::authentication, entered.refusal.note);
  }
  if (rights_ && rights_->principal() != *entered.principal) {
    ++hub_.counters.refused;
    return refuse_entry(Reason::authentication, "a connection stays who it is");
  }
  constexpr bus::Version versions[] = {bus::version_1_0};
  const auto answer = bus::answer(connect, {.versions = versions});
  if (const auto* const error = std::get_if<bus::ConnectError>(&answer)) {
    ++hub_.counters.versions_refused;
    return refuse_entry(error->reason, error->text.value_or(std::string_view()));
  }
  if (state_ == State::newcomer) enter(*entered.principal);
  if (state_ == State::active) static_cast<void>(say(0, std::get<bus::ConnectAck>(answer)));
}

void BusConnection::take(std::uint32_t, const bus::Disconnect&) {
  ++hub_.counters.disconnected;
  while (!to_pump_.empty()) pump_one();  // it was delivered before the goodbye
  leave();
}

void BusConnection::take(std::uint32_t, const bus::Ping&) { static_cast<void>(say(0, bus::Pong())); }

Result<void> BusConnection::check(core::Verb verb, std::string_view name) {
  auto may = rights_->check(verb, name);
  if (may) return may;
  ++hub_.counters.forbidden;
  hub_.refuse(rights_->principal(), frames_.peer(), to_string(verb), name, may.error());
  return may;
}

builtin::WorkerEntry BusConnection::as_worker() const {
  const io::Peer& peer = frames_.peer();
  builtin::WorkerEntry entry{.connection = number_, .address = peer.address, .principal = publisher_};
  if (peer.credentials) entry.pid = peer.credentials->pid;
  entry.identity = worker_.identity();
  entry.subjects = worker_.subjects();
  entry.in_flight = worker_.in_flight();
  entry.waiting = worker_.waiting();
  return entry;
}

// --- topics

// There is none of a name that is none, and that is nowhere written down.
Result<void> BusConnection::check_topic(core::Verb verb, std::string_view topic) {
  if (const auto good = core::check_name(topic); !good) return fail(Code::not_found, good.error().note);
  return check(verb, topic);
}

Result<Topics::Subscription> BusConnection::try_subscribe(std::uint32_t stream, const bus::Subscribe& subscribe) {
  PARLEY_TRY(check_topic(core::Verb::subscribe, subscribe.topic));
  if (subscriptions_.size() >= hub_.options.subscriptions_max) {
    return fail(Code::too_many_calls, fmt::format("{} subscriptions", subscriptions_.size()));
  }
  PARLEY_TRY(const auto subscribed, hub_.topics.subscribe(topic_peer_, {.topic = subscribe.topic,
                                                                        .schemas = subscribe.schemas,
                                                                        .in_flight_max = subscribe.in_flight_max}));
  subscriptions_.emplace(subscribed.subscription, stream);
  static_cast<void>(say(stream, bus::SubscribeAck{subscribed.subscription, subscribed.schema}));
  return subscribed.subscription;
}

// What an error of topics means.
static Reason reason_of_topic(const Error& error) {
  switch (error.code) {
    case Code::not_found: return Reason::unknown_topic;
    case Code::refused: return Reason::schema;
    case Code::in_use: return Reason::key_conflict;
    case Code::too_many_calls: return Reason::limit;
    default: return reason_of(error);
  }
}

void BusConnection::take(std::uint32_t stream, const bus::Subscribe& subscribe) {
  if (const auto done = try_subscribe(stream, subscribe); !done) {
    static_cast<void>(say(stream, bus::SubscribeError{reason_of_topic(done.error()), done.error().note}));
  }
}

void BusConnection::take(std::uint32_t, const bus::Unsubscribe& unsubscribe) {
  if (subscriptions_.erase(unsubscribe.subscription) == 0) return;
  hub_.topics.unsubscribe(topic_peer_, unsubscribe.subscription);
}

Result<core::Topics::Published> BusConnection::try_publish(const bus::Publish& publish) {
  PARLEY_TRY(check_topic(core::Verb::publish, publish.topic));
  return hub_.topics.publish(publish.topic, envelope_of(publish.envelope, publisher_), publish.key);
}

void BusConnection::take(std::uint32_t stream, const bus::Publish& publish) {
  const auto done = try_publish(publish);
  if (!done) {
    static_cast<void>(say(stream, bus::PublishError{reason_of_topic(done.error()), done.error().note}));
    return;
  }
  const bool reaches = done->reached != 0 || done->how == core::Topics::Published::How::tapped;
  static_cast<void>(say(stream, bus::PublishAck{done->number, reaches}));
}

void BusConnection::on_deliver(const core::Topics::Deliver& deliver) {
  to_pump_.emplace_back(deliver);
  if (!pump_.is_linked()) hub_.loop.executor().post(pump_);
}

void BusConnection::on_shed(Topics::Subscription subscription, const Error& why) {
  to_pump_.emplace_back(Shed{subscription, why});
  if (!pump_.is_linked()) hub_.loop.executor().post(pump_);
}

void BusConnection::pump() {
  for (std::uint32_t left = hub_.options.delivers_per_turn; left != 0 && !to_pump_.empty(); --left) pump_one();
  if (to_pump_.empty()) return on_settled();
  // What was given back may have brought more, which has asked for its turn.
  if (!pump_.is_linked()) hub_.loop.executor().post(pump_);
}

void BusConnection::pump_one() {
  const auto next = std::move(to_pump_.front());
  to_pump_.pop_front();
  if (const auto* const shed = std::get_if<Shed>(&next)) {
    tell_shed(*shed);
  } else {
    deliver(std::get<core::Topics::Deliver>(next));
  }
}

void BusConnection::deliver(const core::Topics::Deliver& deliver) {
  const auto subscription = subscriptions_.find(deliver.subscription);
  if (subscription == subscriptions_.end()) return hub_.topics.taken(deliver);
  const std::uint64_t before = frames_.put_bytes();
  const auto put = frames_.put_deliver(subscription->second, deliver.sequence, hub_.envelope_head.of(deliver.message),
                                       deliver.message);
  if (!put) {
    hub_.topics.unsubscribe(topic_peer_, deliver.subscription);
    tell_shed({deliver.subscription, put.error()});
    return hub_.topics.taken(deliver);
  }
  expect_to_leave(before, deliver);
}

// What is not an answer to this client, and does not count against it.
void BusConnection::expect_to_leave(std::uint64_t before, std::optional<core::Topics::Deliver> deliver) {
  const std::uint64_t until = frames_.put_bytes();
  in_flight_.push_back({until, static_cast<std::size_t>(until - before), std::move(deliver)});
  in_flight_bytes_ += in_flight_.back().bytes;
  expect_peer();
}

// Who has said all answers no ping.
void BusConnection::expect_peer() {
  if (!has_said_all_) keepalive_.expect();
}

void BusConnection::tell_shed(const Shed& shed) {
  const auto subscription = subscriptions_.find(shed.subscription);
  if (subscription == subscriptions_.end()) return;
  const std::uint32_t stream = subscription->second;
  subscriptions_.erase(subscription);
  static_cast<void>(say(stream, bus::SubscribeError{reason_of_topic(shed.why), shed.why.note}));
}

// --- the stream

void BusConnection::on_frame(const bus::Frame& frame) {
  std::visit(
      [&]<class T>(const T& body) {
        if (needs_entry<T> && state_ == State::newcomer) enter_unasked();
        if (needs_entry<T> && state_ == State::newcomer) {
          ++hub_.counters.before_connect;
          return cut();
        }
        take(frame.stream, body);
      },
      frame.body);
}

void BusConnection::on_malformed(const bus::Malformed& why) {
  ++hub_.counters.malformed[std::string(to_string(why.fault))];
  cut();
}

// It may have closed the stream altogether, which shows where something leaves. Of a WebSocket this is its goodbye, and
// behind that it takes nothing.
void BusConnection::on_input_over() {
  if (state_ == State::leaving) return;
  if (state_ == State::newcomer || is_of_messages_) return leave();
  has_said_all_ = true;
  keepalive_.stop();
  hub_.topics.finish(topic_peer_);
  hub_.loop.executor().arm(late_, hub_.loop.now() + hub_.options.drain_max);
  worker_.leave();  // it answers no push any more
  on_settled();
}

// Most have gone, and what they had said before counts.
void BusConnection::on_output_over() {
  if (state_ == State::active) hub_.loop.executor().arm(late_, hub_.loop.now() + hub_.options.leave_max);
  worker_.leave();
}

void BusConnection::on_sent() {
  while (!in_flight_.empty() && in_flight_.front().until <= frames_.sent()) {
    const InFlight sent = std::move(in_flight_.front());
    in_flight_.pop_front();
    in_flight_bytes_ -= sent.bytes;
    if (sent.deliver) hub_.topics.taken(*sent.deliver);
  }
  if (state_ == State::active && frames_.is_blocked()) expect_peer();
  if (state_ == State::active) worker_.pump();
  on_settled();
}

// What a worker does not read waits for it, and costs it nothing.
bool BusConnection::has_room_for_push() const { return frames_.unsent() < hub_.options.push_bytes_ahead_max; }

std::size_t BusConnection::answers_unsent() const {
  const std::size_t unsent = frames_.unsent();
  return unsent - std::min(unsent, in_flight_bytes_);
}

Result<void> BusConnection::say(std::uint32_t stream, const bus::Body& body) {
  if (state_ == State::leaving || state_ == State::over) return {};
  if (answers_unsent() > hub_.options.answers_bytes_max) {
    ++hub_.counters.answers_unread;
    cut();
    return {};
  }
  const std::uint64_t before = frames_.put_bytes();
  PARLEY_TRY(frames_.put({stream, body}));
  if (std::holds_alternative<bus::Push>(body)) expect_to_leave(before, std::nullopt);
  return {};
}

// --- its end

bool BusConnection::is_waited_for() const { return worker_.is_awaited() || frames_.is_blocked(); }

void BusConnection::on_silent() {
  ++hub_.counters.silent;
  cut();
}

void BusConnection::on_late() {
  ++(state_ == State::newcomer ? hub_.counters.late : hub_.counters.cut_off);
  cut();
}

void BusConnection::drain() {
  if (state_ == State::newcomer) return cut();
  is_draining_ = true;
  conversations_.drain();
  worker_.drain();
  on_settled();
}

void BusConnection::on_settled() {
  if (!(is_draining_ || has_said_all_) || state_ != State::active) return;
  if (conversations_.is_awaiting() || worker_.is_awaited() || !to_pump_.empty() || !in_flight_.empty()) return;
  if (!has_said_all_) static_cast<void>(say(0, bus::Disconnect()));
  leave();
}

// Everything that it has here ends, and nothing is told to it any more.
void BusConnection::let_go() {
  pump_.leave();
  late_.disarm();
  keepalive_.stop();
  conversations_.leave();
  worker_.leave();
  to_pump_.clear();
  in_flight_.clear();
  subscriptions_.clear();
  if (topic_peer_ != 0) hub_.topics.leave(std::exchange(topic_peer_, 0));
}

void BusConnection::leave() {
  if (state_ == State::leaving || state_ == State::over) return;
  state_ = State::leaving;
  let_go();
  frames_.stop_reading();
  frames_.finish();
  hub_.loop.executor().arm(late_, hub_.loop.now() + hub_.options.leave_max);
  gate_.on_leaving(*this);
}

void BusConnection::cut() {
  if (state_ == State::over) return;
  state_ = State::over;
  let_go();
  frames_.stop_reading();
  gate_.on_over(*this);
}

}  // namespace parley::hub
