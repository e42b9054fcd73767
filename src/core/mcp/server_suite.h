#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/mcp/server.h"

// What the tests of the server's machine share.
namespace parley::core::mcp::suite {

inline Server::Options server_options() {
  Server::Options options;
  options.self = {"parley", "", "1.0"};
  return options;
}

class ServerTest : public testing::Test {
 protected:
  using Taken = Server::Taken;

  explicit ServerTest(Server::Options options = server_options()) : server(std::move(options)) {}

  // What the last message or input brought, which takes the place of what was there before.
  Taken say(std::string_view text, std::uint64_t stream = 0) {
    effects.clear();
    return server.on_message(text, stream, effects);
  }
  void initialize(std::string_view version = "2025-11-25") {
    say(R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":")" + std::string(version) +
        R"(","capabilities":{},"clientInfo":{"name":"tester","version":"2"}}})");
    ASSERT_EQ(effects.size(), 1u);
    say(R"({"jsonrpc":"2.0","method":"notifications/initialized"})");
    ASSERT_TRUE(effects.empty());
  }
  // Gives the token of the call, or 0.
  std::uint64_t call(std::string_view name, std::string_view more = "", std::string_view id = "1") {
    say(R"({"jsonrpc":"2.0","id":)" + std::string(id) + R"(,"method":"tools/call","params":{"name":")" +
        std::string(name) + "\"" + std::string(more) + "}}");
    const auto* called = only<Server::CallTool>();
    return called ? called->token : 0;
  }
  std::uint64_t list(std::string_view params = "{}", std::string_view id = "1") {
    say(R"({"jsonrpc":"2.0","id":)" + std::string(id) + R"(,"method":"tools/list","params":)" + std::string(params) +
        "}");
    const auto* listed = only<Server::ListTools>();
    return listed ? listed->token : 0;
  }
  std::string listed(const std::vector<Tool>& tools, std::string_view params = "{}") {
    const std::uint64_t token = list(params);
    EXPECT_NE(token, 0u);
    effects.clear();
    server.tools(token, tools, effects);
    return sent();
  }
  std::string finish(std::uint64_t token, const ToolResult& result, std::string_view output_schema = "") {
    effects.clear();
    server.finished(token, result, output_schema, effects);
    return sent();
  }
  // The result, without its envelope, of a new call with that outcome.
  std::string outcome(const ToolResult& result, std::string_view output_schema = "") {
    std::string text = finish(call("a"), result, output_schema);
    const std::string_view begin = R"({"jsonrpc":"2.0","id":1,)";
    EXPECT_TRUE(text.starts_with(begin)) << text;
    return text.substr(begin.size(), text.size() - begin.size() - 1);
  }

  template <class Wanted>
  const Wanted* only() const {
    return effects.size() == 1 ? std::get_if<Wanted>(&effects.front()) : nullptr;
  }
  // The one message that is to be sent, or nothing.
  std::string sent() const {
    const auto* send = only<Server::Send>();
    return send ? send->text : "";
  }
  static std::string error(std::int64_t code, std::string_view id = "1") {
    return R"({"jsonrpc":"2.0","id":)" + std::string(id) + R"(,"error":{"code":)" + std::to_string(code) + ",";
  }

  Server server;
  Server::Effects effects;
};

}  // namespace parley::core::mcp::suite
