#include "core/mcp/server.h"

#include "core/mcp/server_suite.h"

// The session of a server: who may say what when, and whose answer goes where.
namespace parley::core::mcp {
namespace {

using suite::ServerTest;
using wire::mcp::Version;

constexpr std::string_view ping = R"({"jsonrpc":"2.0","id":"p","method":"ping"})";

std::string initialize_request(std::string_view version) {
  return R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":")" + std::string(version) +
         R"(","capabilities":{},"clientInfo":{"name":"tester","title":"T","version":"2"}}})";
}

TEST_F(ServerTest, each_version_that_is_spoken_is_agreed_on_and_of_others_the_latest_is_offered) {
  for (const std::string_view version : {"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"}) {
    Server each(suite::server_options());
    Server::Effects said;
    EXPECT_EQ(each.on_message(initialize_request(version), 0, said), Taken::request);
    EXPECT_EQ(wire::mcp::to_string(each.version()), version);
    EXPECT_EQ(
        std::get<Server::Send>(said.front()).text,
        R"({"jsonrpc":"2.0","id":0,"result":{"protocolVersion":")" + std::string(version) +
            R"(","capabilities":{"tools":{"listChanged":true}},"serverInfo":{"name":"parley","version":"1.0"}}})");
  }
  say(initialize_request("2099-01-01"));
  EXPECT_NE(sent().find(R"("protocolVersion":"2025-11-25")"), std::string::npos);
  EXPECT_EQ(server.version(), Version::v2025_11_25);
  EXPECT_EQ(server.peer().name, "tester");
  EXPECT_EQ(server.peer().title, "T");
  EXPECT_EQ(server.peer().version, "2");
}

TEST_F(ServerTest, a_title_and_instructions_are_told_to_those_who_know_them) {
  Server::Options options = suite::server_options();
  options.self.title = "The hub";
  options.instructions = "Ask first.";
  Server::Effects said;
  Server(options).on_message(initialize_request("2025-06-18"), 0, said);
  Server(options).on_message(initialize_request("2025-03-26"), 0, said);
  EXPECT_NE(std::get<Server::Send>(said[0]).text.find(
                R"("serverInfo":{"name":"parley","title":"The hub","version":"1.0"},"instructions":"Ask first.")"),
            std::string::npos);
  EXPECT_EQ(std::get<Server::Send>(said[1]).text.find("The hub"), std::string::npos);
}

TEST_F(ServerTest, nothing_but_a_ping_is_answered_before_initialize) {
  EXPECT_EQ(say(ping), Taken::request);
  EXPECT_EQ(sent(), R"({"jsonrpc":"2.0","id":"p","result":{}})");
  EXPECT_EQ(say(R"({"jsonrpc":"2.0","id":1,"method":"tools/list"})"), Taken::refused);
  EXPECT_TRUE(sent().starts_with(error(wire::mcp::invalid_request)));
  EXPECT_EQ(say(R"({"jsonrpc":"2.0","method":"notifications/initialized"})"), Taken::notification);
  EXPECT_TRUE(effects.empty());
  EXPECT_FALSE(server.is_initialized());
  EXPECT_EQ(server.counters().messages_refused, 1u);
}

TEST_F(ServerTest, an_initialize_without_a_version_may_be_repeated_and_one_that_was_answered_may_not) {
  say(R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{}})");
  EXPECT_TRUE(sent().starts_with(error(wire::mcp::invalid_params)));
  initialize();
  EXPECT_TRUE(server.is_initialized());
  EXPECT_EQ(say(initialize_request("2025-06-18")), Taken::refused);
  EXPECT_TRUE(sent().starts_with(error(wire::mcp::invalid_request, "0")));
  EXPECT_EQ(server.version(), Version::v2025_11_25);
}

TEST_F(ServerTest, what_is_no_message_is_answered_and_costs_nothing_else) {
  initialize();
  EXPECT_EQ(say("{"), Taken::refused);
  EXPECT_TRUE(sent().starts_with(error(wire::mcp::parse_error, "null")));
  EXPECT_EQ(say(R"([{"jsonrpc":"2.0","id":1,"method":"ping"}])"), Taken::refused);
  EXPECT_TRUE(sent().starts_with(error(wire::mcp::invalid_request, "null")));
  EXPECT_EQ(say(ping), Taken::request);
  EXPECT_EQ(server.counters().messages_refused, 2u);
}

TEST_F(ServerTest, what_is_not_served_is_answered_or_passed_over) {
  initialize();
  EXPECT_EQ(say(R"({"jsonrpc":"2.0","id":1,"method":"resources/list"})"), Taken::request);
  EXPECT_TRUE(sent().starts_with(error(wire::mcp::method_not_found)));
  EXPECT_EQ(server.counters().methods_unknown, 1u);
  EXPECT_EQ(say(R"({"jsonrpc":"2.0","method":"notifications/roots/list_changed"})"), Taken::notification);
  EXPECT_TRUE(effects.empty());
  EXPECT_EQ(say(R"({"jsonrpc":"2.0","id":9,"result":{}})"), Taken::response);
  EXPECT_EQ(say(R"({"jsonrpc":"2.0","id":9,"error":{"code":1,"message":""}})"), Taken::response);
  EXPECT_TRUE(effects.empty());
  EXPECT_EQ(server.counters().responses_unexpected, 2u);
}

TEST_F(ServerTest, a_call_is_asked_for_above_with_its_arguments_in_one_line) {
  initialize();
  const std::uint64_t token =
      call("math.add", ",\"arguments\":{\"a\" : 1,\n \"b\":\"x y\"},\"_meta\":{ \"traceparent\":\"t\" }");
  ASSERT_NE(token, 0u);
  const auto& called = std::get<Server::CallTool>(effects.front());
  EXPECT_EQ(called.command, "math.add");
  EXPECT_EQ(called.arguments, R"({"a":1,"b":"x y"})");
  EXPECT_EQ(called.meta, R"({"traceparent":"t"})");
  EXPECT_FALSE(called.wants_progress);
  EXPECT_EQ(server.in_flight(), 1u);
  EXPECT_EQ(finish(token, ToolResult::nothing()), R"({"jsonrpc":"2.0","id":1,"result":{"content":[]}})");
  EXPECT_EQ(server.in_flight(), 0u);
}

TEST_F(ServerTest, arguments_that_are_missing_or_null_are_an_empty_object) {
  initialize();
  ASSERT_NE(call("a"), 0u);
  EXPECT_EQ(std::get<Server::CallTool>(effects.front()).arguments, "{}");
  ASSERT_NE(call("a", R"(,"arguments":null,"_meta":7)", "2"), 0u);
  EXPECT_EQ(std::get<Server::CallTool>(effects.front()).arguments, "{}");
  EXPECT_EQ(std::get<Server::CallTool>(effects.front()).meta, "");
  EXPECT_EQ(call("a", R"(,"arguments":[1])", "3"), 0u);
  EXPECT_TRUE(sent().starts_with(error(wire::mcp::invalid_params, "3")));
  say(R"({"jsonrpc":"2.0","id":1,"method":"tools/call"})");
}

TEST_F(ServerTest, private_commands_and_what_is_no_name_are_unknown_tools) {
  // rule: commands/weakness.29
  initialize();
  for (const std::string_view name : {"_secret", "a b", "", "x..y"}) {
    EXPECT_EQ(call(name), 0u) << name;
    EXPECT_TRUE(sent().starts_with(error(wire::mcp::invalid_params))) << sent();
    EXPECT_NE(sent().find("unknown tool"), std::string::npos);
  }
  say(R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":5}})");
  EXPECT_TRUE(sent().starts_with(error(wire::mcp::invalid_params)));
  EXPECT_EQ(server.in_flight(), 0u);
}

TEST_F(ServerTest, a_command_is_called_by_the_name_of_its_tool_or_its_own) {
  initialize();
  ASSERT_NE(call("fs..sread..call"), 0u);
  EXPECT_EQ(std::get<Server::CallTool>(effects.front()).command, "fs/read:all");
  ASSERT_NE(call("fs/read:all", "", "2"), 0u);
  EXPECT_EQ(std::get<Server::CallTool>(effects.front()).command, "fs/read:all");
}

TEST_F(ServerTest, answers_go_to_the_stream_that_their_request_came_with) {
  initialize();
  say(R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","_meta":{"progressToken":"t"}}})", 17);
  const std::uint64_t token = std::get<Server::CallTool>(effects.front()).token;
  EXPECT_EQ(std::get<Server::CallTool>(effects.front()).stream, 17u);
  say(ping, 18);
  EXPECT_EQ(only<Server::Send>()->stream, 18u);
  EXPECT_TRUE(only<Server::Send>()->is_last);
  effects.clear();
  server.progress(token, 1, std::nullopt, "", effects);
  EXPECT_EQ(only<Server::Send>()->stream, 17u);
  EXPECT_FALSE(only<Server::Send>()->is_last);
  finish(token, ToolResult::nothing());
  EXPECT_EQ(only<Server::Send>()->stream, 17u);
  EXPECT_TRUE(only<Server::Send>()->is_last);
}

TEST_F(ServerTest, a_cancelled_call_is_told_above_and_gets_no_response) {
  initialize();
  const std::uint64_t token = call("a", "", R"("one")");
  say(R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"\u006fne","reason":"enough"}})");
  ASSERT_EQ(effects.size(), 2u);
  EXPECT_EQ(std::get<Server::CancelTool>(effects[0]).token, token);
  EXPECT_EQ(std::get<Server::CancelTool>(effects[0]).reason, "enough");
  EXPECT_EQ(std::get<Server::Unanswered>(effects[1]).stream, 0u);
  EXPECT_EQ(finish(token, ToolResult::nothing()), "");
  EXPECT_TRUE(effects.empty());
  EXPECT_EQ(server.counters().results_late, 1u);
  EXPECT_EQ(server.in_flight(), 0u);
}

TEST_F(ServerTest, a_cancelled_list_is_dropped) {
  initialize();
  const std::uint64_t token = list();
  say(R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}})");
  EXPECT_NE(only<Server::Unanswered>(), nullptr);
  effects.clear();
  server.tools(token, {}, effects);
  EXPECT_TRUE(effects.empty());
}

TEST_F(ServerTest, a_cancellation_of_what_is_not_in_flight_is_counted) {
  initialize();
  finish(call("a"), ToolResult::nothing());
  for (const std::string_view params : {R"({"requestId":1})", "{}", R"({"requestId":{}})"}) {
    say(R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":)" + std::string(params) + "}");
    EXPECT_TRUE(effects.empty());
  }
  say(R"({"jsonrpc":"2.0","method":"notifications/cancelled"})");
  EXPECT_EQ(server.counters().cancels_too_late, 4u);
}

TEST_F(ServerTest, an_id_in_flight_is_not_taken_twice) {
  initialize();
  const std::uint64_t token = call("a");
  EXPECT_EQ(say(R"({"jsonrpc":"2.0","id":1,"method":"tools/list"})"), Taken::refused);
  EXPECT_TRUE(sent().starts_with(error(wire::mcp::invalid_request, "null")));
  EXPECT_NE(finish(token, ToolResult::nothing()), "");
  EXPECT_NE(list(), 0u);
}

class SmallServerTest : public ServerTest {
 protected:
  static Server::Options small() {
    Server::Options options = suite::server_options();
    options.requests_max = 2;
    options.message.bytes_max = 300;
    return options;
  }
  SmallServerTest() : ServerTest(small()) {}
};

TEST_F(SmallServerTest, requests_beyond_the_bound_are_overloaded_until_one_ends) {
  initialize();
  const std::uint64_t first = call("a", "", "1");
  EXPECT_NE(list("{}", "2"), 0u);
  EXPECT_EQ(call("a", "", "3"), 0u);
  EXPECT_TRUE(sent().starts_with(error(wire::mcp::overloaded, "3")));
  EXPECT_EQ(list("{}", "4"), 0u);
  EXPECT_TRUE(sent().starts_with(error(wire::mcp::overloaded, "4")));
  EXPECT_EQ(server.counters().requests_overloaded, 2u);
  finish(first, ToolResult::nothing());
  EXPECT_NE(call("a", "", "3"), 0u);
}

TEST_F(SmallServerTest, a_message_above_the_bound_is_refused) {
  initialize();
  EXPECT_EQ(say(R"({"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":")" + std::string(300, 'a') + "\"}}"),
            Taken::refused);
}

TEST_F(ServerTest, progress_is_said_only_where_it_is_wanted_and_only_upwards) {
  initialize();
  const std::uint64_t silent = call("a", "", "1");
  const std::uint64_t token = call("a", R"(,"_meta":{"progressToken":5})", "2");
  EXPECT_TRUE(std::get<Server::CallTool>(effects.front()).wants_progress);
  const auto progress = [&](std::uint64_t of, double done, std::optional<double> total, std::string_view message) {
    effects.clear();
    server.progress(of, done, total, message, effects);
    return sent();
  };
  EXPECT_EQ(progress(silent, 1, std::nullopt, ""), "");
  EXPECT_EQ(progress(token, 0, 2.5, "half \"way\""),
            R"({"jsonrpc":"2.0","method":"notifications/progress","params":)"
            R"({"progressToken":5,"progress":0,"total":2.5,"message":"half \"way\""}})");
  EXPECT_EQ(progress(token, 0, std::nullopt, ""), "");
  EXPECT_EQ(progress(token, -1, std::nullopt, ""), "");
  EXPECT_EQ(progress(token, std::numeric_limits<double>::quiet_NaN(), std::nullopt, ""), "");
  EXPECT_EQ(progress(token, std::numeric_limits<double>::infinity(), std::nullopt, ""), "");
  EXPECT_NE(progress(token, 0.5, std::numeric_limits<double>::infinity(), "").find(R"("progress":0.5})"),
            std::string::npos);
  finish(token, ToolResult::nothing());
  EXPECT_EQ(progress(token, 2, std::nullopt, ""), "");
  EXPECT_EQ(server.counters().progress_dropped, 6u);
}

TEST_F(ServerTest, a_token_of_progress_that_is_none_is_not_answered) {
  initialize();
  call("a", R"(,"_meta":{"progressToken":{"a":1}})");
  EXPECT_FALSE(std::get<Server::CallTool>(effects.front()).wants_progress);
}

TEST_F(ServerTest, the_oldest_version_hears_no_message_with_its_progress) {
  initialize("2024-11-05");
  const std::uint64_t token = call("a", R"(,"_meta":{"progressToken":5})");
  effects.clear();
  server.progress(token, 1, std::nullopt, "half", effects);
  EXPECT_EQ(sent().find("half"), std::string::npos);
}

TEST_F(ServerTest, an_ended_session_cancels_its_calls_and_says_nothing_more) {
  initialize();
  const std::uint64_t token = call("a", "", "1");
  list("{}", "2");
  effects.clear();
  server.end(effects);
  ASSERT_EQ(effects.size(), 1u);
  EXPECT_EQ(std::get<Server::CancelTool>(effects[0]).token, token);
  effects.clear();
  server.finished(token, ToolResult::nothing(), "", effects);
  server.tools_changed(effects);
  server.end(effects);
  EXPECT_EQ(server.on_message(ping, 0, effects), Taken::refused);
  EXPECT_TRUE(effects.empty());
  EXPECT_FALSE(server.is_initialized());
}

}  // namespace
}  // namespace parley::core::mcp
