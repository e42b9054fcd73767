#include "core/mcp/client.h"

#include <gtest/gtest.h>

#include <limits>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/mcp/server.h"

namespace parley::core::mcp {
namespace {

using std::chrono::seconds;

Instant at(int second) { return Instant() + seconds(second); }

constexpr std::string_view no_tools = R"({"tools":[]})";
// "structured" has a schema of its result.
constexpr std::string_view two_tools =
    R"({"tools":[{"name":"plain","inputSchema":{"type":"object"}},)"
    R"({"name":"structured","inputSchema":{"type":"object"},"outputSchema":{"type":"object"}}]})";

class ClientTest : public testing::Test {
 protected:
  static Client::Options small() {
    Client::Options options;
    options.self = {"tester", "", "2"};
    options.calls_max = 4;
    options.pages_max = 3;
    options.tools_max = 4;
    options.tools_bytes_max = 1000;
    return options;
  }
  ClientTest() : client(small()) {}

  // What an input brings takes the place of what was there before.
  void hear(std::string_view text) {
    effects.clear();
    client.on_message(text, at(0), effects);
  }
  void answer(std::uint64_t id, std::string_view result) {
    hear(R"({"jsonrpc":"2.0","id":)" + std::to_string(id) + R"(,"result":)" + std::string(result) + "}");
  }
  void answer_error(std::uint64_t id, std::int64_t code, std::string_view text) {
    hear(wire::mcp::encode_error(std::to_string(id), code, text));
  }
  void introduce(std::string_view version = "2025-11-25",
                 std::string_view capabilities = R"({"tools":{"listChanged":true}})") {
    client.begin(at(0), effects);
    answer(1, R"({"protocolVersion":")" + std::string(version) + R"(","capabilities":)" + std::string(capabilities) +
                  R"(,"serverInfo":{"name":"s","version":"3"},"instructions":"Be quick."})");
  }
  // Ready, with that list of tools.
  void open(std::string_view tools = no_tools) {
    introduce();
    answer(2, tools);
    ASSERT_NE(only<Client::Tools>(), nullptr);
  }
  std::uint64_t call(std::string_view tool, const Client::CallOptions& options = {}) {
    effects.clear();
    const auto id = client.call(tool, "{}", options, effects);
    EXPECT_TRUE(id.has_value());
    return id.value_or(0);
  }
  // What a new call of that tool ends with, when that is the result.
  Result<std::string> outcome(std::string_view tool, std::string_view result) {
    answer(call(tool), result);
    const auto* finished = only<Client::Finished>();
    EXPECT_NE(finished, nullptr);
    return finished ? finished->value : fail(Code::bug);
  }
  Error failure(std::uint64_t id) {
    for (const auto& effect : effects) {
      const auto* finished = std::get_if<Client::Finished>(&effect);
      if (finished && finished->call == id && !finished->value) return finished->value.error();
    }
    ADD_FAILURE() << id;
    return {};
  }

  template <class Wanted>
  const Wanted* only() const {
    return effects.size() == 1 ? std::get_if<Wanted>(&effects.front()) : nullptr;
  }
  std::string sent(std::size_t index = 0) const {
    const auto* send = index < effects.size() ? std::get_if<Client::Send>(&effects[index]) : nullptr;
    return send ? send->text : "";
  }
  // The request that the first effect gives up.
  std::uint64_t cancelled() const {
    const auto* send = effects.empty() ? nullptr : std::get_if<Client::Send>(&effects.front());
    return send ? send->cancelled : 0;
  }

  Client client;
  Client::Effects effects;
};

TEST_F(ClientTest, it_introduces_itself_and_then_lists_the_tools) {
  client.begin(at(0), effects);
  EXPECT_EQ(sent(), R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25",)"
                    R"("capabilities":{},"clientInfo":{"name":"tester","version":"2"}}})");
  EXPECT_EQ(std::get<Client::Send>(effects[0]).request, 1u);
  answer(1, R"({"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"s","version":"3"}})");
  ASSERT_EQ(effects.size(), 3u);
  EXPECT_EQ(sent(0), R"({"jsonrpc":"2.0","method":"notifications/initialized"})");
  EXPECT_EQ(std::get<Client::Send>(effects[0]).request, 0u);
  EXPECT_TRUE(std::holds_alternative<Client::Ready>(effects[1]));
  EXPECT_EQ(sent(2), R"({"jsonrpc":"2.0","id":2,"method":"tools/list"})");
  EXPECT_EQ(client.version(), wire::mcp::Version::v2025_06_18);
  EXPECT_EQ(client.peer().name, "s");
  EXPECT_TRUE(client.is_ready());
}

TEST_F(ClientTest, a_server_without_tools_has_an_empty_list) {
  introduce("2024-11-05", "{}");
  ASSERT_EQ(effects.size(), 3u);
  EXPECT_TRUE(std::get<Client::Tools>(effects[2]).tools.empty());
  EXPECT_EQ(client.instructions(), "Be quick.");
  hear(R"({"jsonrpc":"2.0","method":"notifications/tools/list_changed"})");
  EXPECT_TRUE(effects.empty());
}

TEST_F(ClientTest, a_server_of_another_version_fails_the_session) {
  introduce("1999-01-01");
  ASSERT_NE(only<Client::Failed>(), nullptr);
  EXPECT_EQ(only<Client::Failed>()->why.code, Code::version);
  EXPECT_TRUE(client.is_ended());
  hear(R"({"jsonrpc":"2.0","id":"x","method":"ping"})");
  EXPECT_TRUE(effects.empty());
  EXPECT_TRUE(client.next_deadline().is_never());
}

TEST_F(ClientTest, a_server_that_refuses_or_says_nothing_fails_the_session) {
  client.begin(at(0), effects);
  answer_error(1, wire::mcp::invalid_request, "no");
  EXPECT_EQ(only<Client::Failed>()->why.code, Code::reported);

  Client silent(small());
  effects.clear();
  silent.begin(at(0), effects);
  EXPECT_EQ(silent.next_deadline(), at(30));
  effects.clear();
  silent.on_time(at(29), effects);
  EXPECT_TRUE(effects.empty());
  silent.on_time(at(30), effects);
  EXPECT_EQ(only<Client::Failed>()->why.code, Code::handshake_timeout);
}

TEST_F(ClientTest, a_tool_is_read_with_all_that_it_says) {
  open(R"({"tools":[{"name":"a","title":"A","description":"d","inputSchema":{"type": "object"},)"
       R"("outputSchema":{"x": 1},"annotations":{"title":"B","readOnlyHint":true,"destructiveHint":false,)"
       R"("idempotentHint":1}},{"name":"b","annotations":{"title":"B"}}]})");
  const std::vector<Tool>& tools = only<Client::Tools>()->tools;
  ASSERT_EQ(tools.size(), 2u);
  Tool first;
  first.name = "a";
  first.title = "A";
  first.description = "d";
  first.input_schema = R"({"type":"object"})";
  first.output_schema = R"({"x":1})";
  first.is_read_only = true;
  first.is_destructive = false;
  EXPECT_EQ(tools[0], first);
  EXPECT_EQ(tools[1].title, "B");
}

TEST_F(ClientTest, all_pages_of_the_list_are_read) {
  // rule: commands/weakness.29
  introduce();
  answer(2, R"({"tools":[{"name":"a"},{"name":"b"}],"nextCursor":"c\"1"})");
  EXPECT_EQ(sent(), R"({"jsonrpc":"2.0","id":3,"method":"tools/list","params":{"cursor":"c\"1"}})");
  answer(3, R"({"tools":[{"name":"c"},{"name":"a"},{"name":""},7],"nextCursor":null})");
  ASSERT_NE(only<Client::Tools>(), nullptr);
  EXPECT_EQ(only<Client::Tools>()->tools.size(), 3u);
  EXPECT_EQ(client.counters().tools_dropped, 3u);
  EXPECT_TRUE(client.next_deadline().is_never());
}

TEST_F(ClientTest, a_request_that_gets_no_response_fails_with_the_reason) {
  const Error why{Code::address, "nobody is there"};
  const auto fails = [&](std::uint64_t request) {
    effects.clear();
    client.on_request_failed(request, why, at(0), effects);
  };
  open(R"({"tools":[{"name":"a"}]})");
  const auto call = client.call("a", "{}", {}, effects);
  ASSERT_TRUE(call);
  fails(*call);
  ASSERT_NE(only<Client::Finished>(), nullptr);
  EXPECT_EQ(only<Client::Finished>()->value.error(), why);
  fails(*call);
  EXPECT_TRUE(effects.empty()) << "it is over";

  hear(R"({"jsonrpc":"2.0","method":"notifications/tools/list_changed"})");
  fails(std::get<Client::Send>(effects.front()).request);
  ASSERT_NE(only<Client::ListFailed>(), nullptr);
  EXPECT_EQ(only<Client::ListFailed>()->why, why);

  Client other(small());
  effects.clear();
  other.begin(at(0), effects);
  const std::uint64_t introduction = std::get<Client::Send>(effects.front()).request;
  effects.clear();
  other.on_request_failed(introduction, why, at(0), effects);
  ASSERT_NE(only<Client::Failed>(), nullptr);
  EXPECT_EQ(only<Client::Failed>()->why, why);
}

TEST_F(ClientTest, a_list_beyond_its_bounds_fails_and_the_session_goes_on) {
  introduce();
  for (const std::uint64_t id : {2u, 3u}) answer(id, R"({"tools":[],"nextCursor":"again"})");
  answer(4, R"({"tools":[],"nextCursor":"again"})");
  ASSERT_NE(only<Client::ListFailed>(), nullptr);
  EXPECT_EQ(only<Client::ListFailed>()->why.code, Code::overloaded);

  const auto relist = [&](std::string_view result) {
    hear(R"({"jsonrpc":"2.0","method":"notifications/tools/list_changed"})");
    answer(std::get<Client::Send>(effects.front()).request, result);
    return only<Client::ListFailed>() ? only<Client::ListFailed>()->why.code : Code::bug;
  };
  EXPECT_EQ(relist(R"({"tools":[{"name":"1"},{"name":"2"},{"name":"3"},{"name":"4"},{"name":"5"}]})"),
            Code::overloaded);
  EXPECT_EQ(relist(R"({"tools":[{"name":")" + std::string(1000, 'x') + "\"}]}"), Code::overloaded);
  EXPECT_EQ(relist("[]"), Code::response);
  EXPECT_EQ(relist("{}"), Code::response);
  EXPECT_EQ(client.counters().lists_failed, 5u);
  EXPECT_EQ(outcome("plain", R"({"content":[]})"), "null");
}

TEST_F(ClientTest, a_list_that_is_refused_or_does_not_come_fails) {
  introduce();
  answer_error(2, wire::mcp::internal_error, "later");
  EXPECT_EQ(only<Client::ListFailed>()->why.code, Code::unknown);
  hear(R"({"jsonrpc":"2.0","method":"notifications/tools/list_changed"})");
  EXPECT_EQ(client.next_deadline(), at(30));
  effects.clear();
  client.on_time(at(30), effects);
  ASSERT_EQ(effects.size(), 2u);
  EXPECT_NE(sent(0).find("notifications/cancelled"), std::string::npos);
  EXPECT_EQ(cancelled(), 3u);
  EXPECT_EQ(std::get<Client::ListFailed>(effects[1]).why.code, Code::deadline);
  answer(3, two_tools);
  EXPECT_TRUE(effects.empty());
  EXPECT_EQ(client.counters().responses_late, 1u);
}

TEST_F(ClientTest, a_changed_list_is_read_again_once_for_all_changes_meanwhile) {
  // rule: commands/weakness.29
  constexpr std::string_view changed = R"({"jsonrpc":"2.0","method":"notifications/tools/list_changed"})";
  client.begin(at(0), effects);
  hear(changed);
  EXPECT_TRUE(effects.empty());
  answer(1, R"({"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{}})");
  hear(changed);
  hear(changed);
  EXPECT_TRUE(effects.empty());
  answer(2, no_tools);
  ASSERT_EQ(effects.size(), 2u);
  EXPECT_EQ(std::get<Client::Send>(effects[1]).request, 3u);
  answer(3, two_tools);
  EXPECT_EQ(only<Client::Tools>()->tools.size(), 2u);
  hear(changed);
  EXPECT_EQ(sent(), R"({"jsonrpc":"2.0","id":4,"method":"tools/list"})");
}

TEST_F(ClientTest, a_call_is_sent_with_its_arguments_and_what_is_said_about_it) {
  open();
  effects.clear();
  const auto id = client.call("a \"b\"", "{\"x\" :\n 1}",
                              {.wants_progress = true, .meta = R"({"traceparent":"t", "progressToken":0})"}, effects);
  ASSERT_TRUE(id.has_value());
  EXPECT_EQ(sent(), R"({"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"a \"b\"","arguments":{"x":1},)"
                    R"("_meta":{"progressToken":3,"traceparent":"t"}}})");
  EXPECT_EQ(std::get<Client::Send>(effects[0]).request, *id);
  EXPECT_EQ(cancelled(), 0u);
}

TEST_F(ClientTest, a_call_that_cannot_be_made_is_refused) {
  EXPECT_EQ(client.call("a", "{}", {}, effects).error().code, Code::unexpected);
  open();
  effects.clear();
  EXPECT_EQ(client.call("a", "[]", {}, effects).error().code, Code::json);
  EXPECT_EQ(client.call("a", "", {}, effects).error().code, Code::json);
  EXPECT_EQ(client.call("a", "{}", {.meta = "1"}, effects).error().code, Code::json);
  EXPECT_TRUE(effects.empty());
  for (int i = 0; i < 4; ++i) call("a");
  EXPECT_EQ(client.call("a", "{}", {}, effects).error().code, Code::too_many_calls);
  client.end({Code::closed, ""}, effects);
  EXPECT_EQ(client.call("a", "{}", {}, effects).error().code, Code::closed);
}

TEST_F(ClientTest, structured_content_comes_before_text) {
  open(two_tools);
  EXPECT_EQ(outcome("plain", R"({"content":[{"type":"text","text":"x"}],"structuredContent":{"a": 1}})"), R"({"a":1})");
  EXPECT_EQ(outcome("plain", R"({"structuredContent":{"a":1}})"), R"({"a":1})");
  EXPECT_EQ(outcome("plain", R"({"content":[],"structuredContent":null})"), "null");
}

TEST_F(ClientTest, a_single_text_is_a_string_unless_its_tool_has_a_schema) {
  open(two_tools);
  const auto text = [](std::string_view said) {
    return R"({"content":[{"type":"text","text":")" + std::string(said) + "\"}]}";
  };
  EXPECT_EQ(outcome("plain", text("123")), R"("123")");
  EXPECT_EQ(outcome("plain", text(R"({\"a\": 1})")), R"("{\"a\": 1}")");
  EXPECT_EQ(outcome("plain", text("")), R"("")");
  EXPECT_EQ(outcome("structured", text(R"({\"a\": 1})")), R"({"a":1})");
  EXPECT_EQ(outcome("structured", text("[1, 2]")), "[1,2]");
  EXPECT_EQ(outcome("structured", text("123")), R"("123")");
  EXPECT_EQ(outcome("structured", text("{")), R"("{")");
}

TEST_F(ClientTest, no_content_is_null_and_other_content_is_given_as_it_is) {
  open(two_tools);
  EXPECT_EQ(outcome("plain", R"({"content":[]})"), "null");
  EXPECT_EQ(outcome("plain", R"({"content":[{"type":"image", "data":"AA=="}]})"),
            R"({"content":[{"type":"image","data":"AA=="}]})");
  EXPECT_EQ(outcome("plain", R"({"content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]})"),
            R"({"content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]})");
  EXPECT_EQ(outcome("plain", R"({"content":[5]})"), R"({"content":[5]})");
}

TEST_F(ClientTest, what_is_no_result_of_a_tool_is_an_error) {
  open();
  for (const std::string_view result : {"[]", "{}", R"({"content":{}})", "5"}) {
    EXPECT_EQ(outcome("plain", result).error().code, Code::response) << result;
  }
  EXPECT_EQ(client.counters().results_malformed, 4u);
}

TEST_F(ClientTest, the_error_of_a_tool_is_read_with_its_code) {
  // rule: commands/weakness.29
  open();
  const auto error = [&](std::string_view text) {
    return outcome("plain", R"({"isError":true,"content":[{"type":"text","text":")" + std::string(text) + "\"}]}")
        .error();
  };
  EXPECT_EQ(error("timed_out: the deadline of the call passed (50 ms)"), (Error{Code::deadline, "50 ms"}));
  EXPECT_EQ(error("not_found: no such file"), (Error{Code::not_found, "no such file"}));
  EXPECT_EQ(error("disk on fire"), (Error{Code::failed, "disk on fire"}));
  EXPECT_EQ(outcome("plain", R"({"isError":true,"content":[{"type":"text","text":"a"},{"type":"image"},)"
                             R"({"type":"text","text":"b"}]})")
                .error()
                .note,
            "a\nb");
  EXPECT_EQ(outcome("plain", R"({"isError":true})").error().code, Code::failed);
}

TEST_F(ClientTest, errors_of_the_protocol_say_what_to_do) {
  open(two_tools);
  const auto code = [&](std::string_view tool, std::int64_t number, std::string_view text) {
    const std::uint64_t id = call(tool);
    answer_error(id, number, text);
    return failure(id).code;
  };
  EXPECT_EQ(code("plain", wire::mcp::invalid_params, "no"), Code::arguments);
  EXPECT_EQ(code("gone", wire::mcp::invalid_params, "no"), Code::method);
  EXPECT_EQ(code("plain", wire::mcp::method_not_found, "no"), Code::unsupported);
  EXPECT_EQ(code("plain", wire::mcp::invalid_request, "no"), Code::reported);
  EXPECT_EQ(code("plain", wire::mcp::overloaded, "overloaded: no"), Code::overloaded);
  EXPECT_EQ(code("plain", wire::mcp::overloaded, "Connection closed"), Code::unknown);
  EXPECT_EQ(code("plain", wire::mcp::internal_error, "no"), Code::unknown);
}

TEST_F(ClientTest, progress_is_heard_only_upwards_and_only_of_calls_that_want_it) {
  open();
  const std::uint64_t silent = call("a");
  const std::uint64_t id = call("a", {.wants_progress = true});
  const auto progress = [&](std::uint64_t of, std::string_view rest) {
    hear(R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":)" + std::to_string(of) +
         std::string(rest) + "}}");
    return only<Client::Progress>();
  };
  EXPECT_EQ(progress(silent, R"(,"progress":1)"), nullptr);
  EXPECT_EQ(progress(99, R"(,"progress":1)"), nullptr);
  const auto* said = progress(id, R"(,"progress":1.5,"total":3,"message":"half")");
  ASSERT_NE(said, nullptr);
  EXPECT_EQ(said->call, id);
  EXPECT_EQ(said->done, 1.5);
  EXPECT_EQ(said->total, 3.0);
  EXPECT_EQ(said->message, "half");
  EXPECT_EQ(progress(id, R"(,"progress":1.5)"), nullptr);
  EXPECT_EQ(progress(id, R"(,"progress":"2")"), nullptr);
  EXPECT_EQ(progress(id, R"(,"progress":1e999)"), nullptr);
  EXPECT_NE(progress(id, R"(,"progress":2)"), nullptr);
  hear(R"({"jsonrpc":"2.0","method":"notifications/progress"})");
  EXPECT_EQ(client.counters().progress_dropped, 6u);
}

TEST_F(ClientTest, a_cancelled_call_ends_at_once_and_its_response_is_late) {
  open();
  const std::uint64_t id = call("a");
  effects.clear();
  client.cancel(id, "enough", effects);
  ASSERT_EQ(effects.size(), 2u);
  EXPECT_EQ(sent(), R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":)"
                    R"({"requestId":3,"reason":"enough"}})");
  EXPECT_EQ(std::get<Client::Send>(effects[0]).request, 0u);
  EXPECT_EQ(cancelled(), id);
  EXPECT_EQ(failure(id), (Error{Code::cancelled, "enough"}));
  answer(id, R"({"content":[]})");
  EXPECT_TRUE(effects.empty());
  client.cancel(id, "enough", effects);
  EXPECT_TRUE(effects.empty());
  EXPECT_EQ(client.counters().responses_late, 1u);
}

TEST_F(ClientTest, calls_end_at_their_deadlines) {
  open();
  const std::uint64_t late = call("a", {.deadline = at(9)});
  const std::uint64_t soon = call("a", {.deadline = at(5)});
  const std::uint64_t answered = call("a", {.deadline = at(1)});
  call("a");
  answer(answered, R"({"content":[]})");
  EXPECT_EQ(client.next_deadline(), at(5));
  effects.clear();
  client.on_time(at(4), effects);
  EXPECT_TRUE(effects.empty());
  client.on_time(at(5), effects);
  ASSERT_EQ(effects.size(), 2u);
  EXPECT_NE(sent().find(R"("requestId":4,)"), std::string::npos);
  EXPECT_EQ(cancelled(), soon);
  EXPECT_EQ(failure(soon).code, Code::deadline);
  EXPECT_EQ(client.next_deadline(), at(9));
  effects.clear();
  client.on_time(at(20), effects);
  EXPECT_EQ(failure(late).code, Code::deadline);
  EXPECT_TRUE(client.next_deadline().is_never());
  EXPECT_EQ(client.in_flight(), 1u);
  EXPECT_EQ(client.counters().deadlines_passed, 2u);
}

TEST_F(ClientTest, what_the_server_asks_is_answered) {
  open();
  hear(R"({"jsonrpc":"2.0","id":"x","method":"ping"})");
  EXPECT_EQ(sent(), R"({"jsonrpc":"2.0","id":"x","result":{}})");
  hear(R"({"jsonrpc":"2.0","id":5,"method":"sampling/createMessage","params":{}})");
  EXPECT_TRUE(sent().starts_with(R"({"jsonrpc":"2.0","id":5,"error":{"code":-32601,)"));
  EXPECT_EQ(client.counters().requests_refused, 1u);
}

TEST_F(ClientTest, what_belongs_to_nothing_is_counted) {
  open();
  hear("hello");
  hear(R"({"jsonrpc":"2.0","method":"notifications/message","params":{}})");
  for (const std::string_view id : {"99", "\"3\"", "0", "-1", "1.0"}) {
    hear(R"({"jsonrpc":"2.0","id":)" + std::string(id) + R"(,"result":{}})");
  }
  hear(R"({"jsonrpc":"2.0","error":{"code":-32700,"message":"?"}})");
  EXPECT_TRUE(effects.empty());
  EXPECT_EQ(client.counters().messages_malformed, 1u);
  EXPECT_EQ(client.counters().responses_unknown, 6u);
}

TEST_F(ClientTest, an_ended_session_ends_every_call_once) {
  open();
  const std::uint64_t first = call("a", {.deadline = at(5)});
  const std::uint64_t second = call("a");
  effects.clear();
  client.end({Code::link_lost, ""}, effects);
  ASSERT_EQ(effects.size(), 2u);
  EXPECT_EQ(failure(first).code, Code::sent_then_lost);
  EXPECT_EQ(failure(second).code, Code::sent_then_lost);
  effects.clear();
  client.end({Code::link_lost, ""}, effects);
  client.on_time(at(100), effects);
  answer(first, R"({"content":[]})");
  EXPECT_TRUE(effects.empty());
  EXPECT_TRUE(client.next_deadline().is_never());
}

// Both machines with each other.
TEST_F(ClientTest, a_server_of_ours_and_a_client_of_ours_understand_each_other) {
  Server server({.self = {"hub", "", "1"}, .page_tools = 1});
  Server::Effects said;
  std::vector<Tool> tools(2);
  tools[0].name = "fs/read";
  tools[0].output_schema = R"({"type":"object"})";
  tools[1].name = "wait";
  std::optional<Result<std::string>> value;
  std::size_t listed = 0;
  const auto settle = [&] {
    while (!effects.empty() || !said.empty()) {
      for (const auto& effect : std::exchange(effects, {})) {
        if (const auto* send = std::get_if<Client::Send>(&effect)) server.on_message(send->text, 0, said);
        if (const auto* list = std::get_if<Client::Tools>(&effect)) listed = list->tools.size();
        if (const auto* finished = std::get_if<Client::Finished>(&effect)) value = finished->value;
      }
      for (const auto& effect : std::exchange(said, {})) {
        if (const auto* send = std::get_if<Server::Send>(&effect)) client.on_message(send->text, at(0), effects);
        if (const auto* list = std::get_if<Server::ListTools>(&effect)) server.tools(list->token, tools, said);
        const auto* called = std::get_if<Server::CallTool>(&effect);
        if (called && called->command == "fs/read") {
          server.finished(called->token, ToolResult::value(called->arguments), tools[0].output_schema, said);
        } else if (called) {
          server.finished(called->token, ToolResult::failed(Error{Code::in_use, "by you"}), "", said);
        }
      }
    }
    return value;
  };
  client.begin(at(0), effects);
  settle();
  EXPECT_EQ(listed, 2u);
  ASSERT_TRUE(client.call("fs..sread", R"({"path":"x"})", {}, effects).has_value());
  EXPECT_EQ(settle()->value(), R"({"path":"x"})");
  ASSERT_TRUE(client.call("wait", "{}", {}, effects).has_value());
  EXPECT_EQ(settle()->error(), (Error{Code::in_use, "by you"}));
  tools.pop_back();
  server.tools_changed(said);
  settle();
  EXPECT_EQ(listed, 1u);
}

}  // namespace
}  // namespace parley::core::mcp
