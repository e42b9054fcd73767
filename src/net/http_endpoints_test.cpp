#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "net/http_suite.h"
#include "net/layered_endpoints.h"
#include "net/net_world_suite.h"

// HTTP and WebSockets of text lines by their addresses, over TCP.
namespace parley::net {
namespace {

using io::suite::End;

class HttpEndpointsTest : public testing::Test, private io::ListenerEvents {
 protected:
  void SetUp() override {
    listener = endpoints.listen(io::parse_uri("tcp:127.0.0.1:0").value()).value();
    listener->start(*this);
    handler.answer_with_target();
    handler.takes = [](const io::HttpRequest& request) { return request.path() == "/cmd"; };
  }
  suite::EpollWorld world;
  LayeredEndpoints endpoints{world.loop(), world.reactor(), {}, {}};
  suite::HttpListenerHandler handler;
  std::unique_ptr<io::Listener> listener;

 private:
  void on_stream(std::unique_ptr<io::Stream> stream) override {
    handler.connections.push_back(endpoints.accept_http(stream, handler, {}).value());
  }
  void on_listener_failed(Error) override {}
};

TEST_F(HttpEndpointsTest, a_url_is_asked_for_its_target) {
  const std::string url = "http://" + listener->address().substr(4) + "/mcp?x=1";
  auto client = endpoints.http_client(url, {}).value();
  EXPECT_EQ(client->target(), "/mcp?x=1");
  EXPECT_EQ(world.loop().run_until(client->request({})).value().body, "/mcp?x=1");
}

TEST_F(HttpEndpointsTest, a_websocket_at_cmd_carries_lines_both_ways_on_the_port_of_http) {
  const io::Uri uri = io::parse_uri("ws" + listener->address().substr(3) + "/cmd").value();
  auto dialer = endpoints.dialer(uri).value();
  End near(world.loop().run_until(dialer->dial()).value());
  near.start();
  ASSERT_TRUE(world.turn_until([&] { return !handler.upgrades.empty(); }));
  auto& stream = handler.upgrades[0].second;
  End far(endpoints.accept_websocket(stream, {.path = "/cmd", .is_text_lines = true}).value());
  far.start();
  near.send({'a', '\n'});
  ASSERT_TRUE(world.turn_until([&] { return as_text(far.received) == "a\n"; }));
  far.send({'b', '\n', 'c', '\n'});
  ASSERT_TRUE(world.turn_until([&] { return as_text(near.received) == "b\nc\n"; }));
}

}  // namespace
}  // namespace parley::net
