#include "hub/mcp_pages.h"

#include <gtest/gtest.h>

#include "hub/mcp_suite.h"

// MCP over HTTP: who gets which status, what a session is, and whose.
namespace parley::hub {
namespace {

using namespace std::chrono_literals;
using suite::Asked;
using suite::McpPagesTest;

constexpr std::string_view ping = R"({"jsonrpc":"2.0","id":7,"method":"ping"})";

TEST_F(McpPagesTest, a_session_begins_with_its_introduction_and_lists_and_calls_tools) {
  add("math.add");
  const Asked begun = post("", introduction());
  EXPECT_EQ(begun.status(), 200u);
  EXPECT_EQ(begun.field("Content-Type"), "application/json");
  EXPECT_TRUE(begun.has(R"("protocolVersion":"2025-11-25")")) << begun.body();
  const std::string id = begun.field("Mcp-Session-Id");
  EXPECT_EQ(id.size(), 32u);
  EXPECT_EQ(post(id, R"({"jsonrpc":"2.0","method":"notifications/initialized"})").status(), 202u);
  // rule: commands/weakness.29
  EXPECT_TRUE(post(id, list()).has(R"("name":"math.add","description":"math.add")"));
  const Asked called = post(id, call("math.add"));
  EXPECT_EQ(called.status(), 200u);
  EXPECT_EQ(called.body(),
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"done\"}]}}\n");
}

TEST_F(McpPagesTest, a_message_needs_its_type_and_a_client_that_takes_both_kinds_of_answer) {
  const auto status = [&](std::string accept, std::string type) {
    auto made = request("POST", "", introduction());
    made.fields = {{"accept", std::move(accept)}, {"content-type", std::move(type)}};
    return ask(std::move(made)).status();
  };
  EXPECT_EQ(status("application/json", "application/json"), 406u);
  EXPECT_EQ(status("text/event-stream", "application/json"), 406u);
  EXPECT_EQ(status("application/jsonx, text/event-stream", "application/json"), 406u);
  EXPECT_EQ(status("application/json, text/event-stream", "text/plain"), 415u);
  EXPECT_EQ(pages.session_count(), 0u);
  EXPECT_EQ(status("Text/Event-Stream;q=0.9 , APPLICATION/json", "application/json; charset=utf-8"), 200u);
  EXPECT_EQ(status("*/*", "application/json"), 200u);
}

TEST_F(McpPagesTest, without_its_id_a_session_is_not_reached_and_with_a_wrong_one_it_is_not_there) {
  const std::string id = open();
  EXPECT_EQ(post("", std::string(ping)).status(), 400u);
  EXPECT_EQ(get("").status(), 400u);
  EXPECT_EQ(ask(request("DELETE", "")).status(), 400u);
  for (const char* wrong : {"x", "00000000000000000000000000000000"}) {
    EXPECT_EQ(post(wrong, std::string(ping)).status(), 404u);
    EXPECT_EQ(get(wrong).status(), 404u);
    EXPECT_EQ(ask(request("DELETE", wrong)).status(), 404u);
  }
  EXPECT_EQ(pages.counters().unknown, 6u);
  EXPECT_EQ(post(id, std::string(ping)).status(), 200u);
}

TEST_F(McpPagesTest, what_is_no_message_is_refused_and_leaves_no_session) {
  const Asked broken = post("", "{");
  EXPECT_EQ(broken.status(), 400u);
  EXPECT_TRUE(broken.has("-32700"));
  EXPECT_EQ(post("", "[]").status(), 400u);
  EXPECT_TRUE(post("", R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{}})").has("-32602"));
  EXPECT_EQ(pages.session_count(), 0u);
  const std::string id = open();
  EXPECT_EQ(post(id, "{").status(), 400u);
  EXPECT_TRUE(post(id, introduction()).has("-32600"));
  EXPECT_EQ(post(id, introduction()).status(), 400u);
  EXPECT_EQ(pages.session_count(), 1u);
}

TEST_F(McpPagesTest, a_version_that_is_not_spoken_here_is_refused_and_one_that_is_passes) {
  const std::string id = open();
  const auto status = [&](std::string version) {
    auto made = request("POST", id, std::string(ping));
    made.fields.push_back({"MCP-Protocol-Version", std::move(version)});
    return ask(std::move(made)).status();
  };
  EXPECT_EQ(status("2025-11-25"), 200u);
  EXPECT_EQ(status("2025-03-26"), 200u);
  EXPECT_EQ(status("1999-01-01"), 400u);
}

TEST_F(McpPagesTest, a_session_belongs_to_whom_has_opened_it) {
  const std::string id = open();
  who = "robot";
  EXPECT_EQ(post(id, std::string(ping)).status(), 404u);
  EXPECT_EQ(get(id).status(), 404u);
  EXPECT_EQ(ask(request("DELETE", id)).status(), 404u);
  who = "ci";
  EXPECT_EQ(post(id, std::string(ping)).status(), 200u);
}

TEST_F(McpPagesTest, a_tool_is_only_what_its_principal_may_call) {
  add("open.door");
  add("_private");
  const std::string mine = open();
  EXPECT_TRUE(post(mine, list()).has("open.door"));
  // rule: commands/weakness.29
  EXPECT_FALSE(post(mine, list()).has("_private"));
  EXPECT_TRUE(post(mine, call("_private")).has("-32602"));
  who = "guest";
  const std::string id = open();
  EXPECT_TRUE(post(id, list()).has(R"("tools":[])"));
  std::vector<std::string> refused;
  registry.on_refused([&](const core::Registry::Refused& each) { refused.push_back(each.name); });
  EXPECT_TRUE(post(id, call("open.door")).has("-32602"));
  EXPECT_EQ(refused, std::vector<std::string>{"open.door"}) << "what was tried is written down";
}

TEST_F(McpPagesTest, a_session_ends_when_its_client_says_so_and_its_calls_with_it) {
  bool is_gone = false;
  struct Guard {
    bool& gone;
    ~Guard() { gone = true; }
  };
  ASSERT_TRUE(world.run(registry.command("wait", "", [&]() -> Task<Result<void>> {
    const Guard guard{is_gone};
    Event never;
    co_await never.wait();
    co_return Result<void>();
  })));
  const std::string id = open();
  const Asked called = post(id, call("wait"));
  const Asked own = get(id);
  EXPECT_TRUE(called.is_stream());
  EXPECT_EQ(ask(request("DELETE", id)).status(), 200u);
  world.settle();
  EXPECT_TRUE(is_gone);
  EXPECT_TRUE(called.is_over());
  EXPECT_TRUE(own.is_over());
  EXPECT_EQ(post(id, std::string(ping)).status(), 404u);
  EXPECT_EQ(ask(request("DELETE", id)).status(), 404u);
}

TEST_F(McpPagesTest, a_session_that_nobody_uses_expires) {
  const std::string id = open();
  world.pass(29min);
  EXPECT_EQ(post(id, std::string(ping)).status(), 200u);
  {
    const Asked reader = get(id);
    world.pass(24h);
    EXPECT_EQ(post(id, std::string(ping)).status(), 200u);
  }
  world.pass(29min);
  EXPECT_EQ(pages.session_count(), 1u);
  world.pass(2min);
  EXPECT_EQ(pages.session_count(), 0u);
  EXPECT_EQ(pages.counters().expired, 1u);
  EXPECT_EQ(post(id, std::string(ping)).status(), 404u);
  EXPECT_EQ(world.loop.executor().timer_count(), 0u);
}

TEST_F(McpPagesTest, a_stream_shows_signs_of_life) {
  const std::string id = open();
  const Asked reader = get(id);
  const std::size_t before = reader.body().size();
  world.pass(25s);
  EXPECT_EQ(reader.body().substr(before), ":\n\n");
  world.pass(25s);
  EXPECT_EQ(reader.body().substr(before), ":\n\n:\n\n");
}

class McpPagesFlood : public McpPagesTest {
 protected:
  McpPagesFlood() : McpPagesTest({.sessions_max = 6, .sessions_of_one_max = 4}) {}
};

TEST_F(McpPagesFlood, one_principal_forgets_its_idle_sessions_first_and_takes_nobody_elses_room) {
  const std::string oldest = open();
  world.pass(1s);
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(open().empty());
  EXPECT_EQ(pages.session_count(), 4u);
  EXPECT_EQ(pages.counters().pushed_out, 7u);
  EXPECT_EQ(post(oldest, std::string(ping)).status(), 404u);
  who = "robot";
  EXPECT_FALSE(open().empty());
}

TEST_F(McpPagesFlood, sessions_that_are_used_are_not_pushed_out_and_a_further_one_is_refused) {
  std::vector<std::unique_ptr<Asked>> readers;
  for (int i = 0; i < 4; ++i) readers.push_back(std::make_unique<Asked>(get(open())));
  const Asked refused = post("", introduction());
  EXPECT_EQ(refused.status(), 503u);
  EXPECT_TRUE(refused.has("-32000"));
  EXPECT_EQ(pages.session_count(), 4u);
  EXPECT_EQ(pages.counters().refused, 1u);
  who = "robot";
  for (int i = 0; i < 2; ++i) readers.push_back(std::make_unique<Asked>(get(open())));
  who = "guest";
  EXPECT_EQ(post("", introduction()).status(), 503u);
}

}  // namespace
}  // namespace parley::hub
