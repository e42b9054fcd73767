#include "net/http_head.h"

#include <gtest/gtest.h>

#include <string>

#include "net/http_body.h"
#include "net/http_url.h"

namespace parley::net {
namespace {

TEST(HttpHead, its_end_is_found_however_it_comes) {
  const std::string bytes = "GET / HTTP/1.1\r\nHost: a\r\n\r\nbody\r\n\r\n";
  for (std::size_t portion = 1; portion < bytes.size(); ++portion) {
    HttpHeadEnd end;
    std::optional<std::size_t> size;
    for (std::size_t at = portion; !size; at += portion) size = end.find(std::string_view(bytes).substr(0, at));
    EXPECT_EQ(size, 27u) << portion;
  }
}

TEST(HttpHead, tokens_are_found_in_lists_and_in_several_fields) {
  const std::vector<io::HttpField> fields{{"Connection", "keep-alive , Upgrade"}, {"connection", "close"}};
  EXPECT_TRUE(has_http_token(fields, "CONNECTION", "upgrade"));
  EXPECT_TRUE(has_http_token(fields, "Connection", "close"));
  EXPECT_FALSE(has_http_token(fields, "Connection", "up"));
  EXPECT_EQ(count_http_fields(fields, "Connection"), 2u);
}

TEST(HttpHead, what_we_write_we_also_read) {
  const io::HttpRequest request{"POST", "/a?b", {{"Accept", "text/event-stream, application/json"}}, "body"};
  const std::string bytes = write_http_request(request, "[::1]:80").value();
  const auto read = read_http_request(std::string_view(bytes).substr(0, bytes.size() - 4));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->request.method, "POST");
  EXPECT_EQ(read->request.target, "/a?b");
  EXPECT_EQ(*read->request.find("Host"), "[::1]:80");
  EXPECT_EQ(*read->request.find("accept"), "text/event-stream, application/json");
  EXPECT_EQ(read->framing.content_length, 4u);
  EXPECT_TRUE(read->keeps_alive);
  const auto answer = read_http_response(write_http_response({.status = 202}, {.is_chunked = true, .closes = true}));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->response.status, 202u);
  EXPECT_TRUE(answer->framing.is_chunked);
  EXPECT_FALSE(answer->keeps_alive);
}

TEST(HttpHead, a_method_without_a_body_says_so_where_a_server_would_wait_for_one) {
  EXPECT_NE(write_http_request({"POST", "/", {}, ""}, "a").value().find("Content-Length: 0\r\n"), std::string::npos);
  EXPECT_EQ(write_http_request({"GET", "/", {}, ""}, "a").value().find("Content-Length"), std::string::npos);
}

TEST(HttpBody, is_read_the_same_in_any_portions) {
  const std::string bytes = "5\r\nhello\r\nA;x=\"y\"\r\n, it is me\r\n0\r\nX: y\r\n\r\nnext";
  for (std::size_t portion = 1; portion <= bytes.size(); ++portion) {
    HttpBody body = HttpBody::chunked();
    std::string got;
    std::string rest;
    for (std::size_t at = 0; at < bytes.size(); at += portion) {
      std::string_view more = std::string_view(bytes).substr(at, portion);
      body.read(more, got);
      rest += more;
    }
    EXPECT_EQ(body.status(), HttpBody::Status::whole);
    EXPECT_EQ(got, "hello, it is me") << portion;
    EXPECT_EQ(rest, "next") << portion;
  }
}

TEST(HttpBody, only_one_without_a_length_ends_with_the_stream) {
  EXPECT_EQ(HttpBody::endless().end(), HttpBody::Status::whole);
  EXPECT_EQ(HttpBody::chunked().end(), HttpBody::Status::wrong);
  EXPECT_EQ(HttpBody::of_length(1).end(), HttpBody::Status::wrong);
  EXPECT_EQ(HttpBody::of_length(0).status(), HttpBody::Status::whole);
}

TEST(HttpBody, is_bounded_in_every_form) {
  std::string got;
  EXPECT_EQ(HttpBody::of_length(11, 10).status(), HttpBody::Status::too_long);
  HttpBody endless = HttpBody::endless(10);
  std::string_view bytes = "0123456789";
  EXPECT_EQ(endless.read(bytes, got), HttpBody::Status::more);
  bytes = "x";
  EXPECT_EQ(endless.read(bytes, got), HttpBody::Status::too_long);
  HttpBody chunked = HttpBody::chunked(10);
  bytes = "5\r\nhello\r\n6\r\n";
  EXPECT_EQ(chunked.read(bytes, got), HttpBody::Status::too_long);
  HttpBody beyond_numbers = HttpBody::chunked();
  bytes = "11111111111111111";
  EXPECT_EQ(beyond_numbers.read(bytes, got), HttpBody::Status::too_long);
}

TEST(HttpUrl, names_what_to_dial_whom_to_ask_for_and_where) {
  const auto expect = [](std::string_view text, std::string_view uri, std::string_view host, std::string_view target) {
    const auto url = parse_http_url(text);
    ASSERT_TRUE(url) << text << ": " << to_string(url.error());
    EXPECT_EQ(io::to_string(url->uri), uri);
    EXPECT_EQ(url->host, host);
    EXPECT_EQ(url->target, target);
  };
  expect("http://127.0.0.1:8080/mcp?x=1#y", "tcp:127.0.0.1:8080", "127.0.0.1:8080", "/mcp?x=1");
  expect("http://example.org", "tcp:example.org:80", "example.org", "/");
  expect("http://example.org?q", "tcp:example.org:80", "example.org", "/?q");
  expect("https://example.org/a/b", "tls:example.org:443", "example.org", "/a/b");
  expect("https://example.org:80/", "tls:example.org:80", "example.org:80", "/");
  expect("http://[::1]/cmd", "tcp:[::1]:80", "[::1]", "/cmd");
  expect("unix:/run/hub.sock", "unix:/run/hub.sock", "localhost", "/");
  expect("tcp:127.0.0.1:1", "tcp:127.0.0.1:1", "127.0.0.1:1", "/");
  expect("mem:hub", "mem:hub", "localhost", "/");
  for (const char* wrong : {"http://", "http:///x", "http://user@example.org/", "http://a:b/", "ftp://a/", ""}) {
    const auto url = parse_http_url(wrong);
    ASSERT_FALSE(url) << wrong;
    EXPECT_EQ(url.error().code, Code::uri) << wrong;
  }
  EXPECT_EQ(parse_http_url("ws:127.0.0.1:1/roam").error().code, Code::unsupported);
}

}  // namespace
}  // namespace parley::net
