#include "net/http_connection.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "io/fault_stream.h"
#include "net/http_connection_suite.h"
#include "net/websocket_stream.h"

namespace parley::net {
namespace {

using namespace std::chrono_literals;
using namespace suite;
using HttpConnectionTest = BareHttp;

TEST_F(HttpConnectionTest, a_request_is_answered_in_one_write) {
  serve();
  handler.answer_with("hello");
  say(get("/greeting?to=me", "X-Of: a\r\nX-OF: b\r\n"));
  ASSERT_EQ(handler.requests.size(), 1u);
  const io::HttpRequest& request = handler.requests[0];
  EXPECT_EQ(request.method, "GET");
  EXPECT_EQ(request.target, "/greeting?to=me");
  EXPECT_EQ(request.path(), "/greeting");
  EXPECT_EQ(*request.find("x-of"), "a");
  EXPECT_EQ(heard(), "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
  EXPECT_EQ(statistics.writes, 1u);
  EXPECT_FALSE(peer->over);
}

TEST_F(HttpConnectionTest, one_connection_serves_any_number_of_requests_each_in_one_write) {
  // rule: commands/weakness.26
  serve();
  handler.answer_with_target();
  for (int i = 0; i < 200; ++i) {
    say(post("body"));
    ASSERT_EQ(take_heard(), "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n/cmd");
  }
  EXPECT_EQ(handler.requests.size(), 200u);
  EXPECT_EQ(statistics.writes, 200u);
  EXPECT_EQ(world.loop().blocks().held_count(), 0u) << "an idle connection holds memory";
}

TEST_F(HttpConnectionTest, requests_sent_ahead_are_served_one_after_another_in_order) {
  serve();
  say(get("/1") + post("two") + "\r\n" + get("/3"));
  ASSERT_EQ(handler.waiting.size(), 1u) << "the second was asked before the first was answered";
  handler.waiting[0]->respond({.body = "1"});
  settle();
  ASSERT_EQ(handler.waiting.size(), 2u);
  EXPECT_EQ(handler.requests[1].body, "two");
  handler.waiting[1]->respond({.body = "2"});
  settle();
  ASSERT_EQ(handler.waiting.size(), 3u);
  handler.waiting[2]->respond({.body = "3"});
  settle();
  EXPECT_EQ(heard(),
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n2"
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n3");
}

TEST_F(HttpConnectionTest, many_requests_sent_ahead_do_not_grow_the_stack_and_are_all_answered) {
  serve();
  handler.answer_with("");
  std::string all;
  for (int i = 0; i < 2000; ++i) all += get("/");
  say(all);
  EXPECT_EQ(handler.requests.size(), 2000u);
  EXPECT_EQ(peer->received.size(), 2000 * std::string_view("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").size());
  EXPECT_LT(statistics.writes, 50u);
}

TEST_F(HttpConnectionTest, a_request_may_come_byte_by_byte) {
  serve();
  handler.answer_with("ok");
  for (const char c : post("body", "Expect: 100-continue\r\n")) say(std::string(1, c));
  ASSERT_EQ(handler.requests.size(), 1u);
  EXPECT_EQ(handler.requests[0].body, "body");
  EXPECT_EQ(heard(), "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
}

TEST_F(HttpConnectionTest, who_sends_the_body_without_waiting_is_not_told_to_go_on) {
  serve();
  handler.answer_with("ok");
  say(post("body", "Expect: 100-continue\r\n"));
  EXPECT_EQ(heard(), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
}

TEST_F(HttpConnectionTest, a_body_in_chunks_is_put_together_and_its_trailer_is_no_field) {
  serve();
  handler.answer_with("ok");
  say("POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3;a=b\r\nabc\r\n0A\r\n0123456789\r\n0\r\nAuthorization: Bearer x\r\n\r\n" +
      get("/next"));
  ASSERT_EQ(handler.requests.size(), 2u);
  EXPECT_EQ(handler.requests[0].body, "abc0123456789");
  EXPECT_EQ(handler.requests[0].find("Authorization"), nullptr);
  EXPECT_EQ(handler.requests[1].target, "/next");
}

TEST_F(HttpConnectionTest, a_head_is_asked_for_without_its_body) {
  serve();
  handler.answer_with("four");
  say("HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(heard(), "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n");
  peer->received.clear();
  handler.answer = [](auto exchange) { exchange->respond({.status = 204}); };
  say(get("/"));
  EXPECT_EQ(heard(), "HTTP/1.1 204 No Content\r\n\r\n");
}

TEST_F(HttpConnectionTest, http_1_0_is_answered_and_closed) {
  serve();
  handler.answer_with("old");
  say("GET / HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(heard(), "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nold");
  EXPECT_EQ(peer->over, Status::ended);
  serve();
  handler.answer = [](auto exchange) {
    exchange->begin_stream({});
    exchange->send("part ");
    exchange->send("after part");
    exchange->finish();
  };
  say("GET / HTTP/1.0\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(heard(), "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\npart after part");
}

TEST_F(HttpConnectionTest, who_asks_to_close_is_closed_after_the_answer) {
  serve();
  handler.answer_with("bye");
  say(get("/", "Connection: close\r\n") + get("/never"));
  EXPECT_EQ(heard(), "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbye");
  EXPECT_EQ(peer->over, Status::ended);
  EXPECT_EQ(handler.requests.size(), 1u);
  EXPECT_EQ(handler.over, 0) << "the peer has not seen the end yet";
  peer->finish();
  settle();
  EXPECT_EQ(handler.over, 1);
}

TEST_F(HttpConnectionTest, what_is_no_request_is_told_so) {
  expect_refused("GET / HTTP/9.9\r\nHost: localhost\r\n\r\n", "400");
  expect_refused("GET  / HTTP/1.1\r\nHost: localhost\r\n\r\n", "400");
  expect_refused("GET / HTTP/1.1\r\nHost : localhost\r\n\r\n", "400");
  expect_refused("G@T / HTTP/1.1\r\nHost: localhost\r\n\r\n", "400");
  expect_refused("hello there\r\n\r\n", "400");
  expect_refused(std::string("GET / HTTP/1.1\r\nHost: local\0host\r\n\r\n", 36), "400");
  expect_refused("GET / HTTP/1.1\r\n\r\n", "400");
  expect_refused("GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", "400");
  expect_refused("GET http://localhost/ HTTP/1.1\r\nHost: localhost\r\n\r\n", "400");
  expect_refused("CONNECT localhost:1 HTTP/1.1\r\nHost: localhost\r\n\r\n", "400");
  expect_refused(get("/", "Expect: a-miracle\r\n"), "417");
}

TEST_F(HttpConnectionTest, the_length_of_a_body_is_said_in_one_way) {
  for (const char* fields :
       {"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
        "Content-Length: 3\r\nContent-Length: 4\r\n", "Content-Length: 3, 4\r\n", "Content-Length: -3\r\n",
        "Content-Length: 3x\r\n", "Content-Length: \r\n", "Content-Length: 99999999999999999999999\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"}) {
    expect_refused("POST / HTTP/1.1\r\nHost: localhost\r\n" + std::string(fields) + "\r\nabc", "400");
  }
  for (const char* coding : {"gzip", "gzip, chunked", "chunked, gzip", "identity", "xchunked"}) {
    expect_refused("POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: " + std::string(coding) + "\r\n\r\nabc",
                   "501");
  }
}

TEST_F(HttpConnectionTest, chunks_that_are_none_are_refused) {
  for (const char* body : {"x\r\n", "\r\n", "3\nabc", "3\r\nabcd", "3\r\nabc\rx", "-1\r\n", "3 x\nabc", "0\r\n\rx",
                           "0\r\nA: b\n", "0\r\n\n"}) {
    expect_refused("POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" + std::string(body),
                   "400");
  }
}

TEST_F(HttpConnectionTest, every_request_is_asked_for_its_host_and_origin_before_anybody_sees_it) {
  handler.answer_with("");
  for (const char* host : {"localhost:80", "127.0.0.1", "[::1]:80", "Hub.Example.org:4711"}) {
    serve();
    say("GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n");
    EXPECT_TRUE(heard().starts_with("HTTP/1.1 200 ")) << heard();
  }
  expect_refused("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", "421");
  expect_refused("GET / HTTP/1.1\r\nHost: \r\n\r\n", "421");
  expect_refused(get("/", "Origin: https://evil.example\r\n"), "403");
  expect_refused(get("/", "Origin: null\r\n"), "403");
  expect_refused(get("/", "Origin: https://app.example.org\r\nOrigin: https://app.example.org\r\n"), "403");
  serve();
  say(get("/", "Origin: https://app.example.org\r\n"));
  EXPECT_TRUE(heard().starts_with("HTTP/1.1 200 ")) << heard();
}

TEST_F(HttpConnectionTest, heads_and_bodies_are_bounded) {
  const io::HttpLimits limits{.head_bytes_max = 1000, .body_bytes_max = 100};
  expect_refused("GET / HTTP/1.1\r\nX: " + std::string(2000, 'x'), "431", limits);
  expect_refused(get("/", "X: " + std::string(1000, 'x') + "\r\n"), "431", limits);
  expect_refused(post(std::string(101, 'x')), "413", limits);
  expect_refused("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 101\r\nExpect: 100-continue\r\n\r\n", "413",
                 limits);
  const std::string chunked = "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
  expect_refused(chunked + "65\r\n", "413", limits);
  expect_refused(chunked + "32\r\n" + std::string(50, 'x') + "\r\n33\r\n", "413", limits);
  expect_refused(chunked + "fffffffffffffffffff\r\n", "413", limits);
  expect_refused(chunked + "1;" + std::string(5000, 'x'), "400", limits);
  expect_refused(chunked + "0\r\n" + std::string(5000, 'x'), "400", limits);
  serve(limits);
  handler.answer_with("");
  say(post(std::string(100, 'x')));
  EXPECT_TRUE(heard().starts_with("HTTP/1.1 200 ")) << heard();
}

TEST_F(HttpConnectionTest, a_request_that_does_not_come_in_time_is_told_so_and_closed) {
  const io::HttpLimits limits{.request_max = 10s, .idle_max = 60s};
  for (const std::string& part : {std::string("GET / HT"), post("body").substr(0, post("body").size() - 1)}) {
    serve(limits);
    say(part);
    pass(9s);
    EXPECT_EQ(heard(), "");
    pass(2s);
    EXPECT_TRUE(heard().starts_with("HTTP/1.1 408 ")) << heard();
    EXPECT_EQ(peer->over, Status::ended);
    pass(3s);
    EXPECT_EQ(handler.over, 1) << "a peer that does not go is waited for";
  }
}

TEST_F(HttpConnectionTest, a_request_that_drips_is_not_given_more_time_for_that) {
  serve({.request_max = 10s});
  const std::string request = get("/", "X: " + std::string(100, 'x') + "\r\n");
  for (std::size_t at = 0; at < request.size() && !peer->over; ++at) {
    say(request.substr(at, 1));
    pass(1s);
  }
  EXPECT_TRUE(heard().starts_with("HTTP/1.1 408 ")) << heard();
}

TEST_F(HttpConnectionTest, an_idle_connection_is_closed_after_a_while_and_a_busy_one_is_not) {
  serve({.request_max = 10s, .idle_max = 60s});
  say(get("/"));
  pass(1h);
  EXPECT_FALSE(peer->over) << "a handler takes as long as it takes";
  handler.last().respond({});
  settle();
  pass(59s);
  EXPECT_FALSE(peer->over);
  peer->received.clear();
  pass(2s);
  EXPECT_EQ(peer->over, Status::ended);
  EXPECT_EQ(heard(), "");
  peer->finish();
  settle();
  EXPECT_EQ(handler.over, 1);
}

TEST_F(HttpConnectionTest, blank_lines_between_requests_are_no_request_that_is_late) {
  serve({.request_max = 10s, .idle_max = 60s});
  handler.answer_with("");
  say(post("x") + "\r\n");
  peer->received.clear();
  pass(30s);
  EXPECT_EQ(heard(), "");
  EXPECT_FALSE(peer->over);
}

TEST_F(HttpConnectionTest, blank_lines_win_an_idle_connection_no_time) {
  const io::HttpLimits limits{.request_max = 10s, .idle_max = 60s};
  handler.answer_with("");
  for (const std::string& before : {std::string(), get("/")}) {
    serve(limits);
    say(before);
    take_heard();
    for (int i = 0; i < 3; ++i) {
      say("\r\n");
      pass(19s);
    }
    say("\r\n");
    EXPECT_FALSE(peer->over);
    pass(4s);
    EXPECT_EQ(peer->over, Status::ended);
    EXPECT_EQ(heard(), "");
  }
  // What may become a request has its time; a blank line was none.
  serve(limits);
  pass(55s);
  say("\r");
  pass(8s);
  EXPECT_FALSE(peer->over);
  say("\n");
  EXPECT_EQ(peer->over, Status::ended);
  EXPECT_EQ(heard(), "");
  // A request after them is one like others.
  serve(limits);
  pass(55s);
  say("\r\n");
  say(get("/"));
  EXPECT_TRUE(heard().starts_with("HTTP/1.1 200 ")) << heard();
  pass(59s);
  EXPECT_FALSE(peer->over);
}

TEST_F(HttpConnectionTest, who_is_refused_by_his_head_is_told_before_his_body_comes_and_closed) {
  handler.answer_with("in");
  handler.refuses = [](const io::HttpRequest& head) -> std::optional<io::HttpResponse> {
    if (head.find("Authorization")) return std::nullopt;
    return io::HttpResponse{.status = 401, .fields = {{"WWW-Authenticate", "Bearer"}}, .body = "no"};
  };
  const std::string head = "POST /cmd HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4000000\r\n";
  expect_refused(head + "Expect: 100-continue\r\n\r\n", "401");  // and nothing before it
  expect_refused(head + "\r\n" + std::string(100'000, 'x'), "401");
  expect_refused("POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n", "401");
  expect_refused(post("body") + get("/never", "Authorization: x\r\n"), "401");
  expect_refused("HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n", "401");
  EXPECT_TRUE(heard().ends_with("\r\n\r\n")) << heard();
  EXPECT_EQ(handler.heads, 5u);
  expect_refused("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", "421");
  EXPECT_EQ(handler.heads, 5u) << "of a request that is no acceptable one";
  // Also a later request of a connection.
  serve();
  say(get("/", "Authorization: x\r\n") + get("/never"));
  EXPECT_EQ(handler.requests.size(), 1u);
  EXPECT_TRUE(heard().starts_with("HTTP/1.1 200 ")) << heard();
  EXPECT_NE(heard().find("HTTP/1.1 401 "), std::string::npos) << heard();
  EXPECT_EQ(peer->over, Status::ended);
}

TEST_F(HttpConnectionTest, who_is_let_in_by_his_head_is_asked_for_his_body_then) {
  serve();
  handler.answer_with("ok");
  const std::string request = post("body", "Expect: 100-continue\r\n");
  say(request.substr(0, request.size() - 6));
  EXPECT_EQ(handler.heads, 0u);
  say(request.substr(request.size() - 6, 2));
  EXPECT_EQ(handler.heads, 1u);
  EXPECT_EQ(take_heard(), "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_TRUE(handler.requests.empty());
  say("body");
  EXPECT_EQ(handler.heads, 1u);
  EXPECT_EQ(heard(), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
}

TEST_F(HttpConnectionTest, a_websocket_that_is_taken_is_not_refused_by_its_head) {
  serve();
  handler.takes = [](const io::HttpRequest&) { return true; };
  handler.refuses = [](const io::HttpRequest&) { return io::HttpResponse{.status = 401}; };
  say(upgrade_request({"localhost", "/roam"}, upgrade_nonce(1, 2)));
  EXPECT_EQ(handler.upgrades.size(), 1u);
  EXPECT_EQ(handler.heads, 0u);
}

TEST_F(HttpConnectionTest, whoever_floods_the_connection_while_an_answer_is_awaited_is_cut_off) {
  serve({.ahead_bytes_max = std::size_t{64} << 10});
  suite::HttpWatcher watcher;
  say(get("/slow"));
  handler.last().set_events(&watcher);
  std::string flood;
  while (flood.size() < std::size_t{1} << 20) flood += get("/more");
  say(flood);
  EXPECT_EQ(handler.over, 1);
  EXPECT_TRUE(handler.connections.empty());
  EXPECT_TRUE(peer->write_failed || peer->over);
  EXPECT_EQ(watcher.gone, 1);
}

TEST_F(HttpConnectionTest, a_peer_that_does_not_read_its_answers_is_not_asked_for_more_and_cut_off_in_the_end) {
  serve({.unsent_max = 30s}, {.pipe_bytes_max = 4096}, false);
  handler.answer_with(std::string(std::size_t{100} << 10, 'x'));
  say(get("/1") + get("/2") + get("/3"));
  EXPECT_EQ(handler.requests.size(), 1u) << "what nobody reads piles up";
  pass(29s);
  EXPECT_EQ(handler.over, 0);
  pass(2s);
  EXPECT_EQ(handler.over, 1);
}

TEST_F(HttpConnectionTest, a_peer_that_reads_slowly_gets_everything) {
  serve({.unsent_max = 30s}, {.pipe_bytes_max = 4096});
  handler.answer_with(std::string(std::size_t{100} << 10, 'x'));
  peer->read_max = 1000;
  say(get("/1") + get("/2"));
  for (int i = 0; i < 400; ++i) pass(1s);
  EXPECT_EQ(handler.requests.size(), 2u);
  EXPECT_GT(peer->received.size(), std::size_t{200} << 10);
}

TEST_F(HttpConnectionTest, a_handler_may_destroy_the_connection_while_it_is_asked) {
  serve();
  handler.answer = [&](auto exchange) {
    handler.connections.clear();
    exchange->respond({});
  };
  say(get("/1") + get("/2"));
  EXPECT_EQ(handler.requests.size(), 1u);
  EXPECT_EQ(peer->over, Status::ended);
  EXPECT_EQ(handler.over, 0) << "told after its destruction";
}

TEST_F(HttpConnectionTest, closing_waits_for_the_answer_that_is_due_and_for_no_other) {
  serve();
  say(get("/1") + get("/2"));
  handler.connections[0]->close();
  handler.connections[0]->close();
  settle();
  EXPECT_FALSE(peer->over);
  handler.last().respond({.body = "last"});
  settle();
  EXPECT_EQ(heard(), "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nlast");
  EXPECT_EQ(peer->over, Status::ended);
  EXPECT_EQ(handler.requests.size(), 1u);
  serve();
  handler.connections[0]->close();
  settle();
  EXPECT_EQ(peer->over, Status::ended) << "there was nothing to wait for";
}

TEST_F(HttpConnectionTest, a_websocket_that_the_handler_takes_gets_the_stream_as_it_came) {
  serve();
  handler.takes = [](const io::HttpRequest& request) { return request.path() == "/roam"; };
  handler.answer_with("before");
  const std::string upgrade = upgrade_request({"localhost", "/roam"}, upgrade_nonce(1, 2));
  const std::string frame("\x82\x83\0\0\0\0abc", 9);  // what is sent ahead of the answer is not lost
  say(get("/before") + upgrade + frame);
  ASSERT_EQ(handler.upgrades.size(), 1u);
  EXPECT_EQ(handler.upgrades[0].first.path(), "/roam");
  EXPECT_EQ(handler.over, 1) << "the connection is over";
  EXPECT_TRUE(heard().ends_with("before")) << heard();
  take_heard();
  End inside(
      std::make_unique<WebSocketStream>(world.loop(), std::move(handler.upgrades[0].second), io::WebSocketOptions{}));
  inside.start();
  settle();
  EXPECT_TRUE(heard().starts_with("HTTP/1.1 101 ")) << heard();
  EXPECT_EQ(as_text(inside.received), std::string_view("\3\0\0\0abc", 7));
  peer->finish();
  settle();
  EXPECT_EQ(inside.over, Status::failed);
}

TEST_F(HttpConnectionTest, a_websocket_that_nobody_takes_is_a_request_like_others) {
  serve();
  handler.takes = [](const io::HttpRequest&) { return false; };
  handler.answer = [](auto exchange) { exchange->respond({.status = 404}); };
  say(upgrade_request({"localhost", "/nowhere"}, upgrade_nonce(1, 2)));
  EXPECT_TRUE(heard().starts_with("HTTP/1.1 404 ")) << heard();
  EXPECT_TRUE(handler.upgrades.empty());
  handler.takes = [](const io::HttpRequest&) { return true; };
  expect_refused(upgrade_request({"evil.example", "/roam"}, upgrade_nonce(1, 2)), "421");
  EXPECT_TRUE(handler.upgrades.empty());
}

TEST_F(HttpConnectionTest, wherever_the_stream_breaks_the_connection_ends_once_and_nothing_is_left) {
  for (std::uint64_t at = 0;; ++at) {
    io::FaultPlan plan{.fail_at = at};
    auto [near, far] = io::MemoryStream::make_pair(world.loop());
    peer = std::make_unique<End>(std::move(near));
    handler.over = 0;
    handler.answer_with("fine");
    handler.connections.push_back(std::make_unique<HttpConnection>(
        world.loop(), std::make_unique<io::FaultStream>(world.loop(), std::move(far), plan), handler, access,
        io::HttpLimits{}));
    peer->start();
    say(get("/1"));
    say(post("body"));
    say(get("/3", "Connection: close\r\n"));
    peer->finish();
    settle();
    EXPECT_EQ(handler.over, 1) << at;
    EXPECT_TRUE(handler.connections.empty()) << at;
    EXPECT_EQ(world.loop().blocks().held_count(), 0u) << at;
    if (!plan.has_failed()) break;
    ASSERT_LT(at, 100u);
  }
}

TEST_F(HttpConnectionTest, any_bytes_end_in_an_answer_or_an_end) {
  const std::string good =
      get("/1") + post("body") +
      "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
  handler.answer_with("x");
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    Prng prng(seed);
    std::string bytes = good;
    for (auto changes = prng.between(1, 5); changes > 0; --changes) {
      bytes[prng.between(0, bytes.size() - 1)] = static_cast<char>(prng.next());
    }
    serve({.request_max = 1s, .idle_max = 1s});
    say(bytes);
    peer->finish();
    pass(5s);
    ASSERT_EQ(handler.over, 1) << bytes;
    ASSERT_EQ(world.loop().blocks().held_count(), 0u) << bytes;
  }
}

}  // namespace
}  // namespace parley::net
