#include "core/topic/topics.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"
#include "base/bytes.h"
#include "core/directory/name.h"

namespace parley::core {

namespace {

using wire::bus::any_schema_id;
using wire::bus::SchemaId;

constexpr SchemaId no_schema_id{};

Error closed() { return {Code::closed, "topics take nothing any more"}; }

// What a topic's schema is once a subscriber is there that takes these alone.
Result<std::optional<SchemaId>> agree(const std::optional<SchemaId>& schema, std::span<const SchemaId> listed) {
  if (listed.empty()) return schema;
  const SchemaId has = schema.value_or(any_schema_id);
  if (std::ranges::find(listed, has) != listed.end()) return has;
  return fail(Code::refused, fmt::format("the topic has none of the {} schemas that are wanted", listed.size()));
}

std::size_t cost_of(const Envelope& message) { return message.bytes() + Topics::overhead_bytes; }

std::uint64_t hash_of(const Envelope& message) { return wire::bus::Fnv1a64().add(as_text(message.payload)).hash(); }

}  // namespace

Topics::Topics(Options options)
    : options_(options),
      keys_({.keys_max = options.limits.keys_max,
             .keys_per_publisher_max = options.limits.keys_per_publisher_max,
             .key_bytes_max = options.limits.key_bytes_max,
             .kept = options.limits.key_kept}),
      next_message_(options.first_message) {
  PARLEY_ASSERT(options.limits.waiting_max > 0 && options.limits.in_flight_max > 0);
}

// --- topics

Result<void> Topics::check_new(std::string_view topic) const {
  PARLEY_TRY(check_name(topic));
  if (topics_.size() < options_.limits.topics_max) return {};
  return fail(Code::overloaded, fmt::format("there are {} topics", topics_.size()));
}

Result<void> Topics::check_declarer(std::string_view by) const {
  const auto found = declared_by_.find(by);
  if (found == declared_by_.end() || found->second < options_.limits.declared_per_principal_max) return {};
  return fail(Code::overloaded, fmt::format("{} topics were declared by {}", found->second, by));
}

Result<void> Topics::declare(std::string_view topic, std::optional<SchemaId> schema,
                             std::optional<std::string_view> by) {
  if (is_closed_) return fail(closed());
  auto found = topics_.find(topic);
  if (found != topics_.end()) {
    const Topic& known = found->second;
    if (known.is_declared || (schema && known.schema && *schema != *known.schema)) {
      return fail(Code::in_use, fmt::format("the topic {}", topic));
    }
  } else {
    PARLEY_TRY(check_new(topic));
  }
  if (by) PARLEY_TRY(check_declarer(*by));
  if (found == topics_.end()) found = topics_.emplace(topic, Topic()).first;
  found->second.is_declared = true;
  if (by) found->second.declared_by.emplace(*by);
  if (!found->second.schema) found->second.schema = schema;
  if (by) ++declared_by_.try_emplace(std::string(*by)).first->second;
  return {};
}

Result<void> Topics::tap(std::string_view topic, Peer tap) {
  if (is_closed_) return fail(closed());
  PARLEY_TRY(check_name(topic));
  if (taps_.size() >= options_.limits.topics_max) {
    return fail(Code::overloaded, fmt::format("{} topics are tapped", taps_.size()));
  }
  if (!taps_.emplace(topic, tap).second) return fail(Code::in_use, fmt::format("the tap of the topic {}", topic));
  return {};
}

void Topics::untap(std::string_view topic) {
  if (const auto found = taps_.find(topic); found != taps_.end()) taps_.erase(found);
}

std::optional<SchemaId> Topics::schema_of(std::string_view topic) const {
  const auto found = topics_.find(topic);
  if (found == topics_.end()) return std::nullopt;
  return found->second.schema.value_or(any_schema_id);
}

bool Topics::is_declared(std::string_view topic, std::optional<std::string_view> by) const {
  const auto found = topics_.find(topic);
  return found != topics_.end() && found->second.is_declared && (!by || found->second.declared_by == by);
}

std::vector<Topics::Seen> Topics::list(std::string_view after) const {
  std::vector<Seen> seen;
  for (auto each = topics_.upper_bound(after); each != topics_.end(); ++each) {
    seen.push_back({each->first, each->second.readers.size()});
  }
  return seen;
}

// --- subscribers

Result<Topics::Subscribed> Topics::subscribe(Peer peer, const Wanted& wanted) {
  const TopicLimits& limits = options_.limits;
  if (is_closed_) return fail(closed());
  if (wanted.in_flight_max == 0) return fail(Code::invalid, "a subscription that takes no message");
  if (readers_.size() >= limits.subscriptions_max) {
    return fail(Code::overloaded, fmt::format("there are {} subscriptions", readers_.size()));
  }
  auto listener = peers_.find(peer);
  if (listener != peers_.end() && listener->second.subscriptions.size() >= limits.subscriptions_per_peer_max) {
    return fail(Code::overloaded, fmt::format("one peer has {} subscriptions", limits.subscriptions_per_peer_max));
  }
  auto topic = topics_.find(wanted.topic);
  const bool is_new = topic == topics_.end();
  if (is_new) {
    if (!options_.takes_unknown) return fail(Code::not_found, fmt::format("there is no topic {}", wanted.topic));
    PARLEY_TRY(check_new(wanted.topic));
  }
  PARLEY_TRY(const auto schema, agree(is_new ? Schema() : topic->second.schema, wanted.schemas));

  if (is_new) topic = topics_.emplace(wanted.topic, Topic()).first;
  if (listener == peers_.end()) listener = peers_.emplace(peer, Listener()).first;
  topic->second.schema = schema;
  const Subscription number = ++last_subscription_;
  Reader& reader = readers_
                       .emplace(number, Reader{.number = number,
                                               .peer = listener,
                                               .topic = topic,
                                               .in_flight_max = std::min(wanted.in_flight_max, limits.in_flight_max)})
                       .first->second;
  topic->second.readers.emplace(number, &reader);
  listener->second.subscriptions.insert(number);
  return Subscribed{number, schema.value_or(any_schema_id)};
}

void Topics::unsubscribe(Peer peer, Subscription subscription, Effects& effects) {
  const auto found = readers_.find(subscription);
  if (found == readers_.end() || found->second.peer->first != peer) {
    ++counters_.strange;
    return;
  }
  const auto listener = found->second.peer;
  drop(found->second);
  pump(listener->second, effects);
  forget_if_idle(listener);
  tell_if_drained(effects);
}

void Topics::finish(Peer peer) {
  const auto listener = peers_.find(peer);
  if (listener == peers_.end()) return;
  for (const Subscription number : listener->second.subscriptions) leave_topic(readers_.at(number));
}

void Topics::leave(Peer peer, Effects& effects) {
  std::erase_if(taps_, [peer](const auto& tap) { return tap.second == peer; });
  const auto listener = peers_.find(peer);
  if (listener == peers_.end()) return;
  while (!listener->second.subscriptions.empty()) drop(readers_.at(*listener->second.subscriptions.begin()));
  PARLEY_ASSERT(in_flight_ >= listener->second.in_flight, in_flight_, listener->second.in_flight);
  in_flight_ -= listener->second.in_flight;
  peers_.erase(listener);
  tell_if_drained(effects);
}

// What is in flight stays its peer's until it is taken.
void Topics::drop(Reader& reader) {
  const Subscription number = reader.number;
  Listener& peer = reader.peer->second;
  if (reader.is_in_line) std::erase(peer.in_line, number);
  PARLEY_ASSERT(waiting_ >= reader.waiting.size() && waiting_bytes_ >= reader.waiting_bytes, waiting_, waiting_bytes_);
  waiting_ -= reader.waiting.size();
  waiting_bytes_ -= reader.waiting_bytes;
  peer.subscriptions.erase(number);
  leave_topic(reader);
  readers_.erase(number);
}

void Topics::leave_topic(Reader& reader) {
  const auto topic = std::exchange(reader.topic, topics_.end());
  if (topic == topics_.end()) return;
  topic->second.readers.erase(reader.number);
  if (!topic->second.is_declared && topic->second.readers.empty()) topics_.erase(topic);
}

void Topics::forget_if_idle(Listeners::iterator peer) {
  if (peer->second.subscriptions.empty() && peer->second.in_flight == 0) peers_.erase(peer);
}

// Everybody else is served before: this is told to the one whom it is about, and changes nothing for others.
void Topics::shed(Reader& reader, std::string why, Effects& effects) {
  ++counters_.sheds;
  const auto listener = reader.peer;
  effects.push_back(Shed{listener->first, reader.number, {Code::overloaded, std::move(why)}});
  drop(reader);
  pump(listener->second, effects);
  forget_if_idle(listener);
}

// --- publishers

Result<void> Topics::check_published(std::string_view topic, const Envelope& message) const {
  if (is_closed_) return fail(closed());
  const auto found = topics_.find(topic);
  if (found == topics_.end() && !taps_.contains(topic)) {
    if (!options_.takes_unknown) return fail(Code::not_found, fmt::format("there is no topic {}", topic));
    PARLEY_TRY(check_name(topic));
  }
  if (message.bytes() > options_.limits.message_bytes_max) {
    return fail(Code::too_large, fmt::format("{} bytes, and a message has at most {}", message.bytes(),
                                             options_.limits.message_bytes_max));
  }
  return {};
}

Result<Topics::Published> Topics::publish(std::string_view topic, Envelope message, std::optional<std::string_view> key,
                                          Instant now, Effects& effects, TopicPosition position) {
  keys_.sweep(now);
  PARLEY_TRY(check_published(topic, message));
  Keys::Key scoped;
  std::uint64_t payload = 0;
  if (key) {
    scoped = {std::string(topic), message.publisher, std::string(*key)};
    payload = hash_of(message);
    if (const auto claim = keys_.find(scoped)) {
      if (claim->payload != payload) return fail(Code::in_use, "the key came with another payload");
      ++counters_.repeated;
      return Published{Published::How::repeated, claim->message, claim->position};
    }
    PARLEY_TRY(keys_.has_room_for(scoped));
  }
  const auto found = topics_.find(topic);
  if (found != topics_.end()) {
    Schema& schema = found->second.schema;
    const bool names_one = message.schema != no_schema_id && message.schema != any_schema_id;
    if (names_one && schema && *schema != any_schema_id && *schema != message.schema) {
      return fail(Code::refused, fmt::format("the topic {} has another schema", topic));
    }
    if (names_one && !schema) schema = message.schema;
    message.schema = schema.value_or(any_schema_id);
  }

  const Message number = next_message_++;
  ++counters_.published;
  const auto tap = taps_.find(topic);
  if (tap != taps_.end()) position = {};
  if (key) keys_.claim(std::move(scoped), {number, payload, position}, now);
  auto shared = std::make_shared<const Envelope>(std::move(message));
  if (tap != taps_.end()) {
    ++counters_.tapped;
    effects.push_back(Tapped{tap->second, std::string(topic), number, std::move(shared)});
    return Published{Published::How::tapped, number};
  }
  const std::uint32_t reached = found == topics_.end() ? 0 : fan_out(found->second, shared, effects);
  return Published{Published::How::sent, number, position, reached, std::move(shared)};
}

std::uint32_t Topics::fan_out(Topic& topic, const Shared& message, Effects& effects) {
  std::uint32_t reached = 0;
  std::vector<Subscription> full;  // the topic may go with the last of them
  for (const auto& [number, reader] : topic.readers) {
    if (put(*reader, message, effects)) {
      ++reached;
    } else {
      full.push_back(number);
    }
  }
  for (const Subscription number : full) {
    Reader& reader = readers_.at(number);
    shed(reader, fmt::format("{} messages waited for it", reader.waiting.size()), effects);
  }
  while (waiting_bytes_ > options_.limits.waiting_bytes_of_all_max) {
    const auto most =
        std::ranges::max_element(readers_, {}, [](const auto& each) { return each.second.waiting_bytes; });
    shed(most->second, fmt::format("{} bytes waited for it, the most of all", most->second.waiting_bytes), effects);
  }
  return reached;
}

// --- what waits, and what is in flight

bool Topics::has_room_for(const Listener& peer, std::size_t bytes) const {
  return peer.in_flight == 0 || peer.in_flight_bytes + bytes <= options_.limits.in_flight_bytes_max;
}

bool Topics::is_full(const Reader& reader, std::size_t bytes) const {
  const TopicLimits& limits = options_.limits;
  return reader.waiting.size() >= limits.waiting_max ||
         (!reader.waiting.empty() && reader.waiting_bytes + bytes > limits.waiting_bytes_max);
}

// False: it is over its bound.
bool Topics::put(Reader& reader, const Shared& message, Effects& effects) {
  const std::size_t bytes = cost_of(*message);
  const Listener& peer = reader.peer->second;
  const bool may_go = reader.in_flight < reader.in_flight_max && peer.in_line.empty() && has_room_for(peer, bytes);
  if (reader.waiting.empty() && may_go) {
    send(reader, message, effects);
    return true;
  }
  if (is_full(reader, bytes)) return false;
  reader.waiting.push(message);
  reader.waiting_bytes += bytes;
  ++waiting_;
  waiting_bytes_ += bytes;
  get_in_line(reader);
  return true;
}

void Topics::send(Reader& reader, Shared message, Effects& effects) {
  PARLEY_ASSERT(reader.in_flight < reader.in_flight_max, reader.in_flight);
  Listener& peer = reader.peer->second;
  ++reader.in_flight;
  ++peer.in_flight;
  ++in_flight_;
  peer.in_flight_bytes += cost_of(*message);
  ++counters_.delivered;
  effects.push_back(Deliver{reader.peer->first, reader.number, ++reader.sequence, std::move(message)});
}

void Topics::get_in_line(Reader& reader) {
  if (reader.is_in_line || reader.waiting.empty() || reader.in_flight >= reader.in_flight_max) return;
  reader.is_in_line = true;
  reader.peer->second.in_line.push_back(reader.number);
}

// One message each in turn, so that a long queue does not hold up the peer's other subscriptions.
void Topics::pump(Listener& peer, Effects& effects) {
  while (!peer.in_line.empty()) {
    Reader& reader = readers_.at(peer.in_line.front());
    PARLEY_ASSERT(reader.is_in_line && !reader.waiting.empty(), reader.number);
    const std::size_t bytes = cost_of(*reader.waiting.front());
    if (!has_room_for(peer, bytes)) return;
    peer.in_line.pop_front();
    reader.is_in_line = false;
    Shared message = reader.waiting.pop();
    if (reader.waiting.empty()) reader.waiting.free_memory();
    reader.waiting_bytes -= bytes;
    --waiting_;
    waiting_bytes_ -= bytes;
    send(reader, std::move(message), effects);
    get_in_line(reader);
  }
}

void Topics::taken(const Deliver& delivered, Effects& effects) {
  const auto listener = peers_.find(delivered.peer);
  if (listener == peers_.end()) return;  // it has left
  Listener& peer = listener->second;
  const std::size_t bytes = cost_of(*delivered.message);
  PARLEY_ASSERT(peer.in_flight > 0 && peer.in_flight_bytes >= bytes, peer.in_flight, peer.in_flight_bytes, bytes);
  --peer.in_flight;
  peer.in_flight_bytes -= bytes;
  --in_flight_;
  if (const auto found = readers_.find(delivered.subscription); found != readers_.end()) {
    PARLEY_ASSERT(found->second.in_flight > 0, delivered.subscription);
    --found->second.in_flight;
    get_in_line(found->second);
  }
  pump(peer, effects);
  forget_if_idle(listener);
  tell_if_drained(effects);
}

// --- its end

void Topics::close(Effects& effects) {
  is_closed_ = true;
  tell_if_drained(effects);
}

void Topics::tell_if_drained(Effects& effects) {
  if (!is_closed_ || is_drained_ || waiting_ != 0 || in_flight_ != 0) return;
  is_drained_ = true;
  effects.push_back(Drained());
}

}  // namespace parley::core
