#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/topic/topics.h"

// Topics whose effects are kept by what they are about.
namespace parley::core::topics_suite {

using wire::bus::SchemaId;

inline Envelope say(std::string_view text, std::string_view publisher = {}, const SchemaId& schema = {}) {
  Envelope envelope;
  envelope.publisher = publisher;
  envelope.schema = schema;
  envelope.payload.assign(text.begin(), text.end());
  return envelope;
}
inline std::string text_of(const Envelope& envelope) { return {envelope.payload.begin(), envelope.payload.end()}; }

class Bench {
 public:
  explicit Bench(Topics::Options options = {.takes_unknown = true}) : machine(options) {}

  Result<Topics::Published> publish(std::string_view topic, Envelope message,
                                    std::optional<std::string_view> key = {}) {
    Topics::Effects effects;
    auto published = machine.publish(topic, std::move(message), key, now, effects);
    keep(effects);
    return published;
  }
  Result<Topics::Published> publish(std::string_view topic, std::string_view text,
                                    std::optional<std::string_view> key = {}) {
    return publish(topic, say(text), key);
  }
  Topics::Subscription subscribe(Topics::Peer peer, std::string_view topic, std::uint32_t in_flight_max = 1024) {
    return machine.subscribe(peer, {.topic = topic, .in_flight_max = in_flight_max}).value().subscription;
  }
  void unsubscribe(Topics::Peer peer, Topics::Subscription subscription) {
    Topics::Effects effects;
    machine.unsubscribe(peer, subscription, effects);
    keep(effects);
  }
  void leave(Topics::Peer peer) {
    Topics::Effects effects;
    machine.leave(peer, effects);
    keep(effects);
  }
  void close() {
    Topics::Effects effects;
    machine.close(effects);
    keep(effects);
  }
  // The oldest that the subscription has in flight.
  void take(Topics::Subscription subscription) {
    auto& oldest = in_flight.at(subscription);
    const Topics::Deliver first = oldest.front();
    oldest.erase(oldest.begin());
    Topics::Effects effects;
    machine.taken(first, effects);
    keep(effects);
  }
  void take_all() {
    const auto has_any = [](const auto& each) { return !each.second.empty(); };
    for (auto any = in_flight.begin(); any != in_flight.end();) {
      any = std::ranges::find_if(in_flight, has_any);
      if (any != in_flight.end()) take(any->first);
    }
  }
  // What the subscription was given since the last call of this: "1:first", with the sequence.
  std::vector<std::string> heard(Topics::Subscription subscription) { return std::exchange(heard_[subscription], {}); }

  Instant now = Instant::from_ns(1);
  Topics machine;
  std::map<Topics::Subscription, std::vector<Topics::Deliver>> in_flight;
  std::vector<Topics::Deliver> delivered;
  std::vector<Topics::Shed> shed;
  std::vector<Topics::Tapped> tapped;
  int drained = 0;

 private:
  void keep(Topics::Effects& effects) {
    for (auto& each : effects) std::visit([this](auto& effect) { this->note(effect); }, each);
  }
  void note(Topics::Deliver& deliver) {
    heard_[deliver.subscription].push_back(std::to_string(deliver.sequence) + ":" + text_of(*deliver.message));
    in_flight[deliver.subscription].push_back(deliver);
    delivered.push_back(deliver);
  }
  void note(Topics::Shed& each) { shed.push_back(each); }
  void note(Topics::Tapped& each) { tapped.push_back(each); }
  void note(Topics::Drained&) { ++drained; }

  std::map<Topics::Subscription, std::vector<std::string>> heard_;
};

}  // namespace parley::core::topics_suite
