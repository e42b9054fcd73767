#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/prng.h"
#include "core/topic/topics_suite.h"

// Anything in any order, against a model that knows no bounds but the one of what waits.
namespace parley::core {
namespace {

using namespace topics_suite;

constexpr std::uint32_t waiting_max = 4;

struct Modelled {
  Topics::Peer peer;
  std::string topic;
  std::uint32_t in_flight_max;
  std::vector<std::string> due = {};
  std::size_t taken = 0;
  bool is_over = false;
  bool is_shed = false;
};

class Storm {
 public:
  explicit Storm(std::uint64_t seed) : prng_(seed), bench_({.takes_unknown = true, .limits = limits()}) {}

  void blow(int steps) {
    for (int step = 0; step < steps; ++step) {
      switch (prng_.below(8)) {
        case 0: subscribe(); break;
        case 1: unsubscribe(); break;
        case 2: prng_.chance(100) ? leave() : take(); break;
        case 3:
        case 4: take(); break;
        default: publish(); break;
      }
      check();
    }
  }

  void rest() {
    bench_.close();
    while (bench_.drained == 0) {
      const auto before = bench_.delivered.size();
      for (auto& [number, all] : std::map(bench_.in_flight)) {
        for (std::size_t i = 0; i < all.size(); ++i) take_one(number);
      }
      RC_ASSERT(bench_.drained == 1 || bench_.delivered.size() > before);
    }
    check();
    for (auto& [number, each] : readers_) {
      if (!each.is_over) RC_ASSERT(heard_[number] == each.due);
    }
    RC_ASSERT(bench_.drained == 1);
    RC_ASSERT(bench_.machine.waiting_bytes() == 0u);
  }

 private:
  static TopicLimits limits() { return {.waiting_max = waiting_max, .in_flight_bytes_max = std::size_t{1} << 20}; }

  std::string any_topic() { return std::string(1, static_cast<char>('a' + prng_.below(3))); }
  Topics::Subscription any_reader() {
    if (readers_.empty()) return 0;
    return std::next(readers_.begin(), static_cast<std::ptrdiff_t>(prng_.below(readers_.size())))->first;
  }

  void subscribe() {
    const Modelled wanted{.peer = 1 + prng_.below(3),
                          .topic = any_topic(),
                          .in_flight_max = 1 + static_cast<std::uint32_t>(prng_.below(3))};
    readers_.emplace(bench_.subscribe(wanted.peer, wanted.topic, wanted.in_flight_max), wanted);
  }
  void unsubscribe() {
    const auto number = any_reader();
    if (number == 0) return;
    bench_.unsubscribe(readers_.at(number).peer, number);
    readers_.at(number).is_over = true;
  }
  void leave() {
    const Topics::Peer peer = 1 + prng_.below(3);
    bench_.leave(peer);
    for (auto& [number, each] : readers_) {
      if (each.peer != peer) continue;
      each.is_over = true;
      bench_.in_flight.erase(number);
    }
  }
  void take_one(Topics::Subscription number) {
    ++readers_.at(number).taken;
    bench_.take(number);
  }
  void take() {
    const auto number = any_reader();
    if (number != 0 && !bench_.in_flight[number].empty()) take_one(number);
  }
  void publish() {
    const std::string topic = any_topic();
    const std::string text = std::to_string(++published_);
    std::uint32_t reached = 0;
    for (auto& [number, each] : readers_) {
      if (each.topic != topic || each.is_over) continue;
      if (each.due.size() - each.taken >= each.in_flight_max + waiting_max) {
        each.is_over = each.is_shed = true;
        continue;
      }
      each.due.push_back(std::to_string(each.due.size() + 1) + ":" + text);
      ++reached;
    }
    RC_ASSERT(bench_.publish(topic, text)->reached == reached);
  }

  // All that is due and not in its way is there, and nothing else is.
  void check() {
    std::size_t living = 0;
    std::size_t shed = 0;
    for (auto& [number, each] : readers_) {
      auto& heard = heard_[number];
      std::ranges::move(bench_.heard(number), std::back_inserter(heard));
      RC_ASSERT(heard.size() <= each.due.size());
      RC_ASSERT(std::ranges::equal(heard, std::span(each.due).first(heard.size())));
      shed += each.is_shed ? 1 : 0;
      if (each.is_over) continue;
      ++living;
      RC_ASSERT(heard.size() == std::min<std::size_t>(each.due.size(), each.taken + each.in_flight_max));
    }
    RC_ASSERT(bench_.shed.size() == shed);
    RC_ASSERT(bench_.machine.subscription_count() == living);
  }

  Prng prng_;
  Bench bench_;
  std::map<Topics::Subscription, Modelled> readers_;
  std::map<Topics::Subscription, std::vector<std::string>> heard_;
  int published_ = 0;
};

RC_GTEST_PROP(TopicsProperty, each_who_keeps_up_hears_all_in_order_and_whoever_does_not_is_shed, (std::uint64_t seed)) {
  // rule: conversations/R-97, conversations/R-98
  Storm storm(seed);
  storm.blow(200);
  storm.rest();
}

}  // namespace
}  // namespace parley::core
