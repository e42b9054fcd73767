#include "net/http_client.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "async/scope.h"
#include "io/fault_stream.h"
#include "io/memory_listener.h"
#include "net/http_suite.h"
#include "net/net_world_suite.h"
#include "net/tcp_dialer.h"
#include "net/tcp_listener.h"

namespace parley::net {
namespace {

using namespace std::chrono_literals;
using io::suite::End;
using io::suite::Status;
using Answer = Result<io::HttpResponse>;

Task<void> put_into(Task<Answer> task, std::optional<Answer>& answer) { answer = co_await std::move(task); }

// The bare bytes of a server.
struct Server final : io::ListenerEvents {
  void on_stream(std::unique_ptr<io::Stream> stream) override {
    ends.push_back(std::make_unique<End>(std::move(stream)));
    ends.back()->start();
  }
  void on_listener_failed(Error) override {}
  std::string heard(std::size_t at) const { return std::string(as_text(ends.at(at)->received)); }
  void say(std::size_t at, std::string_view bytes) {
    const ByteView view = as_bytes(bytes);
    ends.at(at)->send({view.begin(), view.end()});
  }
  std::vector<std::unique_ptr<End>> ends;
};

class HttpClientTest : public testing::Test {
 protected:
  void SetUp() override {
    listener = io::MemoryListener::listen(world.loop(), "server").value();
    make({});
  }
  void make(io::HttpClientOptions options) {
    client = std::make_unique<HttpClient>(world.loop(), std::make_unique<io::MemoryDialer>(world.loop(), "server"),
                                          parse_http_url("mem:server").value(), options);
  }
  void serve_bare() { listener->start(server); }
  void serve() {
    listener->start(serving);
    handler.answer_with_target();
  }
  void settle() {
    for (int i = 0; i < 5; ++i) io::suite::turn_a_little(world.loop());
  }
  void pass(Duration time) {
    const Instant until = world.loop().now() + time;
    while (world.loop().now() < until) world.loop().poll_once(until);
    settle();
  }
  // Asks, and goes on until the answer is there or nothing happens by itself.
  std::optional<Answer>& ask(io::HttpRequest request, Instant until = Instant::never()) {
    answers.push_back(std::make_unique<std::optional<Answer>>());
    scope->spawn(put_into(client->request(std::move(request), until), *answers.back()));
    settle();
    return *answers.back();
  }
  Answer ask_whole(io::HttpRequest request) {
    return world.loop().run_until(client->request(std::move(request), Instant::never()));
  }
  Code code_of(const std::optional<Answer>& answer) {
    EXPECT_TRUE(answer) << "still waiting";
    EXPECT_FALSE(answer && answer->has_value());
    return answer && !answer->has_value() ? answer->error().code : Code::bug;
  }

  io::suite::IdleWorld world;
  Server server;
  suite::HttpListenerHandler handler;
  suite::HttpServing serving{world.loop(), handler};
  std::unique_ptr<io::Listener> listener;
  std::unique_ptr<HttpClient> client;
  std::vector<std::unique_ptr<std::optional<Answer>>> answers;
  std::unique_ptr<Scope> scope = std::make_unique<Scope>(world.loop());
};

TEST_F(HttpClientTest, requests_one_after_another_use_one_connection) {
  // rule: commands/weakness.26
  serve();
  for (int i = 0; i < 300; ++i) {
    const Answer answer = ask_whole({.method = "POST", .target = "/" + std::to_string(i), .body = "x"});
    ASSERT_TRUE(answer);
    ASSERT_EQ(answer->status, 200u);
    ASSERT_EQ(answer->body, "/" + std::to_string(i));
  }
  EXPECT_EQ(serving.streams, 1);
}

TEST_F(HttpClientTest, a_request_is_one_write_that_says_what_it_must) {
  serve_bare();
  auto& answer = ask({.method = "POST",
                      .target = "/cmd?x",
                      .fields = {{"Content-Type", "application/json"}, {"Content-Length", "9"}},
                      .body = "{}"});
  EXPECT_EQ(server.heard(0),
            "POST /cmd?x HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
  EXPECT_EQ(server.ends[0]->readable_count, 1u);
  server.say(0, "HTTP/1.1 404 Nothing\r\nX-A: b\r\nContent-Length: 3\r\n\r\nno\n");
  settle();
  ASSERT_TRUE(answer && answer->has_value());
  EXPECT_EQ((*answer)->status, 404u);
  EXPECT_EQ(*(*answer)->find("x-a"), "b");
  EXPECT_EQ((*answer)->body, "no\n");
}

TEST_F(HttpClientTest, a_request_that_would_be_read_as_another_is_not_sent) {
  serve_bare();
  EXPECT_EQ(code_of(ask({.target = "no-slash"})), Code::invalid);
  EXPECT_EQ(code_of(ask({.target = "/a b"})), Code::invalid);
  EXPECT_EQ(code_of(ask({.target = "/a\r\nX: y"})), Code::invalid);
  EXPECT_EQ(code_of(ask({.method = "GET /x"})), Code::invalid);
  EXPECT_EQ(code_of(ask({.fields = {{"X", "a\r\nY: b"}}})), Code::invalid);
  EXPECT_EQ(code_of(ask({.fields = {{"X:", "a"}}})), Code::invalid);
  EXPECT_TRUE(server.ends.empty());
}

TEST_F(HttpClientTest, requests_at_once_get_connections_up_to_the_bound_and_wait_for_one_beyond) {
  make({.connections_max = 2});
  listener->start(serving);
  std::vector<std::optional<Answer>*> asked;
  for (int i = 0; i < 5; ++i) asked.push_back(&ask({.target = "/" + std::to_string(i)}));
  EXPECT_EQ(serving.streams, 2);
  ASSERT_EQ(handler.waiting.size(), 2u);
  for (std::size_t i = 0; i < 5; ++i) {
    ASSERT_GT(handler.waiting.size(), i);
    EXPECT_EQ(handler.waiting[i]->request().target, "/" + std::to_string(i)) << "who waits longest comes first";
    handler.waiting[i]->respond({.body = std::to_string(i)});
    settle();
    ASSERT_TRUE(*asked[i]);
    EXPECT_EQ((*asked[i])->value().body, std::to_string(i));
  }
  EXPECT_EQ(serving.streams, 2);
}

TEST_F(HttpClientTest, a_task_that_is_dropped_closes_its_connection_and_gives_its_place_to_the_next) {
  make({.connections_max = 1});
  serve_bare();
  {
    Scope dropped(world.loop());
    std::optional<Answer> never;
    dropped.spawn(put_into(client->request({.target = "/1"}, Instant::never()), never));
    settle();
    std::optional<Answer> never_either;
    Scope waiting(world.loop());
    waiting.spawn(put_into(client->request({.target = "/2"}, Instant::never()), never_either));
    settle();
    EXPECT_EQ(server.ends.size(), 1u);
  }
  auto& answer = ask({.target = "/3"});
  EXPECT_EQ(server.ends[0]->over, Status::ended);
  ASSERT_EQ(server.ends.size(), 2u);
  server.say(1, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  settle();
  EXPECT_TRUE(answer && answer->has_value());
}

TEST_F(HttpClientTest, what_went_wrong_is_told_at_once_and_as_it_is) {
  // rule: commands/weakness.25
  const Instant before = world.loop().now();
  HttpClient nowhere(world.loop(), std::make_unique<io::MemoryDialer>(world.loop(), "nowhere"),
                     parse_http_url("mem:nowhere").value(), {});
  const Answer missing = world.loop().run_until(nowhere.request({}, Instant::never()));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::address);

  serve_bare();
  auto& ended = ask({.target = "/"});
  server.ends[0]->destroy();
  settle();
  EXPECT_EQ(code_of(ended), Code::link_lost) << "GET changes nothing and may be asked again";

  auto& unknown = ask({.method = "POST", .target = "/", .body = "x"});
  server.ends[1]->destroy();
  settle();
  EXPECT_EQ(code_of(unknown), Code::sent_then_lost) << "it may have happened";

  auto& garbled = ask({.target = "/"});
  server.say(2, "220 mail.example.org ESMTP\r\n\r\n");
  settle();
  EXPECT_EQ(code_of(garbled), Code::protocol);

  auto& cut = ask({.target = "/"});
  server.say(3, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
  server.ends[3]->finish();
  settle();
  EXPECT_EQ(code_of(cut), Code::link_lost);
  EXPECT_EQ(world.loop().now() - before, Duration()) << "somebody waited";
}

TEST_F(HttpClientTest, answers_that_are_none_are_protocol_errors) {
  serve_bare();
  for (const char* bytes :
       {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "HTTP/1.1 200 OK\r\nNo colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "HTTP/1.1 101 Switching Protocols\r\n\r\n",
        "HTTP/1.1 100 a\r\n\r\nHTTP/1.1 100 b\r\n\r\nHTTP/1.1 100 c\r\n\r\nHTTP/1.1 100 d\r\n\r\n"
        "HTTP/1.1 100 e\r\n\r\nHTTP/1.1 100 f\r\n\r\nHTTP/1.1 100 g\r\n\r\nHTTP/1.1 100 h\r\n\r\n"}) {
    auto& answer = ask({.target = "/"});
    server.say(server.ends.size() - 1, bytes);
    settle();
    EXPECT_EQ(code_of(answer), Code::protocol) << bytes;
    EXPECT_EQ(server.ends.back()->over, Status::ended) << "the connection is of no use any more";
  }
}

TEST_F(HttpClientTest, heads_and_bodies_of_answers_are_bounded) {
  make({.head_bytes_max = 1000, .body_bytes_max = 1000});
  serve_bare();
  auto& long_head = ask({.target = "/"});
  server.say(0, "HTTP/1.1 200 OK\r\nX: " + std::string(2000, 'x'));
  settle();
  EXPECT_EQ(code_of(long_head), Code::protocol);
  auto& long_body = ask({.target = "/"});
  server.say(1, "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\n" + std::string(1001, 'x'));
  settle();
  EXPECT_EQ(code_of(long_body), Code::too_large);
  auto& fits = ask({.target = "/"});
  server.say(2, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + std::string(1000, 'x'));
  settle();
  EXPECT_TRUE(fits && fits->has_value());
}

TEST_F(HttpClientTest, a_deadline_ends_whatever_is_waited_for) {
  make({.connections_max = 1});
  serve_bare();
  const Instant until = world.loop().now() + 5s;
  auto& unanswered = ask({.target = "/"}, until);
  auto& without_connection = ask({.target = "/"}, until);
  pass(4s);
  EXPECT_FALSE(unanswered || without_connection);
  pass(2s);
  EXPECT_EQ(code_of(unanswered), Code::deadline);
  EXPECT_EQ(code_of(without_connection), Code::deadline);
  EXPECT_EQ(server.ends.at(0)->over, Status::ended) << "an answer that comes late would be taken for the next";
  auto& half = ask({.target = "/"}, world.loop().now() + 5s);
  server.say(server.ends.size() - 1, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
  pass(6s);
  EXPECT_EQ(code_of(half), Code::deadline);
}

TEST_F(HttpClientTest, a_connection_that_was_closed_while_idle_is_replaced_unnoticed) {
  serve_bare();
  auto& first = ask({.target = "/1"});
  server.say(0, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  settle();
  ASSERT_TRUE(first && first->has_value());
  server.ends[0]->destroy();
  settle();
  auto& second = ask({.method = "POST", .target = "/2", .body = "x"});
  ASSERT_EQ(server.ends.size(), 2u);
  server.say(1, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  settle();
  EXPECT_TRUE(second && second->has_value());
}

TEST_F(HttpClientTest, a_used_connection_that_ends_without_a_byte_is_asked_once_more_and_a_new_one_is_not) {
  serve_bare();
  auto& first = ask({.target = "/1"});
  server.say(0, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  settle();
  ASSERT_TRUE(first && first->has_value());
  auto& second = ask({.target = "/2"});
  ASSERT_EQ(server.ends.size(), 1u) << "the connection is used again";
  server.ends[0]->destroy();  // as a server does whose time for idle connections ran out meanwhile
  settle();
  ASSERT_EQ(server.ends.size(), 2u);
  EXPECT_TRUE(server.heard(1).starts_with("GET /2 ")) << server.heard(1);
  EXPECT_FALSE(second);
  server.ends[1]->destroy();
  settle();
  EXPECT_EQ(code_of(second), Code::link_lost);
  EXPECT_EQ(server.ends.size(), 2u) << "asked a third time";
}

TEST_F(HttpClientTest, what_changes_something_is_never_sent_twice) {
  serve_bare();
  auto& first = ask({.target = "/1"});
  server.say(0, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  settle();
  ASSERT_TRUE(first && first->has_value());
  auto& second = ask({.method = "POST", .target = "/2", .body = "x"});
  settle();
  server.ends[0]->destroy();
  settle();
  EXPECT_EQ(code_of(second), Code::sent_then_lost);
  EXPECT_EQ(server.ends.size(), 1u);
}

TEST_F(HttpClientTest, an_answer_that_began_is_not_asked_for_again) {
  serve_bare();
  ask({.target = "/1"});
  server.say(0, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  settle();
  auto& second = ask({.method = "POST", .target = "/2", .body = "x"});
  server.say(0, "H");
  settle();
  server.ends[0]->destroy();
  settle();
  EXPECT_EQ(code_of(second), Code::sent_then_lost);
  EXPECT_EQ(server.ends.size(), 1u);
}

TEST_F(HttpClientTest, a_connection_is_kept_only_where_the_next_answer_cannot_be_mistaken) {
  serve_bare();
  std::size_t count = 0;
  for (const char* bytes :
       {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged"}) {
    auto& answer = ask({.target = "/"});
    ASSERT_EQ(server.ends.size(), ++count);
    server.say(count - 1, bytes);
    settle();
    ASSERT_TRUE(answer && answer->has_value()) << bytes;
    EXPECT_EQ((*answer)->body, "");
  }
  auto& last = ask({.target = "/"});
  server.say(count, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  settle();
  ASSERT_TRUE(last && last->has_value());
  server.say(count, "unasked");
  settle();
  ask({.target = "/"});
  EXPECT_EQ(server.ends.size(), count + 2);
}

TEST_F(HttpClientTest, an_idle_connection_is_closed_after_a_while) {
  make({.idle_max = 10s});
  serve();
  ASSERT_TRUE(ask_whole({.target = "/"}));
  pass(9s);
  EXPECT_EQ(handler.over, 0);
  pass(2s);
  EXPECT_EQ(handler.over, 1);
  ASSERT_TRUE(ask_whole({.target = "/"}));
  EXPECT_EQ(serving.streams, 2);
  client.reset();
  settle();
  EXPECT_EQ(handler.over, 2);
}

TEST_F(HttpClientTest, bodies_of_every_form_are_read) {
  serve_bare();
  const auto body_of = [&](std::string_view bytes, io::HttpRequest request = {.target = "/"}, bool ends = false) {
    auto& answer = ask(std::move(request));
    for (const char c : bytes) {
      server.say(server.ends.size() - 1, {&c, 1});
      settle();
    }
    if (ends) server.ends.back()->finish();
    settle();
    EXPECT_TRUE(answer && answer->has_value()) << bytes;
    return answer && answer->has_value() ? (*answer)->body : "";
  };
  EXPECT_EQ(body_of("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n"), "abcd");
  EXPECT_EQ(body_of("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab"), "ab");
  EXPECT_EQ(body_of("HTTP/1.1 204 No Content\r\n\r\n"), "");
  EXPECT_EQ(body_of("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", {.method = "HEAD", .target = "/"}), "");
  EXPECT_EQ(server.ends.size(), 1u);
  EXPECT_EQ(body_of("HTTP/1.1 200 OK\r\n\r\nto the end", {.target = "/"}, true), "to the end");
}

TEST_F(HttpClientTest, a_stream_gives_its_parts_as_they_come) {
  serve_bare();
  auto task = client->open({.target = "/events"});
  std::unique_ptr<io::HttpStream> stream;
  const auto run = [](Task<Result<std::unique_ptr<io::HttpStream>>> task,
                      std::unique_ptr<io::HttpStream>& into) -> Task<void> {
    into = (co_await std::move(task)).value();
  };
  scope->spawn(run(std::move(task), stream));
  settle();
  server.say(0, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
  settle();
  ASSERT_TRUE(stream);
  EXPECT_EQ(*stream->head().find("content-type"), "text/event-stream");
  server.say(0, "3\r\none\r\n");
  EXPECT_EQ(world.loop().run_until(stream->next()).value(), "one");
  server.say(0, "3\r\ntwo\r\n2\r\nhr\r\n");
  EXPECT_EQ(world.loop().run_until(stream->next()).value(), "twohr");
  const auto late = world.loop().run_until(stream->next(world.loop().now() + 1s));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Code::deadline);
  server.say(0, "0\r\n\r\n");
  EXPECT_EQ(world.loop().run_until(stream->next()).value(), std::nullopt);
  EXPECT_EQ(world.loop().run_until(stream->next()).value(), std::nullopt);
  ask({.target = "/next"});
  EXPECT_EQ(server.ends.size(), 1u) << "the connection goes on";
}

TEST_F(HttpClientTest, a_stream_of_events_goes_from_end_to_end) {
  serve();
  handler.answer = [&](auto exchange) {
    exchange->begin_stream({});
    handler.waiting.push_back(std::move(exchange));
  };
  auto stream = world.loop().run_until(client->open({.target = "/events"})).value();
  std::string got;
  for (int i = 0; i < 1200; ++i) {
    handler.last().send("data: " + std::to_string(i) + "\n\n");
    if (i % 7 == 0) got += world.loop().run_until(stream->next()).value().value_or("");
  }
  handler.last().finish();
  while (auto part = world.loop().run_until(stream->next()).value()) got += *part;
  EXPECT_TRUE(got.starts_with("data: 0\n\ndata: 1\n\n"));
  EXPECT_TRUE(got.ends_with("data: 1199\n\n"));
}

TEST_F(HttpClientTest, a_stream_that_is_let_go_of_closes_its_connection_and_the_handler_is_told) {
  listener->start(serving);
  suite::HttpWatcher watcher;
  handler.answer = [&](auto exchange) {
    exchange->set_events(&watcher);
    exchange->begin_stream({});
    handler.waiting.push_back(std::move(exchange));
  };
  auto stream = world.loop().run_until(client->open({.target = "/events"})).value();
  stream.reset();
  settle();
  EXPECT_EQ(watcher.gone, 1);
}

TEST_F(HttpClientTest, a_stream_whose_reader_is_too_slow_fails_behind_what_came) {
  make({.ahead_bytes_max = 1000});
  listener->start(serving);
  handler.answer = [&](auto exchange) {
    exchange->begin_stream({});
    handler.waiting.push_back(std::move(exchange));
  };
  auto stream = world.loop().run_until(client->open({.target = "/events"})).value();
  for (int i = 0; i < 20; ++i) {
    handler.last().send(std::string(100, 'x'));
    settle();
  }
  const auto first = world.loop().run_until(stream->next());
  ASSERT_TRUE(first);
  EXPECT_LE(first->value().size(), 1100u);
  const auto next = world.loop().run_until(stream->next());
  ASSERT_FALSE(next);
  EXPECT_EQ(next.error().code, Code::overloaded);
}

TEST_F(HttpClientTest, a_stream_that_is_cut_is_no_whole_one) {
  listener->start(serving);
  handler.answer = [&](auto exchange) {
    exchange->begin_stream({});
    exchange->send("some");
    handler.waiting.push_back(std::move(exchange));
  };
  auto stream = world.loop().run_until(client->open({.target = "/events"})).value();
  EXPECT_EQ(world.loop().run_until(stream->next()).value(), "some");
  handler.waiting.clear();
  const auto end = world.loop().run_until(stream->next());
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code, Code::link_lost);
}

// Streams that break where a plan says.
class FaultDialer final : public io::Dialer {
 public:
  FaultDialer(io::Loop& loop, io::FaultPlan& plan) : loop_(loop), plan_(plan), inner_(loop, "server") {}
  Task<Result<std::unique_ptr<io::Stream>>> dial() override {
    auto stream = co_await co_await inner_.dial();
    co_return std::make_unique<io::FaultStream>(loop_, std::move(stream), plan_);
  }
  const std::string& address() const override { return inner_.address(); }

 private:
  io::Loop& loop_;
  io::FaultPlan& plan_;
  io::MemoryDialer inner_;
};

TEST_F(HttpClientTest, wherever_the_stream_breaks_every_request_ends) {
  serve();
  for (std::uint64_t at = 0;; ++at) {
    io::FaultPlan plan{.fail_at = at};
    HttpClient faulty(world.loop(), std::make_unique<FaultDialer>(world.loop(), plan),
                      parse_http_url("mem:server").value(), {});
    int failed = 0;
    for (int i = 0; i < 3; ++i) {
      const Answer answer =
          world.loop().run_until(faulty.request({.method = "POST", .target = "/x", .body = "x"}, Instant::never()));
      failed += !answer;
      if (answer) EXPECT_EQ(answer->body, "/x");
    }
    EXPECT_LE(failed, 1) << at;
    if (!plan.has_failed()) break;
    ASSERT_LT(at, 100u);
  }
}

TEST(HttpClientTcp, requests_over_tcp_use_one_connection_and_a_missing_server_is_told_at_once) {
  // rule: commands/weakness.25, commands/weakness.26
  suite::EpollWorld world;
  suite::HttpListenerHandler handler;
  suite::HttpServing serving(world.loop(), handler);
  auto listener = listen_tcp(world.loop(), world.reactor(), "127.0.0.1", 0, {}).value();
  listener->start(serving);
  handler.answer_with_target();
  const HttpUrl url = parse_http_url(listener->address()).value();
  const auto dialer = [&] {
    return std::make_unique<TcpDialer>(world.loop(), world.reactor(), url.uri.name, url.uri.port);
  };
  HttpClient client(world.loop(), dialer(), url, {});
  for (int i = 0; i < 100; ++i) {
    const Answer answer = world.loop().run_until(client.request({.method = "POST", .target = "/tcp", .body = "x"}));
    ASSERT_TRUE(answer) << to_string(answer.error());
    EXPECT_EQ(answer->body, "/tcp");
  }
  EXPECT_EQ(serving.streams, 1);
  listener.reset();
  handler.connections.clear();
  const Answer gone = world.loop().run_until(client.request({.target = "/tcp"}));
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, Code::address) << to_string(gone.error());
}

}  // namespace
}  // namespace parley::net
