#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "async/wait.h"
#include "runtime/commands/mcp_attachment.h"
#include "runtime/commands/mcp_link.h"
#include "runtime/world_suite.h"
#include "wire/mcp/jsonrpc.h"

// MCP over HTTP with a server that does not answer everything.
namespace parley::runtime {
namespace {

using namespace std::chrono_literals;
using suite::Running;
using suite::World;
using ::testing::HasSubstr;

// What has reached the server, and how many connections are in use. Whoever finds none waits.
struct Server {
  explicit Server(std::size_t connections) : free(connections) {}
  std::size_t count(std::string_view part) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(heard, [&](const std::string& each) { return each.contains(part); }));
  }
  std::size_t free;
  Event freed;
  std::vector<std::string> heard;
  std::size_t hanging = 0;
  bool answers_notices = true;
  bool answers_get = true;  // at once; else once that is asked for
  Event get_asked;
  Event never;
};

class Connection {
 public:
  explicit Connection(Server& server) : server_(&server) { --server.free; }
  Connection(Connection&& other) noexcept : server_(std::exchange(other.server_, nullptr)) {}
  Connection& operator=(Connection&&) = delete;
  ~Connection() {
    if (!server_) return;
    ++server_->free;
    server_->freed.set();
  }

 private:
  Server* server_;
};

class Answer final : public io::HttpStream {
 public:
  Answer(Connection connection, io::HttpResponse response)
      : connection_(std::move(connection)), head_(std::move(response)), body_(std::exchange(head_.body, {})) {}
  const io::HttpResponse& head() const override { return head_; }
  using io::HttpStream::next;
  Task<Result<std::optional<std::string>>> next(Instant) override {
    if (body_.empty()) co_return std::nullopt;
    co_return std::exchange(body_, {});
  }

 private:
  Connection connection_;
  io::HttpResponse head_;
  std::string body_;
};

class HttpClient final : public io::HttpClient {
 public:
  HttpClient(World& world, Server& server) : world_(world), server_(server) {}
  using io::HttpClient::open;
  using io::HttpClient::request;
  Task<Result<io::HttpResponse>> request(io::HttpRequest, Instant) override {
    co_return io::HttpResponse{.status = 405, .fields = {}, .body = {}};
  }
  Task<Result<std::unique_ptr<io::HttpStream>>> open(io::HttpRequest request, Instant until) override {
    while (server_.free == 0) {
      server_.freed.reset();
      co_await server_.freed.wait();
    }
    Connection connection(server_);
    io::HttpResponse response{.status = 405, .fields = {}, .body = {}};
    if (request.method == "GET" && !server_.answers_get) co_await server_.get_asked.wait();
    if (request.method == "POST") {
      server_.heard.push_back(request.body);
      response.status = 202;
      const auto message = wire::mcp::parse_message(request.body, {.bytes_max = std::size_t{1} << 30});
      const bool is_notice = message && message->kind == wire::mcp::Message::Kind::notification;
      if (message && message->params.contains("hang")) {
        const Hanging hanging(server_);
        co_await server_.never.wait();
      }
      if (is_notice && !server_.answers_notices && message->method == "notifications/cancelled") {
        co_await Sleep(world_.loop, until);
        co_return fail(Code::deadline);
      }
      if (message && message->kind == wire::mcp::Message::Kind::request) {
        response.status = 200;
        response.fields.push_back({"Content-Type", "application/json"});
        response.body = wire::mcp::encode_response(message->id, result_of(message->method));
      }
    }
    co_return std::make_unique<Answer>(std::move(connection), std::move(response));
  }
  const std::string& target() const override { return target_; }

 private:
  struct Hanging {
    explicit Hanging(Server& owner) : server(owner) { ++server.hanging; }
    ~Hanging() { --server.hanging; }
    Hanging(const Hanging&) = delete;
    Hanging& operator=(const Hanging&) = delete;
    Server& server;
  };
  static std::string_view result_of(std::string_view method) {
    if (method == "initialize") {
      return R"({"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"s","version":"1"}})";
    }
    if (method == "tools/list") return R"({"tools":[{"name":"hang"},{"name":"quick"}]})";
    return R"({"content":[{"type":"text","text":"done"}]})";
  }

  World& world_;
  Server& server_;
  const std::string target_ = "/mcp";
};

class McpHttpLinkTest : public testing::Test, private McpLinkEvents {
 protected:
  using Called = Running<Result<Registry::Answer>>;
  ~McpHttpLinkTest() override {
    attachment.reset();
    link.reset();
    registry.close();
    world.settle();
  }
  std::unique_ptr<McpLink> make_link() {
    return mcp_http_link(world.loop, std::make_unique<HttpClient>(world, server));
  }
  void attach() {
    attachment = std::make_unique<McpAttachment>(registry, make_link(), McpAttachment::Options{.prefix = "far"});
    ASSERT_TRUE(world.run(attachment->start()));
    world.settle();
    ASSERT_EQ(attachment->command_count(), 2u);
  }
  std::vector<std::unique_ptr<Called>> hang(std::size_t count) {
    std::vector<std::unique_ptr<Called>> calls;
    for (std::size_t i = 0; i < count; ++i) {
      calls.push_back(std::make_unique<Called>(world, registry.execute_json("far.hang", "", {.deadline = 1s})));
    }
    return calls;
  }
  void expect_quick() {
    Called quick(world, registry.execute_json("far.quick", "", {.deadline = 1s}));
    ASSERT_TRUE(quick.is_done());
    EXPECT_EQ(quick.take().value().result, "\"done\"");
  }

  // The link by itself.
  void begin() {
    link = make_link();
    link->start(static_cast<McpLinkEvents&>(*this));
  }
  void ask(std::uint64_t number, std::string_view tool) {
    link->send(
        wire::mcp::encode_request(std::to_string(number), "tools/call", R"({"name":")" + std::string(tool) + "\"}"),
        number);
  }
  void on_link_message(std::string_view text) override { told.emplace_back(text); }
  void on_link_failed(std::uint64_t request, const Error& why) override {
    told.push_back(std::to_string(request) + " failed: " + to_string(why));
  }
  void on_link_gone(Error) override { is_gone = true; }

  World world;
  Registry registry{world.loop};
  Server server{mcp_connections_max};
  std::unique_ptr<McpAttachment> attachment;
  std::unique_ptr<McpLink> link;
  std::vector<std::string> told;
  bool is_gone = false;
};

TEST_F(McpHttpLinkTest, calls_that_are_never_answered_leave_the_server_usable) {
  attach();
  const auto calls = hang(mcp_connections_max);
  EXPECT_LT(server.hanging, mcp_connections_max) << "some connections are for other things";
  const std::size_t hanging = server.hanging;
  world.pass(1s);
  for (const auto& each : calls) EXPECT_EQ(each->take().error().code, Code::deadline);
  EXPECT_EQ(server.hanging, 0u) << "nobody waits for them any more";
  EXPECT_EQ(server.free, mcp_connections_max);
  EXPECT_EQ(server.count("notifications/cancelled"), hanging);
  expect_quick();
  world.pass(60s);
  EXPECT_EQ(server.count(R"("name":"hang")"), hanging) << "what was over before it was sent is not sent";
}

TEST_F(McpHttpLinkTest, a_server_that_takes_no_cancellation_holds_no_call_up) {
  attach();
  server.answers_notices = false;
  const auto calls = hang(mcp_connections_max);
  world.pass(1s);
  EXPECT_EQ(server.hanging, 0u);
  EXPECT_EQ(server.count("notifications/cancelled"), 1u) << "one at a time";
  expect_quick();
  world.pass(5s);
  EXPECT_EQ(server.count("notifications/cancelled"), 2u);
  expect_quick();
}

TEST_F(McpHttpLinkTest, a_call_that_nobody_waits_for_ends_its_request_and_makes_room) {
  attach();
  auto calls = hang(mcp_connections_max);
  Called quick(world, registry.execute_json("far.quick", ""));
  EXPECT_FALSE(quick.is_done());
  const std::size_t hanging = server.hanging;
  for (std::size_t i = hanging; i < calls.size(); ++i) calls[i]->cancel();
  EXPECT_FALSE(quick.is_done());
  EXPECT_EQ(server.count("notifications/cancelled"), 0u) << "the server has not heard of these";
  calls[0]->cancel();
  EXPECT_EQ(server.hanging, hanging - 1);
  EXPECT_EQ(server.count("notifications/cancelled"), 1u);
  EXPECT_EQ(quick.take().value().result, "\"done\"");
}

TEST_F(McpHttpLinkTest, notifications_pass_requests_that_wait) {
  begin();
  for (std::uint64_t i = 1; i <= 100; ++i) ask(i, "hang");
  world.settle();
  link->send(wire::mcp::encode_response("7", "{}"), 0);
  world.settle();
  EXPECT_EQ(server.count(R"("result":{})"), 1u);
}

TEST_F(McpHttpLinkTest, requests_wait_for_a_notification_before_them) {
  begin();
  ask(1, "first");
  link->send(wire::mcp::encode_notification("notifications/initialized", {}), 0);
  ask(2, "second");
  world.settle();
  ASSERT_EQ(server.heard.size(), 3u);
  EXPECT_THAT(server.heard[1], HasSubstr("notifications/initialized"));
  EXPECT_THAT(server.heard[2], HasSubstr("second"));
  EXPECT_EQ(told.size(), 2u);
}

TEST_F(McpHttpLinkTest, requests_wait_until_the_server_has_said_whether_it_has_a_stream_a_second_at_most) {
  server.answers_get = false;
  for (const bool is_answered : {true, false}) {
    begin();
    link->on_introduced(wire::mcp::version_latest);
    ask(1, "first");
    world.settle();
    EXPECT_EQ(server.count("first"), 0u);
    if (is_answered) server.get_asked.set();
    world.pass(is_answered ? 0s : 1s);
    EXPECT_EQ(server.count("first"), 1u);
    link.reset();
    world.settle();
    server.get_asked.reset();
    server.heard.clear();
  }
}

TEST_F(McpHttpLinkTest, requests_beyond_the_bounds_are_refused_at_once) {
  begin();
  std::uint64_t number = 0;
  for (int i = 0; i < 1000; ++i) ask(++number, "hang");
  world.settle();
  EXPECT_TRUE(told.empty());
  const std::size_t hanging = server.hanging;
  while (number < 1024 + hanging) ask(++number, "hang");
  world.settle();
  EXPECT_TRUE(told.empty());
  ask(++number, "hang");
  EXPECT_TRUE(told.empty()) << "never from inside of a call";
  world.settle();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_THAT(told[0], HasSubstr(std::to_string(number) + " failed: overloaded: "));

  link->cancel(number - 1, "");
  link->send(std::string((std::size_t{64} << 20) + 1, ' '), ++number);
  world.settle();
  ASSERT_EQ(told.size(), 2u);
  EXPECT_THAT(told[1], HasSubstr("overloaded"));
  ask(++number, "hang");
  world.settle();
  EXPECT_EQ(told.size(), 2u) << "what was given up has made room";
  EXPECT_FALSE(is_gone);
}

TEST_F(McpHttpLinkTest, whoever_lets_go_of_it_ends_all_requests) {
  begin();
  for (std::uint64_t i = 1; i <= 100; ++i) ask(i, "hang");
  world.settle();
  link.reset();
  EXPECT_EQ(server.hanging, 0u);
  EXPECT_EQ(server.free, mcp_connections_max);
}

}  // namespace
}  // namespace parley::runtime
