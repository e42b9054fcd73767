#include <gtest/gtest.h>

#include <cstdint>
#include <deque>
#include <iterator>
#include <map>
#include <memory>
#include <utility>

#include "base/prng.h"
#include "core/call/calls_suite.h"

// The line, slots and ids of our calls against a model.
namespace parley::core {
namespace {

using namespace suite;

// Every call of ours is in one of these, and moves only forwards.
struct Modelled {
  enum class Where { line, sent, given_up };
  std::unique_ptr<OutgoingCall> call;
  Where where;
  std::uint64_t id;
};

class CallsModel {
 public:
  CallsModel(std::uint64_t seed, const Limits& limits, std::uint32_t peer_max)
      : prng(seed), limits(limits), peer_max(peer_max), calls(limits, counters, {.peer_requests_max = peer_max}) {}

  void step() {
    const std::uint64_t dice = prng.below(100);
    if (dice < 45) {
      begin();
    } else if (dice < 75) {
      respond();
    } else if (dice < 90) {
      give_up();
    } else {
      move();
    }
    ASSERT_EQ(calls.in_line(), line.size());
    ASSERT_EQ(calls.in_flight(), flight.size());
    ASSERT_LE(flight.size(), peer_max);
    ASSERT_LE(line.size(), limits.waiting_calls_max);
  }

 private:
  void begin() {
    Modelled made{std::make_unique<OutgoingCall>(), Modelled::Where::line, 0};
    const Admission admission = calls.begin(*made.call);
    if (flight.size() < peer_max && line.empty()) {
      ASSERT_EQ(admission, Admission::send);
      send(std::move(made));
    } else if (line.size() < limits.waiting_calls_max) {
      ASSERT_EQ(admission, Admission::wait);
      line.push_back(std::move(made));
    } else {
      ASSERT_EQ(admission, Admission::overloaded);
    }
  }
  void send(Modelled call) {
    ASSERT_EQ(call.call->id(), next_id);
    call.id = next_id;
    call.where = Modelled::Where::sent;
    next_id += 2;
    flight.emplace(call.id, std::move(call));
  }
  void respond() {
    if (flight.empty()) return;
    auto chosen = flight.begin();
    std::advance(chosen, static_cast<std::ptrdiff_t>(prng.below(flight.size())));
    OutgoingCall* given = nullptr;
    const Match match = calls.on_response(chosen->first, given);
    if (chosen->second.where == Modelled::Where::sent) {
      ASSERT_EQ(match, Match::delivered);
      ASSERT_EQ(given, chosen->second.call.get());
    } else {
      ASSERT_EQ(match, Match::late);
      ASSERT_EQ(given, nullptr);
    }
    flight.erase(chosen);
    while (OutgoingCall* next = calls.next_to_send()) {
      ASSERT_FALSE(line.empty());
      ASSERT_EQ(next, line.front().call.get()) << "not the first in line";
      send(std::move(line.front()));
      line.pop_front();
    }
    ASSERT_TRUE(line.empty() || flight.size() == peer_max) << "a slot is free and somebody waits";
  }
  void give_up() {
    if (!line.empty() && prng.chance(400)) {
      const auto at = line.begin() + static_cast<std::ptrdiff_t>(prng.below(line.size()));
      ASSERT_FALSE(calls.give_up(*at->call));
      line.erase(at);
      return;
    }
    for (auto& [id, call] : flight) {
      if (call.where != Modelled::Where::sent || !prng.chance(300)) continue;
      ASSERT_TRUE(calls.give_up(*call.call));
      call.where = Modelled::Where::given_up;
      call.call.reset();  // its owner goes with it
      return;
    }
  }
  void move() {
    const auto relocate = [this](Modelled& call) {
      if (!call.call) return;
      auto moved = std::make_unique<OutgoingCall>();
      calls.relocate(*call.call, *moved);
      call.call = std::move(moved);
    };
    if (!line.empty()) relocate(line[prng.below(line.size())]);
    if (!flight.empty()) relocate(flight.begin()->second);
  }

  Prng prng;
  const Limits& limits;
  std::uint32_t peer_max;
  Counters counters;
  std::deque<Modelled> line;
  std::map<std::uint64_t, Modelled> flight;
  std::uint64_t next_id = 1;
  Calls calls;
};

TEST(CallsProperty, line_slots_and_ids_are_those_of_the_model_whatever_happens) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    Limits limits;
    limits.waiting_calls_max = static_cast<std::uint32_t>(seed % 7);
    CallsModel model(seed, limits, static_cast<std::uint32_t>(1 + seed % 11));
    for (int step = 0; step < 2000; ++step) {
      model.step();
      if (testing::Test::HasFatalFailure()) return;
    }
  }
}

}  // namespace
}  // namespace parley::core
