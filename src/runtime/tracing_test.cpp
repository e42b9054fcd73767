#include "runtime/tracing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "codec/json.h"
#include "runtime/pair_suite.h"
#include "runtime/raw.h"
#include "wire/trace_context.h"

// Calls as spans: which trace they belong to, and what is written down of them.
namespace parley::runtime {
namespace {

using namespace suite;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

const std::string given_trace = "4bf92f3577b34da6a3ce929d0e0e4736";
const std::string given_span = "00f067aa0ba902b7";
const std::string given = "00-" + given_trace + "-" + given_span + "-01";

class Spans final : public SpanSink {
 public:
  bool take(const Span& span) override {
    if (!has_room) return false;
    all.push_back(span);
    return true;
  }
  std::vector<Span> taken() { return std::exchange(all, {}); }
  bool has_room = true;
  std::vector<Span> all;
};

class TracingTest : public testing::Test {
 protected:
  void trace_with(Tracing::Options of_a, Tracing::Options of_b = {}) {
    tracing_a = std::make_shared<Tracing>(spans_a, std::move(of_a));
    tracing_b = std::make_shared<Tracing>(spans_b, std::move(of_b));
  }
  Pair& pair() {
    if (!pair_) {
      PairOptions options;
      options.a.limits = limits_a;
      options.b.limits = limits_b;
      options.serving_a = {tracing_a};
      if (traces_calls_of_a) options.a.interceptors = {tracing_a};
      options.serving_b = {tracing_b};
      if (traces_calls_of_b) options.b.interceptors = {tracing_b};
      pair_.emplace(std::move(options));
    }
    return *pair_;
  }
  // The next pair() is another, with the limits as they are now, and nothing counted.
  void restart() {
    pair_.reset();
    trace_with({});
  }
  template <class T>
  CallResultOf<T> end_of(Call<T> call) {
    auto result = pair().world.run(outcome(call));
    pair().world.settle();
    return result;
  }
  CallResultOf<std::string> inspect_with(Metadata metadata) {
    return end_of(pair().client_a().with({.metadata = std::move(metadata)}).call<&Probe::inspect>("k", false));
  }

  std::shared_ptr<Spans> spans_a = std::make_shared<Spans>();
  std::shared_ptr<Spans> spans_b = std::make_shared<Spans>();
  std::shared_ptr<Tracing> tracing_a = std::make_shared<Tracing>(spans_a);
  std::shared_ptr<Tracing> tracing_b = std::make_shared<Tracing>(spans_b);
  Limits limits_a;
  Limits limits_b;
  bool traces_calls_of_a = true;
  bool traces_calls_of_b = true;

 private:
  std::optional<Pair> pair_;
};

TEST_F(TracingTest, a_call_without_a_trace_begins_one_that_the_handler_belongs_to) {
  EXPECT_EQ(end_of(pair().client_a().call<&Probe::add>(2, 300)).value(), 302);
  ASSERT_THAT(spans_a->all, SizeIs(1));
  ASSERT_THAT(spans_b->all, SizeIs(1));
  const Span& caller = spans_a->all.front();
  const Span& handler = spans_b->all.front();
  EXPECT_THAT(caller.trace_id, testing::MatchesRegex("[0-9a-f]{32}"));
  EXPECT_THAT(caller.span_id, testing::MatchesRegex("[0-9a-f]{16}"));
  EXPECT_EQ(caller.parent_span_id, std::nullopt);
  EXPECT_EQ(caller.kind, "caller");
  EXPECT_EQ(caller.name, "Probe.add");
  EXPECT_EQ(caller.argument_bytes, 3u);
  EXPECT_EQ(caller.result_bytes, 2u);
  EXPECT_EQ(caller.outcome, "value");
  EXPECT_EQ(caller.peer, "mem:");
  EXPECT_EQ(handler.trace_id, caller.trace_id);
  EXPECT_EQ(handler.parent_span_id, caller.span_id);
  EXPECT_NE(handler.span_id, caller.span_id);
  EXPECT_EQ(handler.kind, "handler");
}

TEST_F(TracingTest, the_span_of_the_handler_is_what_its_calls_belong_to) {
  std::optional<Call<std::string>> further;
  pair().probe_b.on_guarded = [&further](Context& context) {
    further.emplace(context.client<Probe>("Probe").with(context.forward()).call<&Probe::inspect>("traceparent", false));
  };
  auto call = pair()
                  .client_a()
                  .with({.metadata = {{"traceparent", given}, {"tracestate", "x=1"}}})
                  .call<&Probe::guarded>("here");
  pair().world.settle();
  pair().probe_b.release.set();
  EXPECT_TRUE(end_of(std::move(call)));
  const std::string seen = end_of(std::move(*further)).value();
  further.reset();
  // Caller and last handler are those of a; the first handler and the further caller those of b.
  ASSERT_THAT(spans_a->all, SizeIs(2));
  ASSERT_THAT(spans_b->all, SizeIs(2));
  const auto find = [](const std::vector<Span>& spans, const std::string& name) {
    return *std::ranges::find(spans, name, &Span::name);
  };
  const Span first = find(spans_a->all, "Probe.guarded");
  const Span handler = find(spans_b->all, "Probe.guarded");
  const Span inner = find(spans_b->all, "Probe.inspect");
  const Span last = find(spans_a->all, "Probe.inspect");
  for (const Span& each : {first, handler, inner, last}) EXPECT_EQ(each.trace_id, given_trace);
  EXPECT_EQ(first.parent_span_id, given_span);
  EXPECT_EQ(handler.parent_span_id, first.span_id);
  EXPECT_EQ(inner.parent_span_id, handler.span_id);
  EXPECT_EQ(inner.kind, "caller");
  EXPECT_EQ(last.parent_span_id, inner.span_id);
  EXPECT_EQ(seen, "00-" + given_trace + "-" + last.span_id + "-01");
  EXPECT_EQ(*pair().probe_a.metadata_seen.find_text("tracestate"), "x=1");
}

TEST_F(TracingTest, what_is_no_traceparent_is_ignored_and_counted) {
  const std::vector<Metadata> malformed = {
      {{"traceparent", "rubbish"}, {"tracestate", "x=1"}},
      {{"traceparent", given}, {"traceparent", given}},
      {{"traceparent", std::uint64_t{7}}},
      {{"traceparent", std::vector<std::uint8_t>{1, 2}}},
      {{"traceparent", given, Metadata::sensitive}},
      {{"traceparent", "00-00000000000000000000000000000000-00f067aa0ba902b7-01"}},
  };
  std::uint64_t expected = 0;
  for (const Metadata& metadata : malformed) {
    EXPECT_TRUE(inspect_with(metadata));
    EXPECT_EQ(tracing_a->counters().parents_malformed, ++expected) << to_string(metadata);
    ASSERT_THAT(spans_a->all, SizeIs(1));
    EXPECT_EQ(spans_a->all.front().parent_span_id, std::nullopt);
    EXPECT_NE(spans_a->taken().front().trace_id, given_trace);
    EXPECT_EQ(pair().probe_b.metadata_seen.find("tracestate"), nullptr);
    EXPECT_THAT(pair().probe_b.metadata_seen, SizeIs(1)) << "one, which is well";
  }
  EXPECT_EQ(tracing_b->counters().parents_malformed, 0u);
}

TEST_F(TracingTest, a_trace_that_is_not_sampled_is_passed_on_and_not_written_down) {
  EXPECT_TRUE(inspect_with({{"traceparent", "00-" + given_trace + "-" + given_span + "-00"}}));
  const auto seen = wire::read_traceparent(*pair().probe_b.metadata_seen.find_text("traceparent"));
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->trace_id(), given_trace);
  EXPECT_FALSE(seen->is_sampled);
  EXPECT_THAT(spans_a->all, SizeIs(0));
  EXPECT_THAT(spans_b->all, SizeIs(0));
  EXPECT_EQ(tracing_a->counters().spans_unsampled, 1u);
  EXPECT_EQ(tracing_b->counters().spans_unsampled, 1u);
}

TEST_F(TracingTest, so_many_traces_are_written_down_as_was_said) {
  struct Case {
    double rate;
    std::size_t fewest;
    std::size_t most;
  };
  for (const auto& [rate, fewest, most] : {Case{0, 0, 0}, Case{0.25, 60, 140}, Case{1, 400, 400}, Case{7, 400, 400}}) {
    auto spans = std::make_shared<Spans>();
    PairOptions options;
    options.a.interceptors = {std::make_shared<Tracing>(spans, Tracing::Options{.rate = rate})};
    Pair pair(std::move(options));
    for (int i = 0; i < 400; ++i) {
      auto call = pair.client_a().call<&Probe::add>(1, 2);
      EXPECT_TRUE(pair.world.run(outcome(call)));
    }
    pair.world.settle();
    EXPECT_GE(spans->all.size(), fewest);
    EXPECT_LE(spans->all.size(), most);
  }
}

TEST_F(TracingTest, a_handler_decides_as_the_caller_did) {
  trace_with({.rate = 0.5}, {.rate = 0});
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(end_of(pair().client_a().call<&Probe::add>(1, 2)));
  EXPECT_GT(spans_a->all.size(), 0u);
  EXPECT_LT(spans_a->all.size(), 50u);
  EXPECT_EQ(spans_a->all.size(), spans_b->all.size());
}

TEST_F(TracingTest, a_peer_that_wants_everything_written_down_meets_a_bound) {
  trace_with({.rate = 1}, {.spans_per_second_max = 10});
  for (int i = 0; i < 30; ++i) EXPECT_TRUE(inspect_with({{"traceparent", given}}));
  EXPECT_THAT(spans_b->taken(), SizeIs(10));
  EXPECT_EQ(tracing_b->counters().spans_dropped, 20u);
  pair().world.pass(1s);
  EXPECT_TRUE(inspect_with({{"traceparent", given}}));
  EXPECT_THAT(spans_b->taken(), SizeIs(1));
  EXPECT_EQ(tracing_b->counters().spans_written, 11u);
}

TEST_F(TracingTest, a_sink_without_room_costs_the_span_alone) {
  spans_a->has_room = false;
  EXPECT_EQ(end_of(pair().client_a().call<&Probe::add>(1, 2)).value(), 3);
  EXPECT_EQ(tracing_a->counters().spans_dropped, 1u);
  EXPECT_EQ(tracing_a->counters().spans_written, 0u);
  EXPECT_EQ(tracing_b->counters().spans_written, 1u);
}

Metadata many_entries(int count, const std::string& key = "k") {
  Metadata many;
  for (int i = 0; i < count; ++i) many.add(key, "v");
  return many;
}

TEST_F(TracingTest, a_call_with_much_metadata_goes_without) {
  EXPECT_TRUE(inspect_with(many_entries(63)));
  EXPECT_EQ(tracing_a->counters().parents_without_room, 1u);
  EXPECT_THAT(spans_a->all, SizeIs(1));
  ASSERT_THAT(spans_b->all, SizeIs(1));
  EXPECT_NE(spans_b->all.front().trace_id, spans_a->all.front().trace_id) << "which begins another";
}

TEST_F(TracingTest, a_call_with_long_metadata_goes_without) {
  const Limits limits;
  const Metadata nearly = {{"k", std::string(limits.metadata_bytes_max - 112, 'v')}};
  EXPECT_TRUE(inspect_with(nearly));
  EXPECT_EQ(tracing_a->counters().parents_without_room, 1u);
  EXPECT_EQ(tracing_b->counters().parents_without_room, 1u);
  EXPECT_EQ(pair().probe_b.metadata_seen, nearly);
}

TEST_F(TracingTest, what_has_room_is_for_the_limits_of_the_session_to_say) {
  for (const std::uint32_t entries_max : {1u, 2u, 3u, 200u}) {
    limits_a.metadata_entries_max = entries_max;
    restart();
    EXPECT_TRUE(end_of(pair().client_a().call<&Probe::add>(1, 2))) << entries_max;
    EXPECT_EQ(tracing_a->counters().parents_without_room, entries_max < 2 ? 1u : 0u) << entries_max;
    if (entries_max < 2) continue;
    EXPECT_TRUE(inspect_with(many_entries(1))) << entries_max;
    EXPECT_EQ(tracing_a->counters().parents_without_room, entries_max < 3 ? 1u : 0u) << entries_max;
  }
  limits_b.metadata_entries_max = 200;
  restart();
  EXPECT_TRUE(inspect_with(many_entries(100)));
  EXPECT_EQ(tracing_a->counters().parents_without_room, 0u);
  EXPECT_THAT(pair().probe_b.metadata_seen, SizeIs(101));
}

// A trace gives way to what was said, in calls that are made on behalf of others too.
TEST_F(TracingTest, costs_no_call_that_is_made_on_behalf_of_another) {
  struct Case {
    int given;        // by a caller that does not trace
    bool has_parent;  // or does, elsewhere
    int more;         // by the handler
    bool has_room;
  };
  traces_calls_of_a = false;
  for (const Case& each :
       {Case{.given = 62, .has_parent = false, .more = 0, .has_room = true}, Case{63, false, 0, false},
        Case{62, true, 0, true}, Case{59, false, 3, true}, Case{60, false, 3, false}, Case{60, true, 3, false}}) {
    for (const bool traces_further : {true, false}) {
      SCOPED_TRACE(testing::Message() << each.given << ' ' << each.has_parent << ' ' << each.more);
      traces_calls_of_b = traces_further;
      restart();
      std::optional<Call<std::string>> further;
      pair().probe_b.on_guarded = [&](Context& context) {
        const CallOptions options = context.forward({.metadata = many_entries(each.more, "more")});
        further.emplace(context.client<Probe>("Probe").with(options).call<&Probe::inspect>("traceparent", false));
      };
      Metadata metadata = many_entries(each.given);
      if (each.has_parent) metadata.add("traceparent", given);
      auto call = pair().client_a().with({.deadline = 1h, .metadata = metadata}).call<&Probe::guarded>("here");
      pair().world.settle();
      ASSERT_TRUE(further);
      EXPECT_TRUE(end_of(std::move(*further)));
      further.reset();
      pair().probe_b.release.set();
      EXPECT_TRUE(end_of(std::move(call)));
      EXPECT_EQ(pair().probe_a.metadata_seen.find("traceparent") != nullptr, each.has_room);
      if (traces_further) EXPECT_EQ(tracing_b->counters().parents_without_room == 0, each.has_room);
    }
  }
}

TEST_F(TracingTest, says_how_long_a_call_took_and_how_it_ended) {
  auto call = pair().client_a().with({.deadline = 2s}).call<&Probe::hang>("x");
  pair().world.pass(2s);
  EXPECT_FALSE(end_of(std::move(call)));
  ASSERT_THAT(spans_a->all, SizeIs(1));
  const Span& span = spans_a->all.front();
  EXPECT_EQ(span.duration_us, 2'000'000u);
  EXPECT_EQ(span.outcome, "error");
  EXPECT_EQ(span.code, 6001u);
  EXPECT_EQ(span.error, "timed_out: the deadline of the call passed");
  spans_b->taken();
  EXPECT_TRUE(end_of(pair().client_a().call<&Probe::divide>(1, 0)).own());
  EXPECT_EQ(spans_b->taken().front().outcome, "own_error");
}

TEST_F(TracingTest, nothing_that_was_said_is_written_down) {
  // rule: calls/rpc.metadata.flags.sensitive
  const Metadata secret = {{"auth", "hunter2", Metadata::sensitive}, {"open", "hunter2"}};
  EXPECT_TRUE(inspect_with(secret));
  EXPECT_TRUE(end_of(pair().client_a().call<&Probe::echo>("hunter2")));
  EXPECT_FALSE(end_of(pair().client_a().call<&Probe::refuse>(4003u, "hunter2")));
  for (const auto& spans : {spans_a->all, spans_b->all}) {
    EXPECT_THAT(spans, SizeIs(3));
    for (const Span& span : spans) EXPECT_THAT(codec::to_json(span), Not(HasSubstr("hunter2")));
  }
}

TEST_F(TracingTest, methods_that_are_known_by_their_id_alone_may_be_named) {
  const std::uint8_t arguments[] = {2, 4};
  const std::uint64_t add = method_id<&Probe::add>;
  trace_with({.name_of = [](std::uint64_t id) { return id == add ? std::string("Probe.add") : std::string(); }});
  {
    auto named = RawCall::start(*pair().a, add, arguments);
    auto unnamed = RawCall::start(*pair().a, 0x1f, arguments);
    pair().world.settle();
  }
  std::vector<std::string> names;
  for (const Span& span : spans_a->all) names.push_back(span.name);
  EXPECT_THAT(names, testing::UnorderedElementsAre("Probe.add", "method 000000000000001f"));
}

TEST(SpanJson, has_the_documented_fields) {
  Span span{.trace_id = given_trace,
            .span_id = given_span,
            .parent_span_id = {},
            .kind = "caller",
            .name = "Probe.add",
            .start_unix_us = 1'700'000'000'000'000,
            .duration_us = 12,
            .peer = "unix:/run/app.sock",
            .argument_bytes = 3,
            .result_bytes = 2,
            .outcome = "value"};
  EXPECT_EQ(codec::to_json(span),
            R"({"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"00f067aa0ba902b7","kind":"caller",)"
            R"("name":"Probe.add","start_unix_us":1700000000000000,"duration_us":12,"peer":"unix:/run/app.sock",)"
            R"("argument_bytes":3,"result_bytes":2,"outcome":"value"})");
  span.parent_span_id = "00f067aa0ba902b8";
  span.outcome = "error";
  span.code = 6001;
  span.error = "timed_out: \"x\"";
  EXPECT_THAT(codec::to_json(span), HasSubstr(R"("outcome":"error","code":6001,"error":"timed_out: \"x\""})"));
  EXPECT_THAT(codec::to_json(span), HasSubstr(R"("parent_span_id":"00f067aa0ba902b8")"));
}

}  // namespace
}  // namespace parley::runtime
