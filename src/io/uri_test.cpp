#include "io/uri.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace parley::io {
namespace {

Uri parsed(std::string_view text) {
  auto uri = parse_uri(text);
  EXPECT_TRUE(uri) << text << ": " << uri.error().note;
  return uri ? *uri : Uri{};
}

TEST(Uri, all_kinds_are_read) {
  EXPECT_EQ(parsed("unix:/run/app.sock").kind, Uri::Kind::unix_socket);
  EXPECT_EQ(parsed("unix:/run/app.sock").name, "/run/app.sock");
  EXPECT_EQ(parsed("unix:///run/app.sock").name, "/run/app.sock");
  EXPECT_EQ(parsed("unix://///run/app.sock").name, "/run/app.sock");
  EXPECT_EQ(parsed("unix:/run/with space:and colon").name, "/run/with space:and colon");
  EXPECT_EQ(parsed("tcp:127.0.0.1:4711").name, "127.0.0.1");
  EXPECT_EQ(parsed("tcp:127.0.0.1:4711").port, 4711);
  EXPECT_EQ(parsed("tcp:[::1]:0").name, "::1");
  EXPECT_EQ(parsed("tcp:[fe80::1%eth0]:65535").name, "fe80::1%eth0");
  EXPECT_EQ(parsed("tcp:my-host.example.org:80").name, "my-host.example.org");
  EXPECT_EQ(parsed("tls:example.org:4711").kind, Uri::Kind::tls);
  EXPECT_EQ(parsed("tls:[::1]:4711").name, "::1");
  EXPECT_EQ(parsed("ws:127.0.0.1:80").kind, Uri::Kind::websocket);
  EXPECT_EQ(parsed("ws:127.0.0.1:80").path, "/roam");
  EXPECT_EQ(parsed("wss:[::1]:443/a/b?c=%20").kind, Uri::Kind::websocket_tls);
  EXPECT_EQ(parsed("wss:[::1]:443/a/b?c=%20").port, 443);
  EXPECT_EQ(parsed("wss:[::1]:443/a/b?c=%20").path, "/a/b?c=%20");
  EXPECT_EQ(parsed("stdio:").kind, Uri::Kind::stdio);
  EXPECT_EQ(parsed("fd:3").descriptor, 3);
  EXPECT_EQ(parsed("fd:0").descriptor, 0);
  EXPECT_EQ(parsed("mem:a/b.c:d-e_f").name, "a/b.c:d-e_f");
}

TEST(Uri, what_is_printed_is_read_back_as_the_same) {
  for (const char* text : {"unix:/run/app.sock", "tcp:127.0.0.1:4711", "tcp:[::1]:4711", "tcp:example.org:1",
                           "tls:[::1]:443", "ws:h:1/roam", "wss:[::1]:1/", "stdio:", "fd:17", "mem:name"}) {
    EXPECT_EQ(to_string(parsed(text)), text);
  }
}

TEST(Uri, every_mistake_is_named_and_the_right_form_shown) {
  // text, what is named, the form that is shown
  const std::vector<std::tuple<std::string, std::string, std::string>> mistakes = {
      {"", "no scheme", "unix:/tmp/app.sock"},
      {"/run/app.sock", "lacks its scheme", "unix:/run/app.sock"},
      {"app.sock", "`app.sock` has no scheme", "mem:name"},
      {"http:x", "scheme `http`", "unix, tcp, tls, ws, wss, stdio, fd, mem"},
      {"UNIX:/x", "scheme `UNIX`", "unix:/tmp/app.sock"},
      {"unix:", "lacks the path", "unix:/tmp/app.sock"},
      {"unix:app.sock", "`app.sock` does not start with a slash", "unix:/tmp/app.sock"},
      {"unix://host/x", "no host", "unix:/tmp/app.sock"},
      {"unix:/run/", "ends in a directory", "unix:/tmp/app.sock"},
      {"unix:/run/..", "ends in a directory", "unix:/tmp/app.sock"},
      {std::string("unix:/a\0b", 9), "zero byte", "unix:/tmp/app.sock"},
      {"tcp:localhost", "port is missing behind `localhost`", "tcp:127.0.0.1:4711"},
      {"tcp://localhost:1", "no slashes", "tcp:127.0.0.1:4711"},
      {"tcp::80", "host is missing", "tcp:127.0.0.1:4711"},
      {"tcp:host:", "port `` is not a number", "tcp:127.0.0.1:4711"},
      {"tcp:host:http", "port `http`", "tcp:127.0.0.1:4711"},
      {"tcp:host:65536", "port `65536`", "0 to 65535"},
      {"tcp:host:-1", "port `-1`", "0 to 65535"},
      {"tcp:host:080", "port `080`", "0 to 65535"},
      {"tcp:::1:80", "stands in brackets", "tcp:[::1]:4711"},
      {"tcp:[::1:80", "not closed", "tcp:[::1]:4711"},
      {"tcp:[::1]", "port is missing behind `[::1]`", "tcp:[::1]:4711"},
      {"tcp:[host]:80", "`host` is none", "tcp:example.org:4711"},
      {"tcp:ho st:80", "host `ho st`", "tcp:example.org:4711"},
      {"tcp:" + std::string(300, 'h') + ":80", "longer than 255", "tcp:127.0.0.1:4711"},
      {"tls:localhost", "port is missing behind `localhost`", "tls:127.0.0.1:4711"},
      {"ws://localhost:1", "no slashes follow ws:", "ws:127.0.0.1:4711"},
      {"ws:localhost/roam", "port is missing behind `localhost`", "ws:example.org:4711"},
      {"wss:localhost:1/a b", "the path `/a b`", "wss:127.0.0.1:80/roam"},
      {"wss:localhost:1/\r\nX: y", "\\x0d", "wss:127.0.0.1:80/roam"},
      {"stdio", "no scheme", "stdio:"},
      {"stdio:x", "unlike `x`", "stdio:"},
      {"fd:", "`` is not the number", "fd:3"},
      {"fd:-1", "`-1` is not the number", "fd:3"},
      {"fd:3x", "`3x` is not the number", "fd:3"},
      {"fd:99999999999", "is not the number", "fd:3"},
      {"mem:", "lacks the name", "mem:name"},
      {"mem:a b", "`a b`", "mem:name"},
      {"mem:.hidden", "`.hidden`", "mem:name"},
      {"mem:" + std::string(129, 'n'), "longer than 128", "mem:name"},
      {"unix:/" + std::string(5000, 'p'), "at most 4096", ""},
  };
  for (const auto& [text, named, shown] : mistakes) {
    auto uri = parse_uri(text);
    ASSERT_FALSE(uri) << text;
    EXPECT_EQ(uri.error().code, Code::uri);
    EXPECT_NE(uri.error().note.find(named), std::string::npos) << text << " -> " << uri.error().note;
    EXPECT_NE(uri.error().note.find(shown), std::string::npos) << text << " -> " << uri.error().note;
  }
}

TEST(Uri, an_error_quotes_no_control_characters) {
  const auto uri = parse_uri("tcp:\x1b[31m:1");
  ASSERT_FALSE(uri);
  EXPECT_EQ(uri.error().note.find('\x1b'), std::string::npos);
}

RC_GTEST_PROP(UriProperty, any_text_is_read_back_as_the_same_or_refused, ()) {
  const auto scheme = *rc::gen::element<std::string>("unix:", "unix:/", "tcp:", "tcp:[", "tcp:h:", "tls:h:", "ws:h:1",
                                                     "wss:[::1]:1/", "fd:", "mem:", "");
  const auto rest = *rc::gen::container<std::string>(rc::gen::weightedOneOf<char>(
      {{8, rc::gen::element('a', '0', '9', ':', '/', '.', '[', ']', '-', '%', '1')}, {1, rc::gen::arbitrary<char>()}}));
  const auto uri = parse_uri(scheme + rest);
  if (!uri) {
    RC_ASSERT(uri.error().code == Code::uri);
    RC_ASSERT(!uri.error().note.empty());
    return;
  }
  const auto again = parse_uri(to_string(*uri));
  RC_ASSERT(again.has_value());
  RC_ASSERT(*again == *uri);
}

}  // namespace
}  // namespace parley::io
