#include "net/websocket_upgrade.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace parley::net {
namespace {

constexpr std::string_view nonce = "dGhlIHNhbXBsZSBub25jZQ==";  // RFC 6455 section 1.3, as is what answers it
constexpr std::string_view accepted = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

const io::WebSocketOptions options{.hosts = {"hub.example.org"}, .origins = {"https://app.example.org"}};

// A request that is accepted, but for what is changed in it.
std::string request(std::string_view change = {}, std::string_view by = {}) {
  std::string text =
      "GET /roam HTTP/1.1\r\nHost: 127.0.0.1:4711\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
  if (change.empty()) return text;
  const std::size_t at = text.find(change);
  EXPECT_NE(at, text.npos) << change;
  return text.replace(at, change.size(), by);
}
std::string with(std::string_view field) {
  return request("Upgrade: websocket\r\n", std::string("Upgrade: websocket\r\n") + std::string(field) + "\r\n");
}

void expect_accepted(const std::string& head) {
  const UpgradeAnswer answer = answer_upgrade(head, options);
  EXPECT_FALSE(answer.refusal) << head << answer.bytes;
  EXPECT_TRUE(answer.bytes.starts_with("HTTP/1.1 101 ")) << answer.bytes;
}
void expect_refused(const std::string& head, std::string_view status, std::string_view words) {
  const UpgradeAnswer answer = answer_upgrade(head, options);
  ASSERT_TRUE(answer.refusal) << head;
  EXPECT_TRUE(answer.bytes.starts_with("HTTP/1.1 " + std::string(status) + " ")) << head << answer.bytes;
  EXPECT_NE(answer.bytes.find(words), answer.bytes.npos) << answer.bytes;
  EXPECT_NE(answer.refusal->note.find(words), answer.bytes.npos) << answer.refusal->note;
  const std::size_t body = answer.bytes.find("\r\n\r\n") + 4;
  EXPECT_NE(answer.bytes.find("Content-Length: " + std::to_string(answer.bytes.size() - body)), answer.bytes.npos);
}

TEST(WebSocketUpgrade, the_standards_example_is_answered_as_it_says) {
  const UpgradeAnswer answer = answer_upgrade(request(), options);
  EXPECT_EQ(answer.bytes,
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
  EXPECT_FALSE(answer.refusal);
}

TEST(WebSocketUpgrade, what_we_ask_we_also_answer_and_believe) {
  const std::string own = upgrade_nonce(1, 2);
  const std::string asked = upgrade_request({"[::1]:80", "/roam"}, own);
  const UpgradeAnswer answer = answer_upgrade(asked, options);
  EXPECT_FALSE(answer.refusal) << answer.bytes;
  EXPECT_TRUE(check_upgrade(answer.bytes, {}, own));
  EXPECT_FALSE(check_upgrade(answer.bytes, {}, upgrade_nonce(1, 3)));
}

TEST(WebSocketUpgrade, a_host_is_an_address_localhost_or_a_name_that_was_allowed) {
  for (const char* host : {"127.0.0.1", "127.0.0.1:1", "10.1.2.3:80", "localhost", "LOCALHOST:80", "[::1]", "[::1]:80",
                           "hub.example.org", "Hub.Example.org:4711"}) {
    expect_accepted(request("127.0.0.1:4711", host));
  }
  for (const char* host : {"example.org", "evil.hub.example.org", "localhost.example.org:80", "127.0.0.1.example.org",
                           "[::1", "[localhost]", "::1", "localhost:80x", "localhost@evil.example", "127.1", ""}) {
    expect_refused(request("127.0.0.1:4711", host), "421", "is no name of this end");
  }
  expect_refused(request("Host: 127.0.0.1:4711\r\n", ""), "400", "one Host");
  expect_refused(with("Host: localhost"), "400", "one Host");
}

TEST(WebSocketUpgrade, a_page_may_connect_where_its_origin_was_allowed) {
  expect_accepted(with("Origin: https://app.example.org"));
  expect_accepted(with("Origin: HTTPS://App.example.org"));
  for (const char* origin : {"https://evil.example", "http://app.example.org", "https://app.example.org:444",
                             "https://app.example.org.evil.example", "null", ""}) {
    expect_refused(with("Origin: " + std::string(origin)), "403", "may not connect");
  }
  expect_refused(with("Origin: https://app.example.org\r\nOrigin: https://evil.example"), "403", "may not connect");
}

TEST(WebSocketUpgrade, a_page_that_came_from_here_may_connect_where_nobody_else_could_have_served_it) {
  const auto with_host = [](std::string_view host, std::string_view origin) {
    const std::string text = with("Origin: " + std::string(origin));
    const std::size_t at = text.find("127.0.0.1:4711");
    return std::string(text).replace(at, std::string_view("127.0.0.1:4711").size(), host);
  };
  for (const char* host : {"127.0.0.1:4711", "localhost", "localhost:80", "[::1]:80"}) {
    expect_accepted(with_host(host, "http://" + std::string(host)));
  }
  expect_accepted(with_host("hub.example.org", "https://hub.example.org"));
  for (const char* origin :
       {"http://127.0.0.1:4712", "http://127.0.0.1", "http://localhost:4711", "ftp://127.0.0.1:4711"}) {
    expect_refused(with_host("127.0.0.1:4711", origin), "403", "may not connect");
  }
  expect_refused(with_host("hub.example.org", "http://hub.example.org"), "403", "may not connect");
  expect_refused(with_host("10.1.2.3:80", "http://10.1.2.3:80"), "403", "may not connect");
}

TEST(WebSocketUpgrade, every_route_looks_at_host_and_origin_first) {
  const std::string other = "GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n";
  expect_refused(other, "421", "no name of this end");
  expect_refused("GET /metrics HTTP/1.1\r\nHost: localhost\r\nOrigin: https://evil.example\r\n\r\n", "403", "may not");
  expect_refused("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", "404", "a WebSocket is opened at /roam");
}

TEST(WebSocketUpgrade, whatever_is_no_upgrade_is_told_what_would_be) {
  expect_accepted(request("/roam", "/roam?as=anything"));
  expect_refused(request("/roam", "/"), "404", "opened at /roam");
  expect_refused(request("/roam", "/roamer"), "404", "opened at /roam");
  expect_refused(request("GET", "POST"), "405", "GET");
  expect_refused(request("Upgrade: websocket\r\n", ""), "426", "Upgrade: websocket");
  expect_refused(request("Upgrade: websocket\r\n", "Upgrade: h2c\r\n"), "426", "Upgrade: websocket");
  expect_refused(request("keep-alive, Upgrade", "keep-alive"), "426", "Upgrade: websocket");
  expect_refused(request("Version: 13", "Version: 8"), "426", "version of WebSocket is 13");
  expect_refused(request("HTTP/1.1", "HTTP/1.0"), "400", "HTTP/1.1");
  expect_refused(request("HTTP/1.1", "HTTP/9"), "400", "HTTP/1.1");
  expect_refused(request("GET /roam", "GET  /roam x"), "400", "HTTP/1.1");
  for (const char* wrong : {"", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZQ===", "dGhlIHNhbXBsZSBub25j!Q=="}) {
    expect_refused(request(nonce, wrong), "400", "Sec-WebSocket-Key");
  }
  expect_refused(with("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="), "400", "Sec-WebSocket-Key");
  expect_refused(with("Content-Length: 5"), "400", "no body");
  expect_refused(with("Transfer-Encoding: chunked"), "400", "no body");
}

TEST(WebSocketUpgrade, a_refusal_shows_nothing_that_would_be_read_as_something_else) {
  const UpgradeAnswer answer = answer_upgrade(with("Origin: https://x\x1b[31m\xff"), options);
  ASSERT_TRUE(answer.refusal);
  EXPECT_EQ(answer.bytes.find('\x1b'), answer.bytes.npos);
  EXPECT_EQ(answer.bytes.find('\xff'), answer.bytes.npos);
}

TEST(WebSocketUpgrade, an_answer_is_checked_in_all_its_parts) {
  const std::string good = answer_upgrade(request(), options).bytes;
  EXPECT_TRUE(check_upgrade(good, {}, nonce));
  const auto error_of = [&](std::string_view change, std::string_view by) {
    std::string text = good;
    text.replace(text.find(change), change.size(), by);
    const auto checked = check_upgrade(text, {}, nonce);
    EXPECT_FALSE(checked) << text;
    return checked ? Error{} : checked.error();
  };
  EXPECT_EQ(error_of(accepted, "s3pPLMBiTxaQ9kYGzzhZRbK+xOp=").code, Code::protocol);
  EXPECT_EQ(error_of("Upgrade: websocket", "Upgrade: h2c").code, Code::protocol);
  EXPECT_EQ(error_of("Connection: Upgrade", "Connection: close").code, Code::protocol);
  EXPECT_EQ(error_of("Connection:", "Sec-WebSocket-Extensions: permessage-deflate\r\nConnection:").code,
            Code::protocol);
  EXPECT_EQ(error_of("HTTP/1.1", "SMTP").code, Code::protocol);
  EXPECT_EQ(error_of("101", "200").code, Code::rejected);
}

TEST(WebSocketUpgrade, the_reason_of_a_refusal_reaches_who_asked) {
  const UpgradeAnswer answer = answer_upgrade(request("/roam", "/else"), options);
  const std::size_t body = answer.bytes.find("\r\n\r\n") + 4;
  const auto checked = check_upgrade(answer.bytes.substr(0, body), answer.bytes.substr(body), nonce);
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, Code::not_found);
  EXPECT_NE(checked.error().note.find("404 Not Found: there is nothing at `/else`"), std::string::npos)
      << checked.error().note;
}

}  // namespace
}  // namespace parley::net
