#include <optional>

#include "core/mcp/server.h"
#include "core/mcp/server_suite.h"

// How a server lists its tools, and what it makes of their results.
namespace parley::core::mcp {
namespace {

using suite::ServerTest;

constexpr std::string_view schema = R"({"type":"object","properties":{"a":{"type":"integer"}}})";

Tool tool(std::string name) {
  Tool made;
  made.name = std::move(name);
  return made;
}

// The names of a page, in its order.
std::string names_in(std::string_view page) {
  std::string names;
  constexpr std::string_view begin = R"({"name":")";
  for (std::size_t at = page.find(begin); at != page.npos; at = page.find(begin, at + 1)) {
    const std::size_t from = at + begin.size();
    names += std::string(page.substr(from, page.find('"', from) - from)) + " ";
  }
  return names;
}

std::string cursor_in(std::string_view page) {
  constexpr std::string_view begin = R"("nextCursor":")";
  const std::size_t at = page.find(begin);
  if (at == page.npos) return {};
  return std::string(page.substr(at + begin.size(), page.find('"', at + begin.size()) - at - begin.size()));
}

TEST_F(ServerTest, the_list_may_be_asked_for_again_and_again) {
  // rule: commands/weakness.29
  initialize();
  const std::string first = listed({tool("a"), tool("b")});
  EXPECT_EQ(first, R"({"jsonrpc":"2.0","id":1,"result":{"tools":[)"
                   R"({"name":"a","description":"a","inputSchema":{"type":"object"}},)"
                   R"({"name":"b","description":"b","inputSchema":{"type":"object"}}]}})");
  EXPECT_EQ(listed({tool("a"), tool("b")}), first);
  EXPECT_EQ(finish(call("a"), ToolResult::value("1")),
            R"({"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"1"}]}})");
}

TEST_F(ServerTest, what_a_tool_says_of_itself_is_listed) {
  initialize();
  Tool full = tool("fs/read");
  full.title = "Read";
  full.description = "Reads \"files\"";
  full.input_schema =
      "{\"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n"
      " \"type\": \"object\", \"$defs\": {\"b\": {}}, \"additionalProperties\": false}";
  full.output_schema = schema;
  full.is_read_only = true;
  full.is_open_world = false;
  const std::string text = listed({full});
  EXPECT_EQ(text, R"({"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"fs..sread","title":"Read",)"
                  R"("description":"Reads \"files\"","inputSchema":)"
                  R"({"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","$defs":{"b":{}},)"
                  R"("additionalProperties":false},"outputSchema":)" +
                      std::string(schema) + R"(,"annotations":{"readOnlyHint":true,"openWorldHint":false}}]}})");
}

TEST_F(ServerTest, older_versions_are_told_what_they_know) {
  Tool full = tool("a");
  full.title = "Read";
  full.output_schema = schema;
  full.is_destructive = false;
  full.is_idempotent = true;
  initialize("2025-03-26");
  EXPECT_NE(listed({full}).find(R"({"name":"a","description":"a","inputSchema":{"type":"object"},"annotations":)"
                                R"({"destructiveHint":false,"idempotentHint":true,"title":"Read"}}])"),
            std::string::npos);
  Server oldest(suite::server_options());
  server = std::move(oldest);
  initialize("2024-11-05");
  EXPECT_NE(listed({full}).find(R"([{"name":"a","description":"a","inputSchema":{"type":"object"}}])"),
            std::string::npos);
}

TEST_F(ServerTest, every_input_schema_that_is_listed_is_that_of_an_object) {
  initialize();
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"", R"({"type":"object"})"},
      {"{", R"({"type":"object"})"},
      {"true", R"({"type":"object"})"},
      {"{}", R"({"type":"object"})"},
      {R"({"type":"array"})", R"({"type":"object"})"},
      {R"({"type":["object","null"]})", R"({"type":"object"})"},
      {R"({"anyOf": []})", R"({"type":"object","anyOf":[]})"},
  };
  for (const auto& [given, expected] : cases) {
    Tool each = tool("a");
    each.input_schema = given;
    EXPECT_NE(listed({each}).find(R"("inputSchema":)" + std::string(expected) + "}]"), std::string::npos) << given;
  }
}

TEST_F(ServerTest, an_output_schema_is_listed_only_where_it_is_that_of_an_object) {
  initialize();
  for (const std::string_view given : {R"({"type":"string"})", "{}", "true", "{"}) {
    Tool each = tool("a");
    each.output_schema = given;
    EXPECT_EQ(listed({each}).find("outputSchema"), std::string::npos) << given;
  }
}

TEST_F(ServerTest, private_commands_unfit_names_and_doubled_ones_are_not_listed) {
  // rule: commands/weakness.29
  initialize();
  Tool second = tool("b");
  second.description = "another";
  const std::string text = listed({tool("_x"), tool("b"), tool("a"), second, tool(std::string(127, 'x') + ":")});
  EXPECT_EQ(names_in(text), "a b ");
  EXPECT_EQ(text.find("another"), std::string::npos);
  EXPECT_EQ(server.counters().tools_unlisted, 3u);
}

class PagesTest : public ServerTest {
 protected:
  static Server::Options paged() {
    Server::Options options = suite::server_options();
    options.page_tools = 2;
    options.page_bytes = 600;
    return options;
  }
  PagesTest() : ServerTest(paged()) {}
};

TEST_F(PagesTest, a_long_list_comes_in_pages_whatever_happens_to_it_meanwhile) {
  // rule: commands/weakness.29
  initialize();
  const std::string first = listed({tool("e"), tool("d"), tool("c"), tool("b"), tool("a")});
  EXPECT_EQ(names_in(first), "a b ");
  const std::string cursor = cursor_in(first);
  ASSERT_NE(cursor, "");
  const std::string second = listed({tool("e"), tool("d"), tool("c"), tool("a")}, R"({"cursor":")" + cursor + "\"}");
  EXPECT_EQ(names_in(second), "c d ");
  const std::string third = listed({tool("e"), tool("d"), tool("c")}, R"({"cursor":")" + cursor_in(second) + "\"}");
  EXPECT_EQ(names_in(third), "e ");
  EXPECT_EQ(cursor_in(third), "");
  EXPECT_EQ(names_in(listed({tool("a")}, R"({"cursor":")" + cursor_in(second) + "\"}")), "");
}

TEST_F(PagesTest, a_page_ends_before_it_is_too_long_and_has_one_tool_at_least) {
  initialize();
  Tool large = tool("a");
  large.description = std::string(700, 'x');
  const std::string first = listed({large, tool("b"), tool("c")});
  EXPECT_EQ(names_in(first), "a ");
  EXPECT_EQ(names_in(listed({large, tool("b"), tool("c")}, R"({"cursor":")" + cursor_in(first) + "\"}")), "b c ");
}

TEST_F(ServerTest, what_is_no_cursor_of_the_list_is_an_invalid_parameter) {
  // rule: commands/weakness.29
  initialize();
  // Not base64; "hello"; "after:" and no name.
  for (const std::string_view cursor : {R"("%")", R"("aGVsbG8=")", R"("YWZ0ZXI6")", R"("")", "5"}) {
    EXPECT_EQ(list(R"({"cursor":)" + std::string(cursor) + "}"), 0u) << cursor;
    EXPECT_TRUE(sent().starts_with(error(wire::mcp::invalid_params))) << cursor;
  }
  EXPECT_NE(list(R"({"cursor":null})"), 0u);
}

TEST_F(ServerTest, a_change_of_the_list_is_said_once_until_it_is_asked_for) {
  // rule: commands/weakness.29
  const auto changed = [&] {
    effects.clear();
    server.tools_changed(effects);
    return sent();
  };
  constexpr std::string_view said = R"({"jsonrpc":"2.0","method":"notifications/tools/list_changed"})";
  EXPECT_EQ(changed(), "");
  initialize();
  listed({});
  EXPECT_EQ(changed(), said);
  EXPECT_EQ(only<Server::Send>()->stream, 0u);
  EXPECT_EQ(changed(), "");
  EXPECT_EQ(server.counters().changes_unsaid, 1u);
  listed({tool("a")});
  EXPECT_EQ(changed(), said);
}

TEST_F(ServerTest, a_change_is_not_said_before_the_client_is_initialized) {
  say(R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25"}})");
  effects.clear();
  server.tools_changed(effects);
  EXPECT_TRUE(effects.empty());
  say(R"({"jsonrpc":"2.0","method":"notifications/initialized"})");
  EXPECT_NE(sent().find("list_changed"), std::string::npos);
  say(R"({"jsonrpc":"2.0","method":"notifications/initialized"})");
  EXPECT_TRUE(effects.empty());
}

TEST_F(ServerTest, a_list_that_was_asked_for_after_the_change_makes_the_word_of_it_needless) {
  say(R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25"}})");
  server.tools_changed(effects);
  listed({});
  say(R"({"jsonrpc":"2.0","method":"notifications/initialized"})");
  EXPECT_TRUE(effects.empty());
}

TEST_F(ServerTest, nothing_and_null_are_empty_content) {
  // rule: commands/weakness.29
  initialize();
  EXPECT_EQ(outcome(ToolResult::nothing()), R"("result":{"content":[]})");
  EXPECT_EQ(outcome(ToolResult::value(" null ")), R"("result":{"content":[]})");
}

TEST_F(ServerTest, a_string_is_its_own_text_and_other_values_are_their_json) {
  initialize();
  EXPECT_EQ(outcome(ToolResult::value(R"("a \"b\"")")), R"("result":{"content":[{"type":"text","text":"a \"b\""}]})");
  EXPECT_EQ(outcome(ToolResult::value("[1, 2]")), R"("result":{"content":[{"type":"text","text":"[1,2]"}]})");
  EXPECT_EQ(outcome(ToolResult::value("4.5")), R"("result":{"content":[{"type":"text","text":"4.5"}]})");
}

TEST_F(ServerTest, only_an_object_with_a_schema_is_structured_content) {
  // rule: commands/weakness.29
  initialize();
  EXPECT_EQ(outcome(ToolResult::value(R"({"a": 1})"), schema),
            R"("result":{"content":[{"type":"text","text":"{\"a\":1}"}],"structuredContent":{"a":1}})");
  EXPECT_EQ(outcome(ToolResult::value(R"({"a":1})")).find("structured"), std::string::npos);
  EXPECT_EQ(outcome(ToolResult::value("[1]"), schema).find("structured"), std::string::npos);
  EXPECT_EQ(outcome(ToolResult::value("7"), schema).find("structured"), std::string::npos);
  EXPECT_EQ(outcome(ToolResult::value(R"({"a":1})"), R"({"type":"array"})").find("structured"), std::string::npos);
}

TEST_F(ServerTest, versions_that_do_not_know_structured_content_get_none) {
  initialize("2025-03-26");
  EXPECT_EQ(outcome(ToolResult::value(R"({"a":1})"), schema).find("structured"), std::string::npos);
  EXPECT_EQ(outcome(ToolResult::failed("x", "y")).find("structured"), std::string::npos);
}

TEST_F(ServerTest, content_items_are_sent_as_they_are) {
  initialize();
  EXPECT_EQ(outcome(ToolResult::content(R"([{"type":"image","data":"AA==", "mimeType":"image/png"}])")),
            R"("result":{"content":[{"type":"image","data":"AA==","mimeType":"image/png"}]})");
}

TEST_F(ServerTest, what_is_no_result_becomes_an_error_of_the_tool) {
  initialize();
  for (const ToolResult& result : {ToolResult::value("{"), ToolResult::value(""), ToolResult::content("{}"),
                                   ToolResult::content("[1]"), ToolResult::content(R"([{"type":1}])")}) {
    EXPECT_NE(outcome(result).find(R"("isError":true)"), std::string::npos) << result.json;
  }
  EXPECT_EQ(server.counters().results_malformed, 5u);
}

TEST_F(ServerTest, the_error_of_a_tool_keeps_its_code_and_its_message) {
  // rule: commands/weakness.29
  initialize();
  EXPECT_EQ(outcome(ToolResult::failed("timeout", "after 3 s")),
            R"("result":{"content":[{"type":"text","text":"timeout: after 3 s"}],)"
            R"("structuredContent":{"code":"timeout","message":"after 3 s"},"isError":true})");
  EXPECT_EQ(outcome(ToolResult::failed("timeout", "after 3 s"), schema),
            R"("result":{"content":[{"type":"text","text":"timeout: after 3 s"}],"isError":true})");
  EXPECT_NE(outcome(ToolResult::failed(Error{Code::deadline, "50 ms"}))
                .find(R"~("text":"timed_out: the deadline of the call passed (50 ms)")~"),
            std::string::npos);
  EXPECT_NE(outcome(ToolResult::failed("", "\xff")).find("\xef\xbf\xbd"), std::string::npos);
}

TEST_F(ServerTest, invalid_arguments_are_an_error_of_the_tool_since_2025_11_25) {
  initialize();
  EXPECT_NE(outcome(ToolResult::invalid_arguments("no a")).find(R"("text":"invalid: no a")"), std::string::npos);
  Server older(suite::server_options());
  server = std::move(older);
  initialize("2025-06-18");
  EXPECT_EQ(finish(call("a"), ToolResult::invalid_arguments("no a")),
            error(wire::mcp::invalid_params) + R"("message":"no a"}})");
}

TEST_F(ServerTest, a_tool_that_nobody_serves_is_an_error_of_the_protocol) {
  initialize();
  EXPECT_EQ(finish(call("gone"), ToolResult::unknown_tool()),
            error(wire::mcp::invalid_params) + R"("message":"unknown tool: \"gone\""}})");
}

}  // namespace
}  // namespace parley::core::mcp
