#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "core/outbox/outbox_model_suite.h"

// Every sequence of what can happen to an outbox and the other end of it, up to a number of events: what was sent,
// lost, said twice or too late, who crashed, what expired. States that were seen are not gone on from.

namespace parley::core::outbox_model {
namespace {

struct Happening {
  std::string_view name;
  bool (*run)(System&);
};
constexpr Happening happenings[] = {
    {"send", [](System& s) { return s.send(); }},
    {"connect", [](System& s) { return s.connect(); }},
    {"cut the first link", [](System& s) { return s.cut(0); }},
    {"cut the second link", [](System& s) { return s.cut(1); }},
    {"the first link has ended", [](System& s) { return s.clear(0); }},
    {"the second link has ended", [](System& s) { return s.clear(1); }},
    {"to the receiver, first link", [](System& s) { return s.hand_to_receiver(0); }},
    {"to the receiver, second link", [](System& s) { return s.hand_to_receiver(1); }},
    {"to the outbox, first link", [](System& s) { return s.hand_to_outbox(0); }},
    {"to the outbox, second link", [](System& s) { return s.hand_to_outbox(1); }},
    {"a command begins", [](System& s) { return s.begin(); }},
    {"a command has run", [](System& s) { return s.finish(); }},
    {"cancel the first", [](System& s) { return s.cancel(0); }},
    {"cancel the second", [](System& s) { return s.cancel(1); }},
    {"time passes", [](System& s) { return s.expire(); }},
    {"the outbox crashes", [](System& s) { return s.crash_outbox(); }},
    {"the receiver crashes", [](System& s) { return s.crash_receiver(); }},
};

using Path = std::string;  // indices of happenings

char at(std::string_view name) {
  const auto found = std::ranges::find(happenings, name, &Happening::name);
  return static_cast<char>(found - std::begin(happenings));
}

std::string in_words(const Path& path) {
  std::string out;
  for (const char step : path)
    out += std::string(out.empty() ? "" : "; ") + std::string(happenings[static_cast<int>(step)].name);
  return out;
}

std::unique_ptr<System> replay(const Plan& plan, const Path& path) {
  auto system = std::make_unique<System>(plan);
  for (const char step : path) happenings[static_cast<int>(step)].run(*system);
  return system;
}

struct Explored {
  std::size_t states = 0;
  std::size_t steps = 0;
};

// Of what can follow on `begin`.
Explored explore(const Plan& plan, const Path& begin, std::size_t depth_max) {
  Explored explored;
  std::unordered_set<std::size_t> seen;
  std::vector<Path> level{begin};
  const std::hash<std::string> hash;
  for (std::size_t depth = 0; depth < depth_max && !level.empty(); ++depth) {
    std::vector<Path> next;
    for (const Path& path : level) {
      for (std::size_t step = 0; step < std::size(happenings); ++step) {
        const auto system = replay(plan, path);
        if (!happenings[step].run(*system)) continue;
        ++explored.steps;
        const Path longer = path + static_cast<char>(step);
        system->check();
        if (!system->failure().empty() || testing::Test::HasFailure()) {
          ADD_FAILURE() << plan.name << ": " << system->failure() << " after: " << in_words(longer);
          return explored;
        }
        if (!seen.insert(hash(system->fingerprint())).second) continue;
        next.push_back(longer);
        system->check_end();
        if (!system->failure().empty() || testing::Test::HasFailure()) {
          ADD_FAILURE() << plan.name << ": " << system->failure() << " in the end, after: " << in_words(longer);
          return explored;
        }
      }
    }
    level = std::move(next);
  }
  explored.states = seen.size();
  return explored;
}

std::size_t depth() {
  std::size_t depth = 6;
  const char* const said = std::getenv("PARLEY_MODEL_DEPTH");
  if (said) std::from_chars(said, said + std::char_traits<char>::length(said), depth);
  return depth;
}

constexpr auto same = Incarnation::same;
constexpr auto any = Incarnation::any;

class OutboxModelTest : public testing::TestWithParam<Plan> {};

TEST_P(OutboxModelTest, every_ticket_ends_once_and_nothing_is_applied_twice) {
  // rule: delivery/K-03, delivery/K-08, delivery/K-09
  const Explored explored = explore(GetParam(), {}, depth());
  RecordProperty("states", static_cast<int>(explored.states));
  std::printf("%zu states, %zu steps, depth %zu\n", explored.states, explored.steps, depth());
  EXPECT_GT(explored.states, 100u);
}

// Where tools/check goes deep, so deep that a command is in two lives of the receiver.
TEST_P(OutboxModelTest, a_session_that_is_there_keeps_the_same_promises) {
  const Path connected = {at("connect"), at("to the receiver, first link"), at("to the outbox, first link")};
  const Explored explored = explore(GetParam(), connected, depth() - 2);
  std::printf("%zu states, %zu steps, depth %zu\n", explored.states, explored.steps, depth() - 2);
  EXPECT_GT(explored.states, 100u);
}

INSTANTIATE_TEST_SUITE_P(
    Plans, OutboxModelTest,
    testing::Values(
        Plan{"same", {same, same, same}, {WhenFull::reject, WhenFull::reject, WhenFull::reject}},
        Plan{"any", {any, any, same}, {WhenFull::reject, WhenFull::wait, WhenFull::wait}},
        Plan{"drop", {same, any, any}, {WhenFull::drop_oldest, WhenFull::drop_oldest, WhenFull::drop_oldest}},
        Plan{"connected",
             {same, any, same},
             {WhenFull::only_if_connected, WhenFull::only_if_connected, WhenFull::reject}},
        Plan{"keys", {any, same, any}, {WhenFull::reject, WhenFull::reject, WhenFull::reject}, {"k", "k", "k"}},
        Plan{.name = "late",
             .incarnation = {same, any, same},
             .when_full = {WhenFull::reject, WhenFull::reject, WhenFull::reject},
             .begins_late = true}),
    [](const auto& plan) { return std::string(plan.param.name); });

}  // namespace
}  // namespace parley::core::outbox_model
