#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "face/attach.h"
#include "face/loop.h"
#include "hub/hub.h"
#include "io/http.h"
#include "net/net_world_suite.h"
#include "runtime/commands/http_carrier.h"
#include "runtime/commands/line_server.h"

// The hub's commands over HTTP and WebSockets, by real sockets.
namespace parley {
namespace {

using net::suite::TemporaryFolder;
using ::testing::HasSubstr;

constexpr std::string_view secret = "the secret of the client";

struct Add {
  int a, b;
};
struct Sum {
  int sum;
  bool operator==(const Sum&) const = default;
};

HubOptions options() {
  HubOptions options;
  options.tokens.add("client", secret).value();
  options.policy.add(core::Rule::parse("token:client see,call,publish,subscribe,offer **").value()).value();
  return options;
}

class HubWeb : public ::testing::Test {
 protected:
  HubWeb() : hub(loop, options()) {
    at = hub.listen("tcp:127.0.0.1:0").value();
    url = "http://" + at.substr(4);
    loop.run_until(hub.registry().command("math.add", "Adds", [](Add in) { return Sum{in.a + in.b}; })).value();
    loop.run_until(hub.registry().command("_hidden", "", [] {})).value();
    client = loop.http_client(url).value();
  }
  io::HttpResponse ask(std::string method, std::string target, std::string body = {},
                       std::vector<io::HttpField> fields = {}, bool has_token = true) {
    io::HttpRequest request{.method = std::move(method), .target = std::move(target), .body = std::move(body)};
    request.fields = std::move(fields);
    if (has_token) request.fields.push_back({"Authorization", "Bearer " + std::string(secret)});
    return loop.run_until(client->request(std::move(request))).value();
  }
  io::HttpResponse post(std::string body) { return ask("POST", "/cmd", std::move(body), {json}); }

  const io::HttpField json{"Content-Type", "application/json"};
  Loop loop;
  Hub hub;
  std::string at, url;
  std::unique_ptr<io::HttpClient> client;
};

TEST_F(HubWeb, a_command_is_posted_and_answered_in_one_line) {
  const auto answer =
      post(R"({"id":"mine","type":"execute.command.request","commandId":"math.add","request":{"a":2,"b":3}})");
  EXPECT_EQ(answer.status, 200u);
  EXPECT_EQ(*answer.find("content-type"), "application/x-ndjson");
  EXPECT_THAT(answer.body, HasSubstr(R"("thid":"mine","response":{"ok":true,"result":{"sum":5}})"));
  EXPECT_EQ(answer.body.find('\n'), answer.body.size() - 1);
  EXPECT_NE(answer.find("content-length"), nullptr);
  EXPECT_THAT(post(R"({"id":"1","type":"list.commands.request"})").body, HasSubstr(R"("commands":[{"id":"math.add")"));
  const auto listed = ask("GET", "/cmds.json");
  EXPECT_THAT(listed.body, HasSubstr(R"({"cmdschema":"1.0.0","commands":[{"id":"math.add")"));
  EXPECT_EQ(listed.body.find("_hidden"), std::string::npos);
}

// A probe has no token, and learns nothing but the answer.
TEST_F(HubWeb, whoever_probes_it_is_told_whether_it_lives_and_is_ready_and_nothing_else) {
  const auto health = ask("GET", "/health", {}, {}, false);
  EXPECT_EQ(health.status, 200u);
  EXPECT_EQ(health.body, "{\"status\":\"healthy\",\"message\":null}\n");
  EXPECT_EQ(*health.find("content-type"), "application/json");
  const auto ready = ask("GET", "/ready", {}, {}, false);
  EXPECT_EQ(ready.status, 200u);
  EXPECT_EQ(ready.body, "{\"ready\":true,\"unmet_conditions\":[]}\n");
  EXPECT_EQ(ask("POST", "/health", "{}", {json}, false).status, 405u);
  EXPECT_EQ(ask("GET", "/health", {}, {{"Origin", "https://evil.example"}}, false).status, 403u);
  EXPECT_EQ(ask("GET", "/metrics", {}, {}, false).status, 401u);
  EXPECT_EQ(hub.web().probes, 3u);
}

TEST_F(HubWeb, metrics_are_for_who_may_operate_the_hub) {
  EXPECT_EQ(ask("GET", "/metrics").status, 403u);
  HubOptions with_operator = options();
  with_operator.policy.add(core::Rule::parse("token:client operate parley.Hub").value()).value();
  Hub other(loop, std::move(with_operator));
  const std::string there = "http://" + other.listen("tcp:127.0.0.1:0").value().substr(4);
  client = loop.http_client(there).value();
  const auto answer = ask("GET", "/metrics");
  ASSERT_EQ(answer.status, 200u);
  EXPECT_THAT(*answer.find("content-type"), HasSubstr("text/plain; version=0.0.4"));
  EXPECT_THAT(answer.body, HasSubstr("# TYPE parley_door_streams_total counter\nparley_door_streams_total 1\n"));
  EXPECT_THAT(answer.body, HasSubstr("# TYPE parley_bus_connections gauge\nparley_bus_connections 0\n"));
  EXPECT_THAT(answer.body, HasSubstr("parley_topics_published_total 0\n"));
  EXPECT_THAT(answer.body, HasSubstr("parley_topics_resyncs_total{by=\"snapshot\"} 0\n"));
  EXPECT_THAT(answer.body, HasSubstr("# TYPE parley_topics_followers_lag_max gauge\n"));
  EXPECT_THAT(answer.body, HasSubstr("parley_conversations_opened_total 0\n"));
  client.reset();
}

TEST_F(HubWeb, what_is_wrong_is_said_by_status_and_in_words) {
  // rule: commands/weakness.9, commands/weakness.12
  EXPECT_EQ(post("not json").status, 400u);
  EXPECT_EQ(post(R"({"id":"1","type":"execute.command.request","commandId":"math.add","request":[]})").status, 400u);
  EXPECT_EQ(post(R"({"id":"1","type":"event","eventId":"e"})").status, 403u);
  EXPECT_EQ(post(R"({"id":"1","type":"list.commands.response","thid":"x","commands":[{"id":"math.add"}]})").status,
            403u);
  EXPECT_EQ(hub.registry().commands().size(), 1u);
  EXPECT_EQ(ask("POST", "/cmd", "{}", {{"Content-Type", "text/plain"}}).status, 415u);
  EXPECT_EQ(ask("GET", "/cmd").status, 405u);
  EXPECT_EQ(ask("DELETE", "/cmds.json").status, 405u);
  EXPECT_EQ(*ask("DELETE", "/cmds.json").find("allow"), "GET");
  EXPECT_THAT(ask("GET", "/else").body, HasSubstr("/cmds.json"));
  EXPECT_EQ(ask("GET", "/cmds.json", {}, {}, false).status, 401u);
  EXPECT_EQ(ask("GET", "/cmds.json", {}, {{"Authorization", "Bearer a wrong secret, long enough"}}, false).status,
            401u);
  EXPECT_EQ(ask("GET", "/cmds.json", {}, {{"Origin", "https://evil.example"}}).status, 403u);
  EXPECT_EQ(ask("GET", "/cmds.json", {}, {{"Host", "rebound.example"}}).status, 421u);
  const auto private_one = post(R"({"id":"1","type":"execute.command.request","commandId":"_hidden"})");
  EXPECT_THAT(private_one.body, HasSubstr("\"not_found\""));
  EXPECT_EQ(hub.web().requests, 12u) << "all but those of another page and for another host";
  EXPECT_EQ(hub.web().refused, 2u);
  EXPECT_EQ(hub.web().not_found, 1u);
}

TEST_F(HubWeb, who_brings_no_token_is_refused_by_his_head_and_closed) {
  const auto dialer = loop.dialer(at).value();
  io::suite::End peer(loop.run_until(dialer->dial()).value());
  peer.start();
  const ByteView head = as_bytes(std::string_view(
      "POST /cmd HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4000000\r\nExpect: 100-continue\r\n\r\n"));
  peer.send({head.begin(), head.end()});
  ASSERT_TRUE(io::suite::turn_until(loop, [&] { return peer.over.has_value(); }));
  EXPECT_TRUE(as_text(peer.received).starts_with("HTTP/1.1 401 ")) << as_text(peer.received);
  EXPECT_EQ(hub.web().refused, 1u);
  peer.finish();
  EXPECT_TRUE(io::suite::turn_until(loop, [&] { return hub.web_connection_count() == 0; }));
}

TEST_F(HubWeb, strangers_push_out_each_other_and_nobody_who_was_let_in) {
  HubOptions few = options();
  few.limits.newcomers_max = 2;
  Hub small(loop, std::move(few));
  const std::string address = small.listen("tcp:127.0.0.1:0").value();
  client = loop.http_client("http://" + address.substr(4)).value();
  EXPECT_EQ(ask("GET", "/cmds.json").status, 200u);
  const auto dialer = loop.dialer(address).value();
  const ByteView half = as_bytes(std::string_view("GET / HTTP/1.1\r\nHost: loc"));
  std::vector<std::unique_ptr<io::suite::End>> strangers;
  for (std::size_t i = 0; i < 3; ++i) {
    const auto& peer = strangers.emplace_back(std::make_unique<io::suite::End>(loop.run_until(dialer->dial()).value()));
    peer->start();
    peer->send({half.begin(), half.end()});
    const std::size_t expected = 1 + std::min<std::size_t>(i + 1, 2);
    ASSERT_TRUE(io::suite::turn_until(
        loop, [&] { return small.door().streams == i + 2 && small.web_connection_count() == expected; }));
  }
  EXPECT_TRUE(io::suite::turn_until(loop, [&] { return strangers[0]->over.has_value(); }));
  EXPECT_EQ(small.door().pushed_out, 1u);
  EXPECT_FALSE(strangers[1]->over);
  EXPECT_EQ(ask("GET", "/cmds.json").status, 200u);
  EXPECT_EQ(small.door().streams, 4u) << "over the connection that was there";
}

TEST_F(HubWeb, a_client_that_goes_away_stops_its_command) {
  // rule: commands/weakness.7
  bool is_running = false;
  struct Running {
    explicit Running(bool& of) : is(of) { is = true; }
    ~Running() { is = false; }
    bool& is;
  };
  Event begun;
  loop.run_until(hub.registry().command("slow", "",
                                        [&]() -> Task<void> {
                                          const Running running(is_running);
                                          begun.set();
                                          co_await Sleep(loop, std::chrono::hours(1));
                                        }))
      .value();
  {
    io::HttpRequest request{.method = "POST", .target = "/cmd"};
    request.body = R"({"id":"1","type":"execute.command.request","commandId":"slow"})";
    request.fields = {json, {"Authorization", "Bearer " + std::string(secret)}};
    auto asked = client->request(std::move(request));
    asked.bind(loop.executor());
    ASSERT_FALSE(asked.start());
    loop.run_until([](Event& event) -> Task<void> { co_await event.wait(); }(begun));
    EXPECT_TRUE(is_running);
  }
  while (is_running) loop.poll_once(Instant::never());
  EXPECT_EQ(hub.registry().requests_in_flight(), 0u);
}

TEST_F(HubWeb, a_registry_asks_the_hub_over_http_and_learns_of_failures_at_once) {
  // rule: commands/weakness.25
  Registry registry(loop);
  auto carrier = http_carrier(loop, url, {.id = "hub", .token = std::string(secret)}).value();
  loop.run_until(registry.attach(carrier, {.is_router = true})).value();
  EXPECT_EQ(loop.run_until(registry.execute<Sum>("math.add", Add{2, 3})).value(), Sum{5});
  EXPECT_EQ(loop.run_until(registry.execute("nobody.has.it")).error().code, Code::not_found);
  Registry stranger(loop);
  loop.run_until(stranger.attach(http_carrier(loop, url, {.id = "hub"}).value(), {.is_router = true})).value();
  const auto refused = loop.run_until(stranger.execute<Sum>("math.add", Add{2, 3}));
  EXPECT_EQ(refused.error().code, Code::permission);
  EXPECT_THAT(refused.error().note, HasSubstr("401"));
  hub.close();
  const auto cut = loop.run_until(registry.execute<Sum>("math.add", Add{2, 3}));
  EXPECT_EQ(cut.error().code, Code::sent_then_lost) << "its connection was not known to be over";
  const auto gone = loop.run_until(registry.execute<Sum>("math.add", Add{2, 3}));
  EXPECT_EQ(gone.error().code, Code::not_sent) << to_string(gone.error());
}

// What a registry that asks the hub over HTTP is told of a command there.
Error told_over_http(io::Loop& loop, const std::string& url, std::string command) {
  Registry registry(loop);
  auto carrier = http_carrier(loop, url, {.id = "hub", .token = std::string(secret)}).value();
  loop.run_until(registry.attach(carrier, {.is_router = true})).value();
  return loop.run_until(registry.execute_json(std::move(command), "{}")).error();
}

TEST_F(HubWeb, what_kind_of_error_it_is_comes_over_http) {
  Registry& there = hub.registry();
  const auto fails = [&](std::string name, Error error) {
    auto handler = [error](CommandContext&) -> Result<void> { return fail(error); };
    loop.run_until(there.command(std::move(name), "", handler)).value();
  };
  const Error busy{Code::overloaded, "the printer"};
  const Error gone{Code::not_sent, "its line"};
  const Error unclear{Code::sent_then_lost, "its line"};
  fails("ends.busy", busy);
  fails("ends.gone", gone);
  fails("ends.unclear", unclear);
  loop.run_until(there.command("throws", "", [] { throw std::runtime_error("out of paper"); })).value();
  EXPECT_EQ(told_over_http(loop, url, "ends.busy"), busy);
  EXPECT_EQ(told_over_http(loop, url, "ends.gone"), gone);
  EXPECT_EQ(told_over_http(loop, url, "ends.unclear"), unclear);
  EXPECT_EQ(told_over_http(loop, url, "throws").code, Code::handler_threw);
}

Task<void> until_known(Registry& registry, std::string name, bool is_known) {
  Event changed;
  const Subscription changes = registry.on_commands_changed([&changed] { changed.set(); });
  while (registry.definition(name).has_value() != is_known) {
    changed.reset();
    co_await changed.wait();
  }
}

TEST_F(HubWeb, what_comes_and_goes_at_a_server_of_http_is_seen_when_it_is_asked_again) {
  Registry registry(loop);
  const HttpCarrierOptions again{.id = "hub", .token = std::string(secret), .refresh = std::chrono::milliseconds(1)};
  loop.run_until(registry.attach(http_carrier(loop, url, again).value())).value();
  loop.run_until(until_known(registry, "math.add", true));
  loop.run_until(hub.registry().command("math.zero", "", [] { return Sum{0}; })).value();
  loop.run_until(until_known(registry, "math.zero", true));
  EXPECT_EQ(loop.run_until(registry.execute<Sum>("math.zero")).value(), Sum{0});
  hub.registry().remove_command("math.zero");
  loop.run_until(until_known(registry, "math.zero", false));
  EXPECT_TRUE(registry.definition("math.add"));
  hub.close();
  loop.run_until(registry.detached("hub"));
  EXPECT_FALSE(registry.definition("math.add")) << "nobody has it any more";
}

TEST_F(HubWeb, lines_come_by_websocket_with_a_token_in_the_first_message) {
  Registry registry(loop);
  const std::string address = "ws:" + at.substr(4) + "/cmd";
  auto carrier = loop.run_until(dial_lines(loop, address, {.id = "hub", .token = std::string(secret)})).value();
  loop.run_until(registry.attach(carrier, {.is_router = true})).value();
  loop.run_until(registry.command("client.add", "", [](Add in) { return Sum{in.a - in.b}; })).value();
  EXPECT_EQ(loop.run_until(registry.execute<Sum>("math.add", Add{2, 3})).value(), Sum{5});
  EXPECT_EQ(loop.run_until(hub.registry().execute<Sum>("client.add", Add{2, 3})).value(), Sum{-1});
  Registry stranger(loop);
  auto without = loop.run_until(dial_lines(loop, address, {.id = "hub"})).value();
  loop.run_until(stranger.attach(without, {.is_router = true})).value();
  EXPECT_FALSE(loop.run_until(stranger.execute<Sum>("math.add", Add{2, 3})).has_value());
  EXPECT_EQ(hub.command_gate().attached, 1u);
  EXPECT_EQ(hub.command_gate().refused, 1u);
  EXPECT_EQ(hub.command_gate().too_many, 0u);
}

TEST_F(HubWeb, beyond_sessions_max_lines_are_turned_away) {
  HubOptions few = options();
  few.limits.sessions_max = 1;
  Hub small(loop, std::move(few));
  const std::string address = "ws:" + small.listen("tcp:127.0.0.1:0").value().substr(4) + "/cmd";
  const LineCarrierOptions known{.id = "hub", .token = std::string(secret)};
  Registry first(loop);
  auto carrier = loop.run_until(dial_lines(loop, address, known)).value();
  loop.run_until(first.attach(carrier, {.is_router = true})).value();
  EXPECT_EQ(loop.run_until(first.execute("nobody.has.it")).error().code, Code::not_found);
  Registry second(loop);
  auto beyond = loop.run_until(dial_lines(loop, address, known)).value();
  static_cast<void>(loop.run_until(second.attach(beyond, {.is_router = true})));
  EXPECT_FALSE(loop.run_until(second.execute("nobody.has.it")).has_value());
  EXPECT_EQ(small.command_gate().too_many, 1u);
  EXPECT_EQ(small.command_gate().attached, 1u);
}

// Whether one who says so much first is answered.
Task<bool> is_answered(io::Loop& loop, std::string address, std::size_t bytes) {
  auto dialed = co_await dial_lines(loop, address, {.id = "hub", .token = std::string(secret)});
  std::shared_ptr<Carrier> carrier = *std::move(dialed);
  EXPECT_TRUE(co_await carrier->start());
  const std::string payload = '"' + std::string(bytes, 'x') + '"';
  EXPECT_TRUE(carrier->send({.id = "1", .body = wire::command::Event{"first", payload}}));
  EXPECT_TRUE(carrier->send({.id = "2", .body = wire::command::ListRequest()}));
  while (auto received = co_await carrier->receive()) {
    const auto* const list = std::get_if<wire::command::ListResponse>(&std::get<CommandMessage>(*received).body);
    if (list && list->thread == "2") co_return true;
  }
  co_return false;
}

TEST_F(HubWeb, whom_nobody_knows_yet_says_a_short_line_first) {
  EXPECT_TRUE(loop.run_until(is_answered(loop, at, 60'000)));
  EXPECT_FALSE(loop.run_until(is_answered(loop, at, 70'000))) << "the token went with the line that was too long";
  EXPECT_EQ(hub.command_gate().attached, 1u);
  EXPECT_EQ(hub.command_gate().refused, 1u);
}

TEST_F(HubWeb, sessions_of_agents_are_counted) {
  const std::string introduction = R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":)"
                                   R"("2025-11-25","capabilities":{},"clientInfo":{"name":"tester","version":"2"}}})";
  const auto begun = ask("POST", "/mcp", introduction, {json, {"Accept", "application/json, text/event-stream"}});
  EXPECT_EQ(begun.status, 200u) << begun.body;
  ASSERT_NE(begun.find("Mcp-Session-Id"), nullptr);
  EXPECT_EQ(ask("DELETE", "/mcp", {}, {{"Mcp-Session-Id", "of nobody"}}).status, 404u);
  EXPECT_EQ(ask("DELETE", "/mcp", {}, {{"Mcp-Session-Id", *begun.find("Mcp-Session-Id")}}).status, 200u);
  EXPECT_EQ(hub.mcp_pages().opened, 1u);
  EXPECT_EQ(hub.mcp_pages().ended, 1u);
  EXPECT_EQ(hub.mcp_pages().unknown, 1u);
}

TEST_F(HubWeb, a_session_attaches_a_registry) {
  Registry registry(loop);
  auto session = loop.run_until(connect(loop, at, {.token = std::string(secret)})).value();
  loop.run_until(attach(registry, *session)).value();
  EXPECT_EQ(loop.run_until(registry.execute<Sum>("math.add", Add{2, 3})).value(), Sum{5});
}

}  // namespace
}  // namespace parley
