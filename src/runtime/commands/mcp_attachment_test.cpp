#include "runtime/commands/mcp_attachment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "io/memory_stream.h"
#include "runtime/commands/mcp_lines.h"
#include "runtime/world_suite.h"

// A server of MCP and what becomes of its tools at another registry: both ends are ours, with lines between them.
namespace parley::runtime {
namespace {

using namespace std::chrono_literals;
using suite::Running;
using suite::World;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class McpAttachmentTest : public testing::Test {
 protected:
  McpAttachmentTest() {
    add("add");
    EXPECT_TRUE(world.run(
        there.command("wait", "Waits for a nudge", [this](CommandContext& context) { return wait(context, *this); })));
  }
  ~McpAttachmentTest() override {
    attachment.reset();
    server.reset();
    here.close();
    there.close();
    world.settle();
  }

  static Task<Result<std::string>> give(std::string content) { co_return content; }
  struct Guard {
    ~Guard() { ++left; }
    int& left;
  };
  static Task<Result<std::string>> wait(CommandContext& context, McpAttachmentTest& test) {
    const Guard guard{test.left};
    test.meta = context.meta();
    context.progress({.done = 1, .total = 2, .message = "half"});
    co_await test.nudge.wait();
    co_return std::string("done");
  }
  void add(const std::string& name) {
    EXPECT_TRUE(world.run(there.command(name, "It is " + name, [] { return std::string("done"); })));
  }
  Result<void> attach(std::string prefix = "far") {
    auto [left_end, right_end] = io::MemoryStream::make_pair(world.loop);
    server = std::make_unique<McpLines>(there, std::move(left_end), McpLines::Options());
    server->start();
    McpAttachment::Options options{.prefix = std::move(prefix)};
    options.client.self = {.name = "tester", .title = {}, .version = "1"};
    attachment =
        std::make_unique<McpAttachment>(here, mcp_line_link(world.loop, std::move(right_end)), std::move(options));
    auto started = world.run(attachment->start());
    world.settle();
    return started;
  }
  std::vector<std::string> names() {
    std::vector<std::string> all;
    for (const CommandDefinition& each : here.commands()) all.push_back(each.id);
    return all;
  }

  World world;
  Registry here{world.loop};
  Registry there{world.loop};
  Event nudge;
  int left = 0;
  std::string meta;
  std::unique_ptr<McpLines> server;
  std::unique_ptr<McpAttachment> attachment;
};

TEST_F(McpAttachmentTest, tools_are_commands_with_a_prefix_and_what_is_said_of_them) {
  ASSERT_TRUE(attach());
  // rule: commands/weakness.29
  EXPECT_THAT(names(), ElementsAre("far.add", "far.wait"));
  EXPECT_EQ(here.definition("far.add")->description, "It is add");
  EXPECT_EQ(world.run(here.execute_json("far.add", "")).value().result, "\"done\"");
}

TEST_F(McpAttachmentTest, several_items_of_content_and_images_pass_as_they_stand) {
  ASSERT_TRUE(attach());
  const std::string content =
      R"({"content":[{"type":"text","text":"a"},{"type":"image","data":"AA==","mimeType":"i/p"}]})";
  ASSERT_TRUE(world.run(there.command({.name = "picture", .options = {.returns_content = true}},
                                      [=](CommandContext&, std::string) { return give(content); })));
  world.settle();
  EXPECT_EQ(world.run(here.execute_json("far.picture", "")).value().result, content);
  EXPECT_TRUE(here.definition("far.picture")->annotations.returns_content);
}

TEST_F(McpAttachmentTest, what_came_from_here_is_not_offered_again_with_another_prefix) {
  ASSERT_TRUE(attach());
  add("far.wait");
  add("far.other");
  world.settle();
  EXPECT_THAT(names(), ElementsAre("far.add", "far.far.other", "far.wait")) << "other is not there without prefix";
}

TEST_F(McpAttachmentTest, the_list_of_commands_follows_that_of_the_tools) {
  ASSERT_TRUE(attach());
  add("later");
  world.settle();
  EXPECT_THAT(names(), ElementsAre("far.add", "far.later", "far.wait"));
  EXPECT_TRUE(there.remove_command("add"));
  world.settle();
  EXPECT_THAT(names(), ElementsAre("far.later", "far.wait"));
  EXPECT_EQ(attachment->command_count(), 2u);
}

TEST_F(McpAttachmentTest, progress_and_what_stands_beside_a_request_pass) {
  ASSERT_TRUE(attach());
  std::vector<std::string> seen;
  ExecuteOptions options{.meta = R"({"traceparent":"00-1"})"};
  options.on_progress = [&](std::string_view content) { seen.emplace_back(content); };
  Running called(world, here.execute_json("far.wait", "", std::move(options)));
  EXPECT_THAT(seen, ElementsAre(R"({"progress":1,"total":2,"message":"half"})"));
  EXPECT_THAT(meta, HasSubstr(R"("traceparent":"00-1")"));
  nudge.set();
  world.settle();
  EXPECT_EQ(called.take().value().result, "\"done\"");
}

TEST_F(McpAttachmentTest, a_call_that_nobody_waits_for_is_stopped_there) {
  ASSERT_TRUE(attach());
  Running called(world, here.execute_json("far.wait", ""));
  EXPECT_EQ(left, 0);
  called.cancel();
  EXPECT_EQ(left, 1);
  EXPECT_EQ(attachment->client().in_flight(), 0u);
}

TEST_F(McpAttachmentTest, a_deadline_ends_the_call_at_both_ends) {
  ASSERT_TRUE(attach());
  Running called(world, here.execute_json("far.wait", "", {.deadline = 5s}));
  world.pass(5s);
  EXPECT_EQ(called.take().error().code, Code::deadline);
  EXPECT_EQ(left, 1);
}

TEST_F(McpAttachmentTest, the_death_of_the_server_ends_its_calls_and_takes_its_commands_away) {
  ASSERT_TRUE(attach());
  Running called(world, here.execute_json("far.wait", ""));
  Running gone(world, attachment->gone());
  server.reset();
  world.settle();
  EXPECT_EQ(kind(called.take().error()), Kind::unknown);
  EXPECT_EQ(gone.take().code, Code::link_lost);
  EXPECT_TRUE(names().empty());
  EXPECT_EQ(world.run(here.execute_json("far.add", "")).error().code, Code::not_found);
}

TEST_F(McpAttachmentTest, whoever_lets_go_of_it_leaves_nothing_behind) {
  ASSERT_TRUE(attach());
  Running called(world, here.execute_json("far.wait", ""));
  attachment.reset();
  world.settle();
  EXPECT_TRUE(called.is_done());
  EXPECT_TRUE(names().empty());
}

TEST_F(McpAttachmentTest, a_name_that_somebody_has_is_left_to_him) {
  ASSERT_TRUE(world.run(here.command("far.add", "mine", [] { return 1; })));
  ASSERT_TRUE(attach());
  EXPECT_EQ(attachment->counters().tools_unusable, 1u);
  attachment.reset();
  world.settle();
  EXPECT_THAT(names(), ElementsAre("far.add"));
}

TEST_F(McpAttachmentTest, a_server_that_ends_before_it_has_introduced_itself_is_none) {
  auto [left_end, right_end] = io::MemoryStream::make_pair(world.loop);
  attachment =
      std::make_unique<McpAttachment>(here, mcp_line_link(world.loop, std::move(right_end)), McpAttachment::Options());
  left_end.reset();
  EXPECT_FALSE(world.run(attachment->start()));
}

TEST_F(McpAttachmentTest, a_server_that_says_nothing_is_given_up_in_time) {
  auto [left_end, right_end] = io::MemoryStream::make_pair(world.loop);
  attachment =
      std::make_unique<McpAttachment>(here, mcp_line_link(world.loop, std::move(right_end)), McpAttachment::Options());
  Running started(world, attachment->start());
  world.pass(30s);
  EXPECT_FALSE(started.take());
}

// --- the lines by themselves

class McpLinesTest : public McpAttachmentTest, private TextLinesEvents {
 protected:
  McpLinesTest() {
    auto [left_end, right_end] = io::MemoryStream::make_pair(world.loop);
    server =
        std::make_unique<McpLines>(there, std::move(left_end), McpLines::Options{.bounds = {.line_bytes_max = 4096}});
    server->start();
    client = std::make_unique<TextLines>(world.loop, std::move(right_end), static_cast<TextLinesEvents&>(*this),
                                         TextLines::Bounds());
    client->start();
    say(R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25"}})");
    lines.clear();
  }
  void say(std::string_view line) {
    client->put(line);
    world.settle();
  }
  void on_line(std::string_view line) override { lines.emplace_back(line); }
  void on_long_line() override {}
  void on_lines_end(std::optional<Error>) override { has_ended = true; }

  std::vector<std::string> lines;
  bool has_ended = false;
  std::unique_ptr<TextLines> client;
};

TEST_F(McpLinesTest, what_was_asked_is_answered_after_the_end_of_the_input) {
  Running closed(world, server->closed());
  say(R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"wait"}})");
  client->finish();
  world.settle();
  EXPECT_FALSE(closed.is_done());
  nudge.set();
  world.settle();
  EXPECT_TRUE(closed.take());
  EXPECT_THAT(lines, ElementsAre(HasSubstr("done")));
  EXPECT_TRUE(has_ended);
}

TEST_F(McpLinesTest, what_is_no_message_is_answered_so_and_the_session_goes_on) {
  say("{");
  say(std::string(5000, 'x'));
  say(R"({"jsonrpc":"2.0","id":2,"method":"ping"})");
  EXPECT_THAT(lines,
              ElementsAre(HasSubstr("-32700"), HasSubstr("too long"), R"({"jsonrpc":"2.0","id":2,"result":{}})"));
}

TEST_F(McpLinesTest, a_peer_that_is_gone_ends_the_calls) {
  Running closed(world, server->closed());
  say(R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"wait","_meta":{"progressToken":1}}})");
  client.reset();
  world.settle();
  server.reset();
  world.settle();
  EXPECT_EQ(left, 1);
}

}  // namespace
}  // namespace parley::runtime
