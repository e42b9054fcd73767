#include "hub/relay_trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "hub/hub_suite.h"

// What a hub writes down of the calls that it passes on, and what it changes in them: nothing.
namespace parley::hub {
namespace {

using namespace suite;
using namespace std::chrono_literals;
using testing::SizeIs;

const std::string trace = "4bf92f3577b34da6a3ce929d0e0e4736";
const std::string parent = "00f067aa0ba902b7";
const std::string traceparent = "00-" + trace + "-" + parent + "-01";

class Spans final : public SpanSink {
 public:
  bool take(const Span& span) override {
    all.push_back(span);
    return true;
  }
  std::vector<Span> taken() { return std::exchange(all, {}); }
  std::vector<Span> all;
};

class RelayTraceTest : public testing::Test {
 protected:
  static HubOptions traced(const std::shared_ptr<Tracing>& tracing) {
    HubOptions options;
    options.tracing = tracing;
    return options;
  }
  template <auto Method, class... Given>
  auto call(Metadata metadata, Given&&... given) {
    auto call = client->client().with({.metadata = std::move(metadata)}).call<Method>(std::forward<Given>(given)...);
    return at.outcome_of(call);
  }

  std::shared_ptr<Spans> spans = std::make_shared<Spans>();
  std::shared_ptr<Tracing> tracing = std::make_shared<Tracing>(spans);
  HubWorld at{traced(tracing)};
  std::unique_ptr<Party> worker = at.worker();
  std::unique_ptr<Party> client = at.party();
};

TEST_F(RelayTraceTest, a_call_that_belongs_to_a_trace_is_a_span_beside_the_handlers) {
  EXPECT_EQ((call<&Probe::inspect>({{"traceparent", traceparent}}, "traceparent", false)).value(), traceparent)
      << "the provider's parent is the client's span, as the client said it";
  ASSERT_THAT(spans->all, SizeIs(1));
  const Span span = spans->taken().front();
  EXPECT_EQ(span.trace_id, trace);
  EXPECT_EQ(span.parent_span_id, parent);
  EXPECT_NE(span.span_id, parent);
  EXPECT_EQ(span.kind, "relay");
  EXPECT_TRUE(span.name.starts_with("Probe method ")) << span.name;
  EXPECT_EQ(span.outcome, "value");
  EXPECT_GT(span.argument_bytes, 0u);
  EXPECT_GT(span.result_bytes, 0u);
}

TEST_F(RelayTraceTest, tells_how_calls_end) {
  const Metadata of_trace = {{"traceparent", traceparent}};
  EXPECT_TRUE((call<&Probe::divide>(of_trace, 1, 0)).own());
  EXPECT_EQ(spans->taken().front().outcome, "own_error");
  EXPECT_FALSE((call<&Probe::refuse>(of_trace, 4003u, "hunter2")));
  ASSERT_THAT(spans->all, SizeIs(1));
  EXPECT_EQ(spans->all.front().outcome, "error");
  EXPECT_EQ(spans->all.front().code, 4003u);
  EXPECT_EQ(spans->taken().front().error, "refused: the permissions do not allow it");
}

TEST_F(RelayTraceTest, a_call_that_nobody_answers_ends_unknown) {
  auto hanging = client->client().with({.metadata = {{"traceparent", traceparent}}}).call<&Probe::hang>("x");
  at.world.pass(2s);
  EXPECT_THAT(spans->all, SizeIs(0));
  worker->session->close({Code::closed, "by the test"});
  EXPECT_FALSE(at.outcome_of(hanging));
  ASSERT_THAT(spans->all, SizeIs(1));
  EXPECT_EQ(spans->all.front().code, 9000u);
  EXPECT_EQ(spans->all.front().duration_us, 2'000'000u);
}

TEST_F(RelayTraceTest, calls_of_no_trace_are_not_written_down) {
  EXPECT_TRUE((call<&Probe::add>({}, 1, 2)));
  EXPECT_TRUE((call<&Probe::add>({{"traceparent", "rubbish"}}, 1, 2)));
  EXPECT_TRUE((call<&Probe::add>({{"traceparent", "00-" + trace + "-" + parent + "-00"}}, 1, 2)));
  EXPECT_THAT(spans->all, SizeIs(0));
  EXPECT_EQ(tracing->counters().parents_malformed, 1u);
}

TEST_F(RelayTraceTest, calls_of_the_hubs_own_services_are_those_of_a_handler) {
  auto who = client->client<builtin::Hub>(builtin::hub_name).call<&builtin::Hub::who>();
  EXPECT_TRUE(at.outcome_of(who));
  at.world.settle();
  ASSERT_THAT(spans->all, SizeIs(1));
  EXPECT_EQ(spans->all.front().kind, "handler");
  EXPECT_EQ(spans->all.front().name, "Hub.who");
}

TEST_F(RelayTraceTest, a_hub_is_no_hop) {
  // rule: calls/rpc.metadata.flags.no-propagate
  // rule: calls/rpc.metadata.flags
  const Metadata given = {{"hop", "1", Metadata::no_propagate},
                          {"odd", std::uint64_t{2}, 64 | Metadata::no_propagate},
                          {"secret", "3", Metadata::sensitive}};
  EXPECT_TRUE((call<&Probe::inspect>(given, "hop", false)));
  EXPECT_EQ(worker->probe.metadata_seen, given);
}

}  // namespace
}  // namespace parley::hub
