#include <gtest/gtest.h>

#include "hub/mcp_suite.h"

// What travels on the streams of a session over HTTP, and what becomes of it when a connection breaks.
namespace parley::hub {
namespace {

using suite::Asked;
using suite::McpPagesTest;

class McpStreamsTest : public McpPagesTest {
 protected:
  McpStreamsTest() {
    EXPECT_TRUE(world.run(
        registry.command("steps", "Waits for a nudge", [this](CommandContext& context) { return steps(context); })));
  }
  Task<Result<std::string>> steps(CommandContext& context) {
    meta = context.meta();
    context.progress({.done = 1, .total = 2, .message = "half"});
    nudge.reset();
    co_await nudge.wait();
    context.partial(std::string("of no use to an agent"));
    context.progress({.done = 2, .total = 2});
    co_return std::string("done");
  }
  void go_on() {
    nudge.set();
    world.settle();
  }
  static std::string with_progress(std::string_view more = "") {
    return call("steps", R"(,"_meta":{"progressToken":"p")" + std::string(more) + "}");
  }

  Event nudge;
  std::string meta;
};

constexpr std::string_view half = R"({"progressToken":"p","progress":1,"total":2,"message":"half"})";
constexpr std::string_view whole = R"({"progressToken":"p","progress":2,"total":2})";
constexpr std::string_view done = R"({"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"done"}]}})";

TEST_F(McpStreamsTest, progress_and_the_response_come_on_the_stream_of_the_request) {
  const std::string id = open("2025-06-18");
  const Asked called = post(id, with_progress());
  EXPECT_EQ(called.field("Content-Type"), "text/event-stream");
  EXPECT_TRUE(called.has(half)) << called.body();
  EXPECT_FALSE(called.is_over());
  go_on();
  // rule: commands/weakness.29
  EXPECT_TRUE(called.has(whole)) << called.body();
  EXPECT_TRUE(called.has(done));
  EXPECT_FALSE(called.has("no use"));
  EXPECT_TRUE(called.is_over());
}

TEST_F(McpStreamsTest, what_stands_beside_a_request_reaches_the_command) {
  const std::string id = open();
  const Asked called = post(id, with_progress(R"(,"traceparent":"00-1-2-03")"));
  EXPECT_NE(meta.find(R"("traceparent":"00-1-2-03")"), std::string::npos) << meta;
}

TEST_F(McpStreamsTest, a_connection_that_breaks_ends_no_call_and_a_client_that_comes_back_gets_the_rest) {
  const std::string id = open();
  std::string seen;
  {
    const Asked called = post(id, with_progress());
    EXPECT_TRUE(called.has(half));
    seen = called.last_event();
  }
  go_on();
  const Asked rest = get(id, seen);
  EXPECT_FALSE(rest.has(half));
  EXPECT_TRUE(rest.has(whole));
  EXPECT_TRUE(rest.has(done));
  EXPECT_TRUE(rest.is_over());
}

TEST_F(McpStreamsTest, a_client_that_comes_back_early_reads_on) {
  const std::string id = open();
  const Asked called = post(id, with_progress());
  const Asked rest = get(id, called.last_event());
  EXPECT_TRUE(called.is_over()) << "there is one reader of a stream";
  EXPECT_FALSE(rest.is_over());
  go_on();
  EXPECT_TRUE(rest.has(done));
  EXPECT_TRUE(rest.is_over());
  EXPECT_FALSE(called.has(done));
}

TEST_F(McpStreamsTest, an_event_that_is_not_there_is_refused) {
  const std::string id = open();
  for (const char* wrong : {"", "x", "99-1", "1-99", "-1-1"}) {
    auto made = request("GET", id);
    made.fields.push_back({"Last-Event-ID", wrong});
    EXPECT_EQ(ask(std::move(made)).status(), 400u) << wrong;
  }
  EXPECT_EQ(post(id, list()).status(), 200u);
}

TEST_F(McpStreamsTest, a_cancelled_call_is_stopped_and_its_stream_ends_without_a_response) {
  const std::string id = open();
  const Asked called = post(id, with_progress());
  EXPECT_EQ(registry.requests_in_flight(), 1u);
  EXPECT_EQ(post(id, R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}})").status(),
            202u);
  EXPECT_EQ(registry.requests_in_flight(), 0u);
  EXPECT_TRUE(called.is_over());
  EXPECT_FALSE(called.has("result"));
}

TEST_F(McpStreamsTest, the_stream_of_the_session_says_that_the_list_has_changed) {
  const std::string id = open();
  const Asked own = get(id);
  EXPECT_EQ(own.status(), 200u);
  add("new");
  // rule: commands/weakness.29
  EXPECT_TRUE(own.has("notifications/tools/list_changed")) << own.body();
}

TEST_F(McpStreamsTest, a_change_that_nobody_read_is_told_to_who_comes_next) {
  const std::string id = open();
  add("new");
  const Asked own = get(id);
  EXPECT_TRUE(own.has("list_changed"));
  const Asked newer = get(id);
  EXPECT_TRUE(own.is_over()) << "one that comes later takes the place";
  EXPECT_FALSE(newer.has("list_changed"));
  post(id, list());
  EXPECT_TRUE(registry.remove_command("new"));
  world.settle();
  EXPECT_TRUE(newer.has("list_changed"));
}

TEST_F(McpStreamsTest, content_passes_as_it_stands) {
  ASSERT_TRUE(world.run(registry.command(
      {.name = "picture", .options = {.returns_content = true}},
      [](CommandContext&, std::string) -> Task<Result<std::string>> {
        co_return std::string(R"({"content":[{"type":"image","data":"AA==","mimeType":"image/png"}]})");
      })));
  const std::string id = open();
  EXPECT_TRUE(post(id, call("picture")).has(R"("content":[{"type":"image","data":"AA==","mimeType":"image/png"}])"));
}

TEST_F(McpStreamsTest, what_is_no_content_is_a_value_also_where_there_may_be_content) {
  ASSERT_TRUE(world.run(registry.command({.name = "either", .options = {.returns_content = true}},
                                         [](CommandContext&, std::string) -> Task<Result<std::string>> {
                                           co_return std::string(R"({"content":[],"more":1})");
                                         })));
  const std::string id = open();
  EXPECT_TRUE(post(id, call("either")).has(R"("text":"{\"content\":[],\"more\":1}")"));
}

TEST_F(McpStreamsTest, a_failure_says_what_it_is_and_wrong_arguments_what_is_wrong) {
  ASSERT_TRUE(
      world.run(registry.command("fail", "", []() -> Result<void> { return fail(Code::overloaded, "later"); })));
  struct Add {
    int a;
  };
  ASSERT_TRUE(world.run(registry.command("add", "", [](Add in) { return in.a; })));
  const std::string id = open();
  // rule: commands/weakness.29
  const Asked failed = post(id, call("fail"));
  EXPECT_TRUE(failed.has(R"("isError":true)")) << failed.body();
  EXPECT_TRUE(failed.has(R"("code":"overloaded")"));
  const Asked wrong = post(id, call("add", R"(,"arguments":{"a":"one"})"));
  EXPECT_TRUE(wrong.has(R"("isError":true)")) << wrong.body();
  EXPECT_TRUE(wrong.has("$.a")) << wrong.body();
}

TEST_F(McpStreamsTest, the_end_of_the_registry_ends_the_calls) {
  const std::string id = open();
  const Asked called = post(id, with_progress());
  registry.close();
  world.settle();
  EXPECT_TRUE(called.is_over());
  EXPECT_TRUE(called.has(R"("isError":true)"));
}

}  // namespace
}  // namespace parley::hub
