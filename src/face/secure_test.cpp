#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "async/scope.h"
#include "async/wait.h"
#include "face/loop.h"
#include "face/server.h"
#include "face/session.h"
#include "hub/hub.h"
#include "io/http.h"
#include "io/stream_end_suite.h"
#include "net/tls_files_suite.h"
#include "runtime/builtin.h"

// Sessions over TLS, over WebSockets, and over both, with a server and with a hub.
namespace parley {
namespace {

using net::suite::TlsFiles;

class Echo {
 public:
  Task<std::string> echo(std::string text) { co_return text; }
  Task<std::string> who(Context& context) { co_return context.peer().certificate; }
};
PARLEY_SERVICE(Echo, echo, who);

Task<Result<std::string>> echo(Session& session, std::string text) {
  co_return co_await session.client<Echo>("Echo").call<&Echo::echo>(std::move(text));
}
Task<Result<std::string>> who(Session& session) { co_return co_await session.client<Echo>("Echo").call<&Echo::who>(); }
Task<Result<std::vector<builtin::SessionEntry>>> sessions(Session& session) {
  co_return co_await session.client<builtin::Hub>("parley.Hub").call<&builtin::Hub::who>();
}

class Secure : public testing::Test {
 protected:
  io::TlsOptions both_ends(io::TlsOptions::Clients clients = io::TlsOptions::Clients::not_asked) {
    io::TlsOptions options = files.issue("both");
    options.clients = clients;
    return options;
  }
  TlsFiles files;
  Echo served;
};

TEST_F(Secure, calls_pass_at_every_address_that_has_tls_or_websockets) {
  // rule: calls/transport.websocket.platforms
  Loop loop({.tls = both_ends()});
  for (const std::string scheme : {"tls", "ws", "wss"}) {
    auto server = listen(loop, scheme + ":127.0.0.1:0");
    ASSERT_TRUE(server) << to_string(server.error());
    ASSERT_TRUE(server->serve<Echo>("Echo", served));
    EXPECT_TRUE(server->address().starts_with(scheme + ":127.0.0.1:")) << server->address();
    auto session = loop.run_until(connect(loop, server->address()));
    ASSERT_TRUE(session) << server->address() << to_string(session.error());
    EXPECT_EQ(loop.run_until(echo(**session, "hello")).value(), "hello");
    const std::string large(std::size_t{3} << 20, 'l');
    EXPECT_TRUE(loop.run_until(echo(**session, large)).value() == large);
  }
}

TEST_F(Secure, a_handler_is_told_by_which_certificate_its_caller_came) {
  Loop loop({.tls = both_ends(io::TlsOptions::Clients::required)});
  for (const std::string scheme : {"tls", "wss"}) {
    auto server = listen(loop, scheme + ":127.0.0.1:0");
    ASSERT_TRUE(server);
    ASSERT_TRUE(server->serve<Echo>("Echo", served));
    auto session = loop.run_until(connect(loop, server->address()));
    ASSERT_TRUE(session) << to_string(session.error());
    EXPECT_EQ(loop.run_until(who(**session)).value(), "CN=localhost");
  }
}

TEST_F(Secure, what_does_not_fit_fails_the_connect_with_what_to_do) {
  io::TlsOptions options = both_ends();
  const TlsFiles others("Somebody Else");
  options.authorities = others.authorities();
  Loop loop({.tls = options});
  const auto error_of = [&](const std::string& address) {
    const auto session = loop.run_until(connect(loop, address));
    EXPECT_FALSE(session);
    return session ? Error{} : session.error();
  };
  auto secure = listen(loop, "tls:127.0.0.1:0");
  ASSERT_TRUE(secure);
  const Error stranger = error_of(secure->address());
  EXPECT_EQ(stranger.code, Code::permission) << to_string(stranger);
  EXPECT_NE(stranger.note.find("TlsOptions::authorities"), std::string::npos) << stranger.note;

  auto plain = listen(loop, "tcp:127.0.0.1:0");
  ASSERT_TRUE(plain);
  EXPECT_EQ(kind(error_of("tls" + plain->address().substr(3))), Kind::protocol);

  auto websocket = listen(loop, "ws:127.0.0.1:0/elsewhere");
  ASSERT_TRUE(websocket);
  EXPECT_TRUE(websocket->address().ends_with("/elsewhere")) << websocket->address();
  std::string here = websocket->address();
  here = here.substr(0, here.find('/'));
  const Error nothing_there = error_of(here);
  EXPECT_EQ(nothing_there.code, Code::not_found) << to_string(nothing_there);
  EXPECT_NE(nothing_there.note.find("opened at /elsewhere"), std::string::npos) << nothing_there.note;
}

TEST_F(Secure, listening_with_tls_needs_a_certificate) {
  Loop loop;
  for (const char* address : {"tls:127.0.0.1:0", "wss:127.0.0.1:0"}) {
    const auto server = listen(loop, address);
    ASSERT_FALSE(server);
    EXPECT_EQ(server.error().code, Code::unsupported);
    EXPECT_NE(server.error().note.find("TlsOptions::certificate"), std::string::npos) << server.error().note;
  }
}

TEST_F(Secure, a_new_certificate_is_for_those_who_come_after_the_reload) {
  Loop loop({.tls = both_ends(io::TlsOptions::Clients::required)});
  auto server = listen(loop, "tls:127.0.0.1:0");
  ASSERT_TRUE(server);
  ASSERT_TRUE(server->serve<Echo>("Echo", served));
  auto before = loop.run_until(connect(loop, server->address()));
  ASSERT_TRUE(before);
  files.issue("both", {.name = "renewed"});
  ASSERT_TRUE(loop.reload_tls());
  auto after = loop.run_until(connect(loop, server->address()));
  ASSERT_TRUE(after);
  EXPECT_EQ(loop.run_until(who(**before)).value(), "CN=localhost");
  EXPECT_EQ(loop.run_until(who(**after)).value(), "CN=renewed");
  std::ofstream(files.at("both.pem")) << "rubbish";
  EXPECT_FALSE(loop.reload_tls());
  EXPECT_TRUE(loop.run_until(connect(loop, server->address())));
}

// --- a hub's door

class SecureHub : public Secure {
 protected:
  static constexpr const char* secret = "the secret of the token ci";

  void open_hub(const std::string& uri = "tcp:127.0.0.1:0", bool has_certificate = true) {
    LoopOptions options{.websocket = {.origins = {"https://app.example.org"}}};
    options.tls = has_certificate ? both_ends() : files.dialer();
    hub.reset();
    loop = std::make_unique<Loop>(options);
    HubOptions hub_options;
    ASSERT_TRUE(hub_options.policy.add(core::Rule::parse("token:ci see **").value()));
    ASSERT_TRUE(hub_options.tokens.add("ci", secret));
    hub = std::make_unique<Hub>(*loop, std::move(hub_options));
    const auto listening = hub->listen(uri);
    ASSERT_TRUE(listening) << to_string(listening.error());
    address = *listening;
    at = address.substr(address.find(':'));
  }
  Result<std::unique_ptr<Session>> connected(const std::string& where, std::string token = secret) {
    Options options;
    options.token = std::move(token);
    return loop->run_until(connect(*loop, where, std::move(options)));
  }
  // What somebody is told who says these bytes, up to the end.
  std::string told(const std::string& bytes) { return loop->run_until(ask(*loop, "tcp" + at, bytes)); }
  static Task<std::string> ask(io::Loop& loop, std::string where, std::string bytes) {
    auto dialer = loop.dialer(where);
    auto stream = co_await (*dialer)->dial();
    EXPECT_TRUE(stream);
    io::suite::End end(*std::move(stream));
    end.start();
    end.send({as_bytes(bytes).begin(), as_bytes(bytes).end()});
    while (!end.over) co_await Yield();
    co_return std::string(as_text(end.received));
  }
  std::uint64_t refused(std::string_view spoken) const {
    const auto found = hub->door().refused.find(spoken);
    return found == hub->door().refused.end() ? 0 : found->second;
  }
  static std::string upgrade(std::string_view host, std::string_view more = {}) {
    return "GET /roam HTTP/1.1\r\nHost: " + std::string(host) +
           "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
           "Sec-WebSocket-Version: 13\r\n" +
           std::string(more) + "\r\n";
  }

  std::unique_ptr<Loop> loop;
  std::unique_ptr<Hub> hub;
  std::string address;
  std::string at;  // without the scheme
};

TEST_F(SecureHub, one_port_lets_everybody_in_who_has_a_token) {
  open_hub();
  for (const std::string scheme : {"tcp", "tls", "ws", "wss"}) {
    auto session = connected(scheme + at);
    ASSERT_TRUE(session) << scheme << ": " << to_string(session.error());
    const auto entries = loop->run_until(sessions(**session));
    ASSERT_TRUE(entries) << to_string(entries.error());
    EXPECT_EQ(entries->at(0).principal, "token:ci");
    const auto stranger = connected(scheme + at, "a secret that nobody is known by");
    ASSERT_FALSE(stranger) << scheme;
    EXPECT_NE(stranger.error().note.find("the token is none of this hub's"), std::string::npos) << scheme;
  }
}

TEST_F(SecureHub, commands_are_asked_for_over_https) {
  open_hub();
  ASSERT_TRUE(loop->run_until(hub->registry().command("math.add", "Adds", [] {})));
  auto client = loop->http_client("https://" + at.substr(1)).value();
  const auto ask = [&](std::string method, std::string target, std::string body) {
    io::HttpRequest request{.method = std::move(method), .target = std::move(target), .body = std::move(body)};
    request.fields = {{"Authorization", "Bearer " + std::string(secret)}, {"Content-Type", "application/json"}};
    return loop->run_until(client->request(std::move(request))).value();
  };
  const io::HttpResponse listed = ask("GET", "/cmds.json", {});
  EXPECT_EQ(listed.status, 200u);
  EXPECT_NE(listed.body.find("math.add"), std::string::npos) << listed.body;
  const io::HttpResponse called =
      ask("POST", "/cmd", R"({"id":"1","type":"execute.command.request","commandId":"math.add"})");
  EXPECT_EQ(called.status, 200u);
  EXPECT_NE(called.body.find("may not call"), std::string::npos) << called.body;
}

TEST_F(SecureHub, without_a_certificate_tls_is_refused_as_before) {
  open_hub("tcp:127.0.0.1:0", false);
  const auto session = connected("tls" + at);
  ASSERT_FALSE(session);
  EXPECT_EQ(refused("tls"), 1u);
  EXPECT_TRUE(connected("ws" + at));
}

TEST_F(SecureHub, addresses_of_every_kind_need_tokens) {
  Loop bare({.tls = both_ends()});
  Hub without_tokens(bare);
  for (const std::string scheme : {"tcp", "tls", "ws", "wss"}) {
    EXPECT_EQ(without_tokens.listen(scheme + ":127.0.0.1:0").error().code, Code::refused) << scheme;
  }
  for (const std::string scheme : {"tls", "ws", "wss"}) {
    open_hub(scheme + ":127.0.0.1:0");
    EXPECT_TRUE(address.starts_with(scheme + ":")) << address;
    EXPECT_TRUE(connected(address)) << address;
  }
}

TEST_F(SecureHub, every_request_shows_host_and_origin_before_anything_is_opened) {
  open_hub();
  EXPECT_TRUE(told(upgrade("evil.example")).starts_with("HTTP/1.1 421 "));
  EXPECT_TRUE(told(upgrade("localhost", "Origin: https://evil.example\r\n")).starts_with("HTTP/1.1 403 "));
  EXPECT_TRUE(told("GET /cmds.json HTTP/1.1\r\nHost: localhost\r\n\r\n").starts_with("HTTP/1.1 401 "));
  EXPECT_EQ(hub->door().accepted, 0u);
  // A page that may, and says something that is no message.
  const std::string answer = told(upgrade("localhost", "Origin: https://app.example.org\r\n") + "\x81\x80mask");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 101 ")) << answer;
  EXPECT_NE(answer.find("binary frames"), std::string::npos) << "and is told why it ends";
  EXPECT_EQ(refused("http"), 1u);
}

TEST_F(SecureHub, the_rule_applies_once_inside_of_tls_and_once_inside_of_a_websocket) {
  open_hub();
  // HTTP inside of a WebSocket is no opening.
  std::string frame = "\x82\x92";
  frame += std::string(4, '\0') + "GET / HTTP/1.1\r\n\r\n";
  const std::string answer = told(upgrade("localhost") + frame);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 101 ")) << answer;
  EXPECT_EQ(answer.find("HTTP", 4), std::string::npos) << answer;
  EXPECT_EQ(refused("http"), 1u);
  EXPECT_EQ(hub->door().accepted, 0u);
}

// Who has a certificate of the authority is known by its name, without a token.
class MutualHub : public Secure {
 protected:
  void open_hub(io::TlsOptions::Clients clients, std::initializer_list<const char*> rules) {
    io::TlsOptions options = files.issue("hub");
    options.clients = clients;
    hub_loop = std::make_unique<Loop>(LoopOptions{.tls = options});
    HubOptions hub_options;
    for (const char* rule : rules) ASSERT_TRUE(hub_options.policy.add(core::Rule::parse(rule).value())) << rule;
    hub = std::make_unique<Hub>(*hub_loop, std::move(hub_options));
    const auto listening = hub->listen("tcp:127.0.0.1:0");
    ASSERT_TRUE(listening) << to_string(listening.error());
    at = listening->substr(listening->find(':'));
  }
  // Who has that certificate has a loop of his own; both turn.
  template <class T>
  Result<T> as(const io::TlsOptions& options, const std::string& scheme, Task<Result<T>> (*ask)(Session&)) {
    Loop own({.tls = options});
    std::optional<Result<T>> answer;
    Scope scope(own.executor());
    scope.spawn([](io::Loop& loop, std::string address, Task<Result<T>> (*then)(Session&),
                   std::optional<Result<T>>& into) -> Task<void> {
      auto session = co_await connect(loop, std::move(address));
      if (!session) {
        into.emplace(fail(session.error()));
      } else {
        into.emplace(co_await then(**session));
      }
    }(own, scheme + at, ask, answer));
    while (!answer) {
      own.poll_once();
      hub_loop->poll_once();
    }
    return *std::move(answer);
  }
  static Task<Result<builtin::Refusals>> audit(Session& session) {
    co_return co_await session.client<builtin::Hub>("parley.Hub").call<&builtin::Hub::refusals>();
  }
  std::unique_ptr<Loop> hub_loop;
  std::unique_ptr<Hub> hub;
  std::string at;
};

TEST_F(MutualHub, a_client_is_known_by_the_common_name_of_its_certificate) {
  open_hub(io::TlsOptions::Clients::required, {"certificate:worker-7 see,call,operate **"});
  const io::TlsOptions worker = files.issue("worker", {.name = "worker-7", .alternatives = ""});
  for (const std::string scheme : {"tls", "wss"}) {
    const auto entries = as(worker, scheme, &sessions);
    ASSERT_TRUE(entries) << scheme << ": " << to_string(entries.error());
    ASSERT_EQ(entries->size(), 1u);
    EXPECT_EQ(entries->at(0).principal, "certificate:worker-7") << scheme;
  }
  // Another one of the same authority, and those whose common name is none that a rule could say.
  for (const char* name : {"worker-8", "worker 7", "x,CN=worker-7"}) {
    const auto refused = as(files.issue("other", {.name = name, .alternatives = "DNS:worker-7"}), "tls", &sessions);
    ASSERT_FALSE(refused) << name;
    EXPECT_NE(refused.error().note.find("and no token came"), std::string::npos) << to_string(refused.error());
  }
  const auto refusals = as(worker, "tls", &audit);
  ASSERT_TRUE(refusals) << to_string(refusals.error());
  EXPECT_TRUE(std::ranges::any_of(
      refusals->refusals, [](const builtin::Refusal& refusal) { return refusal.principal == "certificate:worker-8"; }));
  EXPECT_FALSE(as(files.dialer(), "tls", &sessions)) << "who has none";
}

TEST_F(MutualHub, without_a_certificate_nobody_comes_in_over_tcp_whom_no_token_names) {
  open_hub(io::TlsOptions::Clients::optional, {"certificate:worker-7 see **"});
  const io::TlsOptions worker = files.issue("worker", {.name = "worker-7", .alternatives = ""});
  EXPECT_TRUE(as(worker, "tls", &sessions));
  for (const std::string scheme : {"tcp", "ws"}) {
    const auto refused = as(worker, scheme, &sessions);
    ASSERT_FALSE(refused) << scheme;
    EXPECT_NE(refused.error().note.find("neither the system nor a certificate says"), std::string::npos);
  }
  EXPECT_FALSE(as(files.dialer(), "wss", &sessions));
}

}  // namespace
}  // namespace parley
