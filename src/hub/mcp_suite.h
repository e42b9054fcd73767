#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hub/mcp_pages.h"
#include "runtime/world_suite.h"

// Clients of MCP over HTTP without any HTTP: what they ask is handed to the pages, and what comes is looked at.
namespace parley::hub::suite {

using runtime::suite::Running;
using runtime::suite::World;

class FakeExchange final : public io::HttpExchange {
 public:
  explicit FakeExchange(io::HttpRequest request) : request_(std::move(request)) {}

  const io::HttpRequest& request() const override { return request_; }
  const io::Peer& peer() const override { return peer_; }
  void set_events(io::HttpExchangeEvents*) override {}
  void respond(io::HttpResponse response) override {
    EXPECT_FALSE(head) << "a request is answered once";
    body = response.body;
    head = std::move(response);
    is_over = true;
  }
  void begin_stream(io::HttpResponse begun) override {
    EXPECT_FALSE(head) << "a request is answered once";
    head = std::move(begun);
    is_stream = true;
  }
  void send(std::string_view part) override {
    EXPECT_TRUE(is_stream && !is_over);
    body += part;
  }
  void finish() override {
    EXPECT_TRUE(is_stream && !is_over);
    is_over = true;
  }

  std::optional<io::HttpResponse> head;
  std::string body;
  bool is_stream = false;
  bool is_over = false;

 private:
  const io::HttpRequest request_;
  const io::Peer peer_;
};

inline core::Policy policy_of(std::initializer_list<const char*> rules) {
  core::Policy policy;
  for (const char* rule : rules) EXPECT_TRUE(policy.add(core::Rule::parse(rule).value())) << rule;
  return policy;
}

// A request whose answer comes now or later; dropping it is the client's going away.
class Asked {
 public:
  Asked(World& world, std::unique_ptr<FakeExchange> exchange, Task<void> task)
      : exchange_(std::move(exchange)), running_(std::in_place, world, std::move(task)) {}

  unsigned status() const { return exchange_->head ? exchange_->head->status : 0; }
  std::string field(std::string_view name) const {
    const std::string* const value = exchange_->head ? exchange_->head->find(name) : nullptr;
    return value ? *value : "";
  }
  const std::string& body() const { return exchange_->body; }
  bool is_stream() const { return exchange_->is_stream; }
  bool is_over() const { return exchange_->is_over; }
  bool has(std::string_view text) const { return body().find(text) != std::string::npos; }
  // The id of the last event that has come.
  std::string last_event() const {
    const std::size_t at = body().rfind("id: ");
    if (at == std::string::npos) return "";
    return body().substr(at + 4, body().find('\n', at) - at - 4);
  }

 private:
  std::unique_ptr<FakeExchange> exchange_;
  std::optional<Running<void>> running_;
};

class McpPagesTest : public testing::Test {
 protected:
  explicit McpPagesTest(McpPagesOptions options = {}) : pages(registry, std::move(options)) {}

  WebCaller caller(std::string name) {
    auto principal = core::Principal::of_token(std::move(name));
    return {principal, std::make_shared<const core::Rights>(policy, principal)};
  }
  Asked ask(io::HttpRequest request) {
    auto exchange = std::make_unique<FakeExchange>(std::move(request));
    FakeExchange& asked = *exchange;
    const std::string& method = asked.request().method;
    auto page = method == "POST"  ? pages.post(asked, caller(who))
                : method == "GET" ? pages.get(asked, caller(who))
                                  : pages.remove(asked, caller(who));
    return {world, std::move(exchange), std::move(page)};
  }
  io::HttpRequest request(std::string method, std::string_view session, std::string body = "") {
    io::HttpRequest made{.method = std::move(method), .target = "/mcp", .body = std::move(body)};
    made.fields = {{"Accept", "application/json, text/event-stream"}, {"Content-Type", "application/json"}};
    if (!session.empty()) made.fields.push_back({"Mcp-Session-Id", std::string(session)});
    return made;
  }
  Asked post(std::string_view session, std::string body) { return ask(request("POST", session, std::move(body))); }
  Asked get(std::string_view session, std::string_view after = "") {
    auto made = request("GET", session);
    if (!after.empty()) made.fields.push_back({"Last-Event-ID", std::string(after)});
    return ask(std::move(made));
  }
  static std::string introduction(std::string_view version = "2025-11-25") {
    return R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":")" + std::string(version) +
           R"(","capabilities":{},"clientInfo":{"name":"tester","version":"2"}}})";
  }
  static std::string call(std::string_view name, std::string_view more = "", int id = 1) {
    return R"({"jsonrpc":"2.0","id":)" + std::to_string(id) + R"(,"method":"tools/call","params":{"name":")" +
           std::string(name) + "\"" + std::string(more) + "}}";
  }
  static std::string list() { return R"({"jsonrpc":"2.0","id":1,"method":"tools/list"})"; }
  // The id of a new session; empty: there is none.
  std::string open(std::string_view version = "2025-11-25") {
    const std::string id = post("", introduction(version)).field("Mcp-Session-Id");
    if (!id.empty()) post(id, R"({"jsonrpc":"2.0","method":"notifications/initialized"})");
    return id;
  }
  void add(const std::string& name) {
    ASSERT_TRUE(world.run(registry.command(name, "", [] { return std::string("done"); })));
    world.settle();
  }

  core::Policy policy = policy_of({"token:ci see,call **", "token:robot see,call **", "token:guest see open.*"});
  std::string who = "ci";
  World world;
  Registry registry{world.loop};
  McpPages pages;
};

}  // namespace parley::hub::suite
