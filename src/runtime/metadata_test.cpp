#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/pair_suite.h"
#include "runtime/scripted_peer_suite.h"

// What travels beside arguments and results.
namespace parley::runtime {
namespace {

using namespace suite;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

template <class T>
Task<Detailed<T>> details(Call<T>& call) {
  co_return co_await call.detailed();
}

TEST(MetadataRuntime, a_handler_sees_the_callers_and_answers_with_its_own) {
  // rule: calls/rpc.metadata
  // rule: calls/rpc.metadata.value
  // rule: calls/rpc.metadata.duplicates
  // rule: calls/rpc.metadata.unknown
  Pair pair;
  const Metadata given = {{"key", "first"},
                          {"key", "second"},
                          {"Key", std::uint64_t{7}, Metadata::no_propagate},
                          {"raw", std::vector<std::uint8_t>{0, 255}, Metadata::sensitive | 64}};
  for (const bool is_late : {false, true}) {
    if (is_late) pair.probe_b.release.set();
    auto call = pair.client_a().with({.metadata = given}).call<&Probe::inspect>("key", is_late);
    const Detailed<std::string> answer = pair.world.run(details(call));
    EXPECT_EQ(answer.result.value(), "first");
    EXPECT_EQ(answer.metadata, (Metadata{{"found", std::uint64_t{1}}}));
    EXPECT_EQ(pair.probe_b.metadata_seen, given) << "in order, with the flags as they were";
    EXPECT_EQ(pair.probe_b.peer_seen, "mem:");
    EXPECT_FALSE(pair.probe_b.deadline_seen.has_value());
  }
}

TEST(MetadataRuntime, what_a_caller_says_is_not_in_the_calls_that_its_handler_makes) {
  // rule: calls/rpc.metadata.flags.no-propagate
  Pair pair;
  std::optional<Call<std::string>> further;
  Metadata seen;
  pair.probe_b.on_guarded = [&further, &seen](Context& context) {
    seen = context.metadata();
    further.emplace(context.client<Probe>("Probe").call<&Probe::inspect>("secret", false));
  };
  const Metadata metadata{{"secret", "x", Metadata::no_propagate}, {"other", "y"}};
  auto call = pair.client_a().with({.metadata = metadata}).call<&Probe::guarded>("here");
  pair.world.settle();
  EXPECT_EQ(seen, metadata);
  ASSERT_TRUE(further);
  EXPECT_EQ(pair.world.run(outcome(*further)).value(), "");
  EXPECT_TRUE(pair.probe_a.metadata_seen.empty());
  pair.probe_b.release.set();
  EXPECT_TRUE(pair.world.run(outcome(call)));
  further.reset();
}

TEST(MetadataRuntime, a_call_without_has_none_on_the_wire) {
  Scripted scripted;
  auto plain = scripted.client().call<&Probe::add>(1, 2);
  auto with = scripted.client().with({.metadata = {{"k", "v"}}}).call<&Probe::add>(1, 2);
  EXPECT_THAT(scripted.peer->heard_bytes(),
              ElementsAre(say::call_of<&Probe::add>(2, {}, std::int64_t{1}, std::int64_t{2}),
                          say::call(4, service::MethodInfo<&Probe::add>::id, {2, 4}, {}, {{"k", "v"}})));
}

TEST(MetadataRuntime, details_of_a_failure_come_with_what_was_beside_it) {
  Scripted scripted;
  auto call = scripted.client().call<&Probe::add>(1, 2);
  scripted.world.settle();
  scripted.peer->says(say::response(2, {1, 1}, {{"hint", "add2"}}));
  const Detailed<std::int64_t> answer = scripted.world.run(details(call));
  EXPECT_EQ(answer.result.error().code, Code::method);
  ASSERT_NE(answer.metadata.find_text("hint"), nullptr);
  EXPECT_EQ(*answer.metadata.find_text("hint"), "add2");
}

TEST(MetadataRuntime, what_no_peer_would_take_is_refused_before_it_is_sent) {
  Scripted scripted;
  Metadata many;
  for (int i = 0; i < 64; ++i) many.add("k", "v");
  const std::vector<Metadata> unfit = {
      many, {{"big", std::string(66'000, 'x')}}, {{"text", std::string("\xff")}}, {{std::string("\xc3"), "v"}}};
  for (const Metadata& metadata : unfit) {
    auto call = scripted.client().with({.metadata = metadata}).call<&Probe::add>(1, 2);
    const auto answer = scripted.world.run(outcome(call));
    ASSERT_FALSE(answer.has_value());
    EXPECT_EQ(answer.error().code, Code::invalid);
  }
  EXPECT_THAT(scripted.peer->heard(), testing::IsEmpty());
  EXPECT_EQ(scripted.counters().calls_sent, 0u);
}

TEST(MetadataRuntime, the_most_that_is_allowed_passes) {
  Pair pair;
  Metadata many;
  for (int i = 0; i < 63; ++i) many.add("k" + std::to_string(i), std::string(900, 'x'));
  auto call = pair.client_a().with({.deadline = 1s, .metadata = many}).call<&Probe::inspect>("k62", false);
  EXPECT_EQ(pair.world.run(outcome(call)).value(), std::string(900, 'x'));
  EXPECT_EQ(pair.probe_b.metadata_seen.size(), 64u);
}

TEST(MetadataRuntime, more_than_the_limit_costs_the_session) {
  // rule: calls/weakness.23
  Metadata many;
  for (int i = 0; i < 65; ++i) many.add("k", "v");
  const std::vector<Metadata> beyond = {many, {{"big", std::string(66'000, 'x')}}};
  for (const Metadata& metadata : beyond) {
    Scripted scripted;
    scripted.peer->says(say::call(1, service::MethodInfo<&Probe::add>::id, {2, 4}, {}, metadata));
    EXPECT_EQ(scripted.end_reason().code, Code::metadata_limit);
    EXPECT_THAT(scripted.peer->heard(),
                ElementsAre(HasSubstr("protocol error: protocol: the metadata is above its limit")));
  }
}

TEST(MetadataRuntime, a_reply_that_no_peer_would_take_is_an_error_of_its_call) {
  Pair pair;
  pair.probe_b.reply_extra = {{"big", std::string(66'000, 'x')}};
  auto call = pair.client_a().call<&Probe::inspect>("key", false);
  const auto answer = pair.world.run(outcome(call));
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code, Code::bug);
  EXPECT_FALSE(pair.a->has_ended());
}

TEST(MetadataRuntime, a_sensitive_value_shows_in_no_error_text) {
  // rule: calls/rpc.metadata.flags.sensitive
  Scripted scripted;
  const Metadata secret = {{"token", "hunter2", Metadata::sensitive}};
  scripted.peer->says(say::call(1, 12345, {}, {}, secret),
                      say::call(3, service::MethodInfo<&Probe::add>::id, {2}, {}, secret),
                      say::call(2, service::MethodInfo<&Probe::add>::id, {2, 4}, {}, secret));
  for (const std::string& line : scripted.peer->heard()) EXPECT_THAT(line, Not(HasSubstr("hunter2")));
  EXPECT_THAT(to_string(scripted.end_reason()), Not(HasSubstr("hunter2")));
  EXPECT_EQ(to_string(secret), "token=(sensitive)");
}

TEST(MetadataRuntime, keys_of_ours_are_nowhere_toward_a_foreign_peer) {
  // The peer may be as foreign as it likes, or we be told to be.
  for (const bool is_told : {false, true}) {
    SessionOptions options;
    options.is_foreign = is_told;
    Scripted scripted({.role = Session::Role::initiator, .is_peer_foreign = !is_told, .session = options});
    std::optional<Call<std::int64_t>> timed;
    timed.emplace(scripted.client().with({.deadline = 5s, .metadata = {{"mine", "yes"}}}).call<&Probe::add>(1, 2));
    scripted.peer->says(say::call(2, 99, {}), say::call_of<&Probe::refuse>(4, {}, 4000u, std::string("no")),
                        say::call_of<&Probe::keep_rx>(6, {2}), say::call_of<&Probe::keep_tx>(8, {4}));
    scripted.probe.kept_rx.reset();
    scripted.probe.kept_tx.reset();
    timed.reset();
    scripted.world.pass(10s);
    const std::vector<std::string> lines = scripted.peer->heard();
    EXPECT_THAT(lines, testing::SizeIs(testing::Ge(7u)));
    for (const std::string& line : lines) EXPECT_THAT(line, Not(HasSubstr("parley")));
    EXPECT_THAT(lines.front(), HasSubstr("mine=\"yes\"")) << "what the user says goes through";
  }
}

}  // namespace
}  // namespace parley::runtime
