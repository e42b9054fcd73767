#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "io/memory_stream.h"
#include "net/http_connection.h"
#include "net/http_suite.h"

// A connection against the bare bytes of its peer.
namespace parley::net::suite {

using io::suite::End;
using io::suite::Status;

inline std::string get(std::string_view target, std::string_view fields = {}) {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: localhost\r\n" + std::string(fields) + "\r\n";
}
inline std::string post(std::string_view body, std::string_view fields = {}) {
  return "POST /cmd HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         std::string(fields) + "\r\n" + std::string(body);
}

class BareHttp : public testing::Test {
 protected:
  void serve(io::HttpLimits limits = {}, io::MemoryOptions memory = {}, bool peer_reads = true) {
    auto [near, far] = io::MemoryStream::make_pair(world.loop(), "tcp:127.0.0.1:1", memory);
    peer = std::make_unique<End>(std::move(near));
    auto counted = std::make_unique<io::StatisticsStream>(std::move(far), statistics);
    handler.connections.clear();
    handler.over = 0;
    handler.connections.push_back(
        std::make_unique<HttpConnection>(world.loop(), std::move(counted), handler, access, limits));
    if (peer_reads) peer->start();
  }
  void settle() {
    for (int i = 0; i < 5; ++i) io::suite::turn_a_little(world.loop());
  }
  void say(const std::string& bytes) {
    const ByteView view = as_bytes(bytes);
    peer->send({view.begin(), view.end()});
    settle();
  }
  void pass(Duration time) {
    const Instant until = world.loop().now() + time;
    while (world.loop().now() < until) world.loop().poll_once(until);
    settle();
  }
  std::string heard() const { return std::string(as_text(peer->received)); }
  std::string take_heard() { return std::string(as_text(std::exchange(peer->received, {}))); }
  // Refused with that status; nobody was asked, and the connection ends.
  void expect_refused(const std::string& bytes, std::string_view status, io::HttpLimits limits = {}) {
    serve(limits);
    const std::size_t asked = handler.requests.size();
    say(bytes);
    EXPECT_TRUE(heard().starts_with("HTTP/1.1 " + std::string(status) + " ")) << bytes << heard();
    EXPECT_NE(heard().find("\r\nConnection: close\r\n"), std::string::npos) << heard();
    EXPECT_EQ(peer->over, Status::ended) << bytes;
    EXPECT_EQ(handler.requests.size(), asked) << bytes;
    peer->finish();
    settle();
    EXPECT_EQ(handler.over, 1);
    EXPECT_TRUE(handler.connections.empty());
  }

  io::suite::IdleWorld world;
  io::StreamStatistics statistics;
  HttpListenerHandler handler;
  HttpAccess access{.hosts = {"hub.example.org"}, .origins = {"https://app.example.org"}};
  std::unique_ptr<End> peer;
};

}  // namespace parley::net::suite
