#include "runtime/interceptor.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "runtime/description_service.h"
#include "runtime/pair_suite.h"
#include "runtime/raw.h"
#include "runtime/scripted_peer_suite.h"

// What interceptors see of calls, what they can do to them, and what they cannot.
namespace parley::runtime {

namespace interceptor_suite {

class Letters {
 public:
  Task<void> put(char32_t letter) {
    static_cast<void>(letter);
    co_return;
  }
};
PARLEY_SERVICE(Letters, put);

}  // namespace interceptor_suite

namespace {

using namespace suite;
using interceptor_suite::Letters;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string name_of(const CallView& call) {
  if (call.name.empty()) return fmt::format("{:x}", call.method);
  return fmt::format("{}.{}", call.service, call.name);
}

std::string text_of(const CallOutcome& outcome) {
  switch (outcome.how) {
    case CallOutcome::How::value: return fmt::format("value of {}", outcome.result_bytes);
    case CallOutcome::How::own_error: return fmt::format("own error of {}", outcome.result_bytes);
    case CallOutcome::How::error: break;
  }
  return to_string(outcome.error.value());
}

// Writes down what it sees, and does what the test says.
class Witness final : public Interceptor {
 public:
  Witness(std::vector<std::string>& log, std::string name) : log_(log), name_(std::move(name)) {}
  Result<void> before(CallView& call) override {
    const char* const side = call.side == CallView::Side::caller ? "calls" : "handles";
    log_.push_back(fmt::format("{} {} {} with {}", name_, side, name_of(call), call.argument_bytes));
    if (!on_before) return {};
    return on_before(call);
  }
  void after(const CallView& call, const CallOutcome& outcome) override {
    log_.push_back(fmt::format("{} {}: {}", name_, name_of(call), text_of(outcome)));
    if (on_after) on_after(call, outcome);
  }

  std::move_only_function<Result<void>(CallView&)> on_before;
  std::move_only_function<void(const CallView&, const CallOutcome&)> on_after;

 private:
  std::vector<std::string>& log_;
  const std::string name_;
};

// A pair with one at either end of what `a` calls.
class Interceptors : public testing::Test {
 protected:
  Pair& pair() {
    if (!pair_) {
      PairOptions options;
      options.a.interceptors = {calling};
      options.serving_b = {handling};
      pair_.emplace(std::move(options));
    }
    return *pair_;
  }
  template <class T>
  CallResultOf<T> end_of(Call<T> call) {
    return pair().world.run(outcome(call));
  }
  std::vector<std::string> taken() {
    pair().world.settle();
    return std::exchange(log, {});
  }

  std::vector<std::string> log;
  std::shared_ptr<Witness> calling = std::make_shared<Witness>(log, "a");
  std::shared_ptr<Witness> handling = std::make_shared<Witness>(log, "b");

 private:
  std::optional<Pair> pair_;
};

TEST_F(Interceptors, see_a_call_before_and_after_it_at_both_ends) {
  EXPECT_EQ(end_of(pair().client_a().call<&Probe::add>(2, 300)).value(), 302);
  EXPECT_THAT(taken(), ElementsAre("a calls Probe.add with 3", "b handles Probe.add with 3", "b Probe.add: value of 2",
                                   "a Probe.add: value of 2"));
  EXPECT_EQ(end_of(pair().client_b().call<&Probe::add>(1, 1)).value(), 2) << "the way back is none of theirs";
  EXPECT_THAT(taken(), IsEmpty());
}

TEST_F(Interceptors, see_every_way_in_which_a_call_ends) {
  EXPECT_TRUE(end_of(pair().client_a().call<&Probe::divide>(1, 0)).own());
  EXPECT_THAT(taken(), testing::Contains("b Probe.divide: own error of 1"));
  EXPECT_FALSE(end_of(pair().client_a().call<&Probe::refuse>(4003u, "no")));
  EXPECT_THAT(taken(), testing::IsSupersetOf({"b Probe.refuse: refused: the permissions do not allow it (no)",
                                              "a Probe.refuse: refused: the permissions do not allow it (no)"}));
  EXPECT_FALSE(end_of(pair().client_a().call<&Probe::blow_up>("oh", true)));
  EXPECT_THAT(taken(), testing::Contains("b Probe.blow_up: bug: the handler threw an exception (oh)"));
  EXPECT_FALSE(end_of(Client<Absent>(*pair().a).call<&Absent::missing>(1)));
  EXPECT_THAT(log, testing::Contains(HasSubstr("a Absent.missing: not_found")));
  EXPECT_THAT(taken(), testing::Contains(HasSubstr(": not_found: the peer serves no such method")));
}

TEST_F(Interceptors, see_calls_that_are_dropped_and_cancelled_and_late) {
  {
    auto dropped = pair().client_a().call<&Probe::hang>("dropped");
    pair().world.settle();
  }
  EXPECT_THAT(taken(), ElementsAre("a calls Probe.hang with 8", "b handles Probe.hang with 8",
                                   "a Probe.hang: cancelled: it was cancelled (it was dropped)",
                                   "b Probe.hang: cancelled: it was cancelled"));
  auto timed = pair().client_a().with({.deadline = 1s}).call<&Probe::hang>("late");
  pair().world.pass(2s);
  EXPECT_THAT(taken(),
              testing::IsSupersetOf({HasSubstr("a Probe.hang: timed_out"), HasSubstr("b Probe.hang: timed_out")}));
}

TEST_F(Interceptors, see_the_end_of_the_session) {
  auto waiting = pair().client_a().call<&Probe::hang>("x");
  pair().world.settle();
  pair().a->close({Code::closed, "by the test"});
  EXPECT_THAT(taken(), testing::IsSupersetOf({HasSubstr("a Probe.hang: unknown"), HasSubstr("b Probe.hang: lost")}));
  auto late = pair().client_a().call<&Probe::add>(1, 2);
  EXPECT_THAT(taken(), ElementsAre("a calls Probe.add with 2", HasSubstr("a Probe.add: refused")));
}

TEST_F(Interceptors, measure_by_the_loops_clock) {
  std::vector<Duration> took;
  const auto look = [&](const CallView&, const CallOutcome& how) { took.push_back(how.took); };
  calling->on_after = look;
  handling->on_after = look;
  auto call = pair().client_a().call<&Probe::hang>("x");
  pair().world.pass(3s);
  pair().probe_b.release.set();
  EXPECT_TRUE(pair().world.run(outcome(call)));
  EXPECT_THAT(took, ElementsAre(3s, 3s));
}

TEST_F(Interceptors, of_a_caller_refuse_before_anything_is_sent) {
  calling->on_before = [](CallView&) { return Result<void>(fail(Code::permission, "not today")); };
  auto [tx, rx] = channel<std::int32_t>();
  const auto sum = end_of(pair().client_a().call<&Probe::sum>(std::move(rx)));
  EXPECT_EQ(to_string(sum.error()), "refused: the permissions do not allow it (not today)");
  EXPECT_FALSE(pair().world.run(send_one(tx, 1)));
  EXPECT_THAT(taken(), ElementsAre("a calls Probe.sum with 0"));
  EXPECT_EQ(pair().a->counters().calls_sent, 0u);
  EXPECT_EQ(pair().a->counters().interceptors_refused, 1u);
}

TEST_F(Interceptors, of_what_is_served_refuse_before_the_handler) {
  handling->on_before = [](CallView&) { return Result<void>(fail(Code::permission, "not today")); };
  EXPECT_EQ(to_string(end_of(pair().client_a().call<&Probe::add>(1, 2)).error()),
            "refused: the permissions do not allow it (not today)");
  auto [tx, rx] = channel<std::int32_t>();
  EXPECT_FALSE(end_of(pair().client_a().call<&Probe::sum>(std::move(rx))));
  EXPECT_FALSE(pair().world.run(send_one(tx, 1)));
  EXPECT_EQ(pair().probe_b.calls, 0);
  EXPECT_EQ(pair().b->counters().interceptors_refused, 2u);
  EXPECT_THAT(taken(), testing::Not(testing::Contains(HasSubstr("b Probe.add: "))));
}

TEST_F(Interceptors, add_and_change_metadata) {
  calling->on_before = [](CallView& call) {
    EXPECT_EQ(call.metadata, (Metadata{{"k", "mine"}}));
    call.metadata.set("k", "changed");
    call.metadata.add("more", std::uint64_t{1}, Metadata::sensitive);
    return Result<void>();
  };
  handling->on_before = [](CallView& call) {
    EXPECT_EQ(call.metadata, (Metadata{{"k", "changed"}, {"more", std::uint64_t{1}, Metadata::sensitive}}));
    call.metadata.erase("more");
    call.metadata.add("seen", "yes");
    return Result<void>();
  };
  for (const bool is_late : {false, true}) {
    if (is_late) pair().probe_b.release.set();
    EXPECT_EQ(end_of(pair().client_a().with({.metadata = {{"k", "mine"}}}).call<&Probe::inspect>("k", is_late)).value(),
              "changed");
    EXPECT_EQ(pair().probe_b.metadata_seen, (Metadata{{"k", "changed"}, {"seen", "yes"}}));
  }
}

TEST_F(Interceptors, whose_metadata_nobody_would_take_end_the_call) {
  calling->on_before = [](CallView& call) {
    for (int i = 0; i < 65; ++i) call.metadata.add("k", "v");
    return Result<void>();
  };
  EXPECT_EQ(end_of(pair().client_a().call<&Probe::add>(1, 2)).error().code, Code::invalid);
  EXPECT_THAT(taken(), ElementsAre("a calls Probe.add with 2", HasSubstr("a Probe.add: invalid")));
  calling->on_before = {};
  handling->on_before = [](CallView& call) {
    call.metadata.add("k", std::string("\xff"));
    return Result<void>();
  };
  EXPECT_EQ(end_of(pair().client_a().call<&Probe::add>(1, 2)).error().code, Code::bug);
  EXPECT_EQ(pair().probe_b.calls, 0);
}

TEST_F(Interceptors, get_the_metadata_of_the_response) {
  std::vector<Metadata> seen;
  const auto look = [&](const CallView&, const CallOutcome& how) { seen.push_back(how.metadata); };
  calling->on_after = look;
  handling->on_after = look;
  EXPECT_TRUE(end_of(pair().client_a().call<&Probe::inspect>("k", false)));
  const Metadata said{{"found", std::uint64_t{0}}};
  EXPECT_THAT(seen, ElementsAre(said, said));
}

TEST_F(Interceptors, that_throw_cost_the_call_at_most) {
  calling->on_before = [](CallView&) -> Result<void> { throw std::runtime_error("broken"); };
  EXPECT_EQ(to_string(end_of(pair().client_a().call<&Probe::add>(1, 2)).error()),
            "bug: the program that reports this has a defect (an interceptor threw: broken)");
  calling->on_before = {};
  handling->on_before = [](CallView&) -> Result<void> { throw 7; };
  EXPECT_THAT(end_of(pair().client_a().call<&Probe::add>(1, 2)).error().note, HasSubstr("an interceptor threw"));
  handling->on_before = {};
  const auto fail_late = [](const CallView&, const CallOutcome&) { throw std::runtime_error("late"); };
  calling->on_after = fail_late;
  handling->on_after = fail_late;
  EXPECT_EQ(end_of(pair().client_a().call<&Probe::add>(1, 2)).value(), 3);
  pair().world.settle();
  EXPECT_EQ(calling->threw(), 2u) << "before() and after()";
  EXPECT_EQ(handling->threw(), 2u);
}

TEST_F(Interceptors, may_end_their_session) {
  calling->on_before = [&](CallView&) {
    pair().a->close({Code::closed, "by an interceptor"});
    return Result<void>();
  };
  EXPECT_FALSE(end_of(pair().client_a().call<&Probe::add>(1, 2)));
  EXPECT_EQ(pair().probe_b.calls, 0);
}

TEST_F(Interceptors, of_what_is_served_may_end_their_session) {
  handling->on_before = [&](CallView&) {
    pair().b->close({Code::closed, "by an interceptor"});
    return Result<void>();
  };
  EXPECT_FALSE(end_of(pair().client_a().call<&Probe::add>(1, 2)));
  EXPECT_EQ(pair().probe_b.calls, 0);
  EXPECT_THAT(taken(), testing::Contains(HasSubstr("b Probe.add: refused")));
}

TEST_F(Interceptors, may_end_their_session_afterwards) {
  const auto look = [&](const CallView& call, const CallOutcome&) {
    (call.side == CallView::Side::caller ? pair().a : pair().b)->close({Code::closed, "by an interceptor"});
  };
  calling->on_after = look;
  handling->on_after = look;
  EXPECT_EQ(end_of(pair().client_a().call<&Probe::add>(1, 2)).value(), 3) << "the answer had been made";
  pair().world.settle();
  EXPECT_TRUE(pair().a->has_ended());
}

TEST_F(Interceptors, may_make_calls_of_their_own) {
  std::optional<Call<std::string>> inner;
  calling->on_before = [&](CallView& call) {
    if (call.name != "sum") return Result<void>();
    inner.emplace(pair().client_a().call<&Probe::echo>("inside"));
    return Result<void>();
  };
  auto [tx, rx] = channel<std::int32_t>();
  auto total = pair().client_a().call<&Probe::sum>(std::move(rx));
  EXPECT_TRUE(pair().world.run(send_one(tx, 5)));
  tx.close();
  EXPECT_EQ(pair().world.run(outcome(total)).value(), 5);
  EXPECT_EQ(pair().world.run(outcome(*inner)).value(), "inside");
  inner.reset();
}

TEST_F(Interceptors, see_raw_calls_by_their_id) {
  const std::uint8_t arguments[] = {2, 4};
  auto call = RawCall::start(*pair().a, method_id<&Probe::add>, arguments);
  pair().world.settle();
  EXPECT_TRUE(call.is_done());
  EXPECT_THAT(taken(),
              ElementsAre(fmt::format("a calls {:x} with 2", method_id<&Probe::add>), "b handles Probe.add with 2",
                          "b Probe.add: value of 1", fmt::format("a {:x}: value of 1", method_id<&Probe::add>)));
}

TEST_F(Interceptors, see_what_every_session_answers) {
  EXPECT_TRUE(end_of(Client<Describe>(*pair().a).call<&Describe::services>()));
  EXPECT_THAT(taken(), testing::Contains("b handles Describe.services with 0"));
}

TEST_F(Interceptors, see_a_call_that_waits_in_line_once) {
  PairOptions options;
  options.a.interceptors = {calling};
  options.b.requests_max = 1;
  Pair pair(std::move(options));
  auto first = pair.client_a().call<&Probe::hang>("first");
  auto second = pair.client_a().with({.deadline = 10s}).call<&Probe::echo>("second");
  pair.world.settle();
  EXPECT_THAT(std::exchange(log, {}), ElementsAre("a calls Probe.hang with 6", "a calls Probe.echo with 7"));
  pair.probe_b.release.set();
  EXPECT_EQ(pair.world.run(outcome(second)).value(), "second");
  EXPECT_THAT(log, ElementsAre("a Probe.hang: value of 6", "a Probe.echo: value of 7"));
  EXPECT_TRUE(first.is_done());
}

TEST_F(Interceptors, do_not_see_arguments_that_cannot_be_encoded) {
  const auto answer = end_of(Client<Letters>(*pair().a).call<&Letters::put>(char32_t{0xd800}));
  EXPECT_EQ(answer.error().code, Code::invalid);
  EXPECT_THAT(taken(), IsEmpty());
}

TEST_F(Interceptors, see_a_result_that_does_not_decode_as_the_caller_does) {
  SessionOptions options;
  options.interceptors = {calling};
  Scripted scripted({.session = options});
  auto call = scripted.client().call<&Probe::add>(1, 2);
  scripted.world.settle();
  scripted.peer->says(say::response(2, {0}));
  EXPECT_EQ(scripted.world.run(outcome(call)).error().code, Code::response);
  EXPECT_THAT(log, ElementsAre("a calls Probe.add with 2", HasSubstr("a Probe.add: unknown: it was answered, and")));
}

TEST(InterceptorOrder, is_that_of_the_list_and_back_again) {
  std::vector<std::string> log;
  const auto first = std::make_shared<Witness>(log, "first");
  const auto second = std::make_shared<Witness>(log, "second");
  const auto third = std::make_shared<Witness>(log, "third");
  PairOptions options;
  options.a.interceptors = {first, nullptr, second, third};
  Pair pair(std::move(options));
  auto call = pair.client_a().call<&Probe::add>(1, 2);
  EXPECT_TRUE(pair.world.run(outcome(call)));
  EXPECT_THAT(std::exchange(log, {}), ElementsAre("first calls Probe.add with 2", "second calls Probe.add with 2",
                                                  "third calls Probe.add with 2", "third Probe.add: value of 1",
                                                  "second Probe.add: value of 1", "first Probe.add: value of 1"));
  second->on_before = [](CallView&) { return Result<void>(fail(Code::refused, "stop")); };
  auto refused = pair.client_a().call<&Probe::add>(1, 2);
  EXPECT_FALSE(pair.world.run(outcome(refused)));
  pair.world.settle();
  EXPECT_THAT(log, ElementsAre("first calls Probe.add with 2", "second calls Probe.add with 2",
                               "first Probe.add: refused: it is not allowed in this state (stop)"));
}

TEST(InterceptorNotes, are_those_of_one_interceptor_and_one_call) {
  struct Number final : CallNotes {
    explicit Number(std::uint64_t number) : number(number) {}
    std::uint64_t number;
  };
  std::vector<std::string> log;
  std::vector<std::uint64_t> seen;
  std::uint64_t next = 1;
  PairOptions options;
  for (const char* const name : {"x", "y"}) {
    const auto each = std::make_shared<Witness>(log, name);
    each->on_before = [&next](CallView& call) {
      EXPECT_FALSE(call.notes);
      call.notes = std::make_unique<Number>(next++);
      return Result<void>();
    };
    each->on_after = [&seen](const CallView& call, const CallOutcome&) {
      seen.push_back(static_cast<const Number&>(*call.notes).number);
    };
    options.serving_b.push_back(each);
  }
  Pair pair(std::move(options));
  auto slow = pair.client_a().call<&Probe::hang>("slow");
  auto quick = pair.client_a().call<&Probe::add>(1, 2);
  EXPECT_TRUE(pair.world.run(outcome(quick)));
  pair.probe_b.release.set();
  EXPECT_TRUE(pair.world.run(outcome(slow)));
  EXPECT_THAT(seen, ElementsAre(4u, 3u, 2u, 1u));
}

TEST(InterceptorLoop, goes_first_and_they_are_told) {
  std::vector<std::string> log;
  const auto calling = std::make_shared<Witness>(log, "a");
  std::optional<Call<std::string>> waiting;
  {
    PairOptions options;
    options.a.interceptors = {calling};
    Pair pair(std::move(options));
    waiting.emplace(pair.client_a().call<&Probe::hang>("x"));
    pair.world.settle();
    pair.a->close({Code::closed, "the end"});
    waiting.reset();
  }
  EXPECT_THAT(log, testing::SizeIs(2));
}

// --- on behalf of a call

TEST(Forward, passes_on_what_may_be_and_what_is_left_of_the_time) {
  // rule: calls/rpc.metadata.flags.no-propagate
  Pair pair;
  std::optional<Call<std::string>> further;
  pair.probe_b.on_guarded = [&further](Context& context) {
    const CallOptions own = context.forward({.metadata = {{"b", "replaced"}, {"new", "n", Metadata::no_propagate}}});
    further.emplace(context.client<Probe>("Probe").with(own).call<&Probe::inspect>("a", false));
  };
  const Metadata given = {{"a", "1"},     {"hop", "2", Metadata::no_propagate},
                          {"b", "3"},     {"secret", "4", Metadata::sensitive},
                          {"b", "5", 64}, {"odd", "6", 64 | Metadata::no_propagate}};
  auto call = pair.client_a().with({.deadline = 5s, .metadata = given}).call<&Probe::guarded>("here");
  pair.world.settle();
  ASSERT_TRUE(further);
  EXPECT_EQ(pair.world.run(outcome(*further)).value(), "1");
  Metadata seen = pair.probe_a.metadata_seen;
  EXPECT_EQ(seen.erase("parley-remaining-us"), 1u) << "of this hop";
  EXPECT_EQ(
      seen,
      (Metadata{
          {"a", "1"}, {"secret", "4", Metadata::sensitive}, {"b", "replaced"}, {"new", "n", Metadata::no_propagate}}));
  pair.probe_b.release.set();
  EXPECT_TRUE(pair.world.run(outcome(call)));
  further.reset();
}

TEST(Forward, takes_the_sooner_of_both_deadlines) {
  struct Case {
    std::optional<Duration> of_the_call;
    std::optional<Duration> own;
    std::optional<Duration> expected;
  };
  for (const Case& each : {Case{5s, {}, 3s}, Case{5s, 1s, 1s}, Case{5s, 60s, 3s}, Case{{}, 1s, 1s}, Case{{}, {}, {}}}) {
    Pair pair;
    std::optional<CallOptions> options;
    Context* context = nullptr;
    pair.probe_b.on_guarded = [&context](Context& of_the_call) { context = &of_the_call; };
    auto call = pair.client_a().with({.deadline = each.of_the_call}).call<&Probe::guarded>("here");
    pair.world.pass(2s);
    ASSERT_TRUE(context);
    EXPECT_EQ(context->forward({.deadline = each.own}).deadline, each.expected);
    pair.probe_b.release.set();
    EXPECT_TRUE(pair.world.run(outcome(call)));
  }
}

}  // namespace
}  // namespace parley::runtime
