#include "net/http_exchange.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "net/http_connection_suite.h"

// What is answered, and when, and who is told that nobody waits for it any more.
namespace parley::net {
namespace {

using namespace std::chrono_literals;
using namespace suite;
using HttpExchangeTest = BareHttp;

TEST_F(HttpExchangeTest, an_exchange_that_is_let_go_of_unanswered_answers_500) {
  serve();
  say(get("/1"));
  handler.waiting.clear();
  settle();
  EXPECT_TRUE(heard().starts_with("HTTP/1.1 500 Internal Server Error\r\n")) << heard();
  say(get("/2"));
  EXPECT_EQ(handler.requests.size(), 2u) << "the connection goes on";
}

TEST_F(HttpExchangeTest, a_peer_that_goes_before_the_answer_is_told_of_once) {
  serve();
  say(get("/slow"));
  suite::HttpWatcher watcher;
  handler.last().set_events(&watcher);
  settle();
  EXPECT_EQ(watcher.gone, 0);
  peer->destroy();
  settle();
  EXPECT_EQ(watcher.gone, 1);
  handler.last().respond({.body = "to nobody"});
  handler.waiting.clear();
  settle();
  EXPECT_EQ(watcher.gone, 1);
  EXPECT_EQ(handler.over, 1);
}

TEST_F(HttpExchangeTest, who_watches_late_is_told_of_what_has_happened) {
  serve();
  say(get("/slow"));
  peer->destroy();
  settle();
  suite::HttpWatcher watcher;
  watcher.at_gone = [&] { handler.waiting.clear(); };  // as whoever cancels its work does
  handler.last().set_events(&watcher);
  EXPECT_EQ(watcher.gone, 0) << "told from inside a call";
  settle();
  EXPECT_EQ(watcher.gone, 1);
  EXPECT_EQ(handler.over, 1);
}

TEST_F(HttpExchangeTest, a_peer_that_only_stops_sending_still_gets_its_answers) {
  serve();
  peer->send([] {
    const std::string both = get("/1") + get("/2");
    return std::vector<std::uint8_t>(both.begin(), both.end());
  }());
  peer->finish();
  settle();
  handler.waiting[0]->respond({.body = "1"});
  settle();
  ASSERT_EQ(handler.waiting.size(), 2u);
  handler.waiting[1]->respond({.body = "2"});
  settle();
  EXPECT_TRUE(heard().ends_with("\r\n\r\n2")) << heard();
  EXPECT_EQ(peer->over, Status::ended);
  EXPECT_EQ(handler.over, 1);
}

TEST_F(HttpExchangeTest, an_exchange_outlives_its_connection) {
  serve();
  say(get("/slow"));
  suite::HttpWatcher watcher;
  handler.last().set_events(&watcher);
  handler.connections.clear();
  settle();
  EXPECT_EQ(watcher.gone, 1);
  EXPECT_EQ(handler.last().request().target, "/slow");
  EXPECT_EQ(handler.last().peer().address, "tcp:127.0.0.1:1");
  handler.last().begin_stream({});
  handler.last().send("part");
  handler.last().finish();
  settle();
  EXPECT_EQ(watcher.gone, 1);
}

TEST_F(HttpExchangeTest, parts_leave_as_chunks_and_those_of_one_turn_together) {
  serve();
  say(get("/events"));
  io::HttpExchange& exchange = handler.last();
  exchange.begin_stream({.fields = {{"Content-Type", "text/event-stream"}}});
  exchange.send("data: 1\n\n");
  exchange.send("");
  exchange.send("data: 2\n\n");
  settle();
  EXPECT_EQ(take_heard(),
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
            "9\r\ndata: 1\n\n\r\n9\r\ndata: 2\n\n\r\n");
  EXPECT_EQ(statistics.writes, 1u);
  exchange.send(std::string(26, 'x'));
  exchange.finish();
  settle();
  EXPECT_EQ(heard(), "1a\r\n" + std::string(26, 'x') + "\r\n0\r\n\r\n");
  EXPECT_EQ(statistics.writes, 2u);
  say(get("/next"));
  EXPECT_EQ(handler.requests.size(), 2u) << "the connection goes on";
}

TEST_F(HttpExchangeTest, a_slow_reader_of_a_stream_of_parts_gets_them_all) {
  serve({}, {.pipe_bytes_max = 4096});
  peer->read_max = 500;
  say(get("/events"));
  io::HttpExchange& exchange = handler.last();
  exchange.begin_stream({});
  for (int i = 0; i < 1500; ++i) exchange.send("part " + std::to_string(i) + "\n");
  exchange.finish();
  ASSERT_TRUE(io::suite::turn_until(world.loop(), [&] { return heard().ends_with("0\r\n\r\n"); }));
  std::string_view got = as_text(peer->received);
  got.remove_prefix(got.find("\r\n\r\n") + 4);
  HttpBody body = HttpBody::chunked();
  std::string parts;
  EXPECT_EQ(body.read(got, parts), HttpBody::Status::whole);
  EXPECT_TRUE(parts.starts_with("part 0\npart 1\n")) << parts.substr(0, 100);
  EXPECT_TRUE(parts.ends_with("part 1499\n"));
}

TEST_F(HttpExchangeTest, a_reader_that_stops_within_a_stream_of_parts_is_cut_off_at_the_bound) {
  serve({.unsent_bytes_max = 10'000}, {.pipe_bytes_max = 4096});
  peer->is_reading = false;
  say(get("/events"));
  suite::HttpWatcher watcher;
  io::HttpExchange& exchange = handler.last();
  exchange.set_events(&watcher);
  exchange.begin_stream({});
  const auto send = [&](int parts) {
    for (int i = 0; i < parts; ++i) exchange.send(std::string(1000, 'x'));
    settle();
  };
  send(9);
  EXPECT_EQ(watcher.gone, 0);
  send(7);  // some four thousand bytes were taken, and ten thousand may wait
  EXPECT_EQ(watcher.gone, 1);
  EXPECT_EQ(handler.over, 1);
  peer->is_reading = true;
  settle();
  EXPECT_FALSE(heard().ends_with("0\r\n\r\n")) << "cut off, yet it looks whole";
}

TEST_F(HttpExchangeTest, a_stream_of_parts_that_is_let_go_of_is_cut_and_not_ended) {
  serve();
  say(get("/events"));
  handler.last().begin_stream({});
  handler.last().send("some");
  settle();
  handler.waiting.clear();
  settle();
  EXPECT_EQ(peer->over, Status::ended);
  EXPECT_TRUE(heard().ends_with("4\r\nsome\r\n")) << heard();
  EXPECT_EQ(handler.over, 1);
}

TEST_F(HttpExchangeTest, an_answer_cannot_say_more_than_its_fields) {
  serve();
  handler.answer = [](auto exchange) {
    exchange->respond({.status = 418,
                       .fields = {{"X", "a\r\nSet-Cookie: b"}, {"Content-Length", "99"}, {"Connection", "close"}},
                       .body = "tea"});
  };
  say(get("/"));
  EXPECT_EQ(heard(), "HTTP/1.1 418 Client Error\r\nX: a??Set-Cookie: b\r\nContent-Length: 3\r\n\r\ntea");
}

using HttpExchangeDeathTest = BareHttp;

TEST_F(HttpExchangeDeathTest, answering_twice_is_a_bug) {
  serve();
  say(get("/"));
  handler.last().respond({});
  EXPECT_DEATH(handler.last().respond({}), "answered once");
  EXPECT_DEATH(handler.last().finish(), "what ends has begun");
}

}  // namespace
}  // namespace parley::net
