#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "io/stream_end_suite.h"
#include "net/layered_endpoints.h"
#include "net/net_world_suite.h"

// Our WebSocket against another implementation of the standard, each in both roles.
namespace parley::net {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using io::suite::End;
using tcp = asio::ip::tcp;
using BeastSocket = beast::websocket::stream<tcp::socket>;

std::string framed(std::string_view message) {
  const auto length = static_cast<std::uint32_t>(message.size());
  return std::string(reinterpret_cast<const char*>(&length), sizeof length).append(message);
}

// Four messages, two in fragments - the first as short as openings are - and one with a ping before it; then it reads
// what comes, and says goodbye.
std::string talk(BeastSocket& socket) {
  socket.binary(true);
  socket.auto_fragment(true);
  socket.write_buffer_bytes(4096);
  socket.write(asio::buffer(std::string(10'000, 'o')));
  socket.write(asio::buffer(std::string(100'000, 'f')));
  socket.auto_fragment(false);
  socket.write(asio::buffer(std::string(70'000, 'w')));
  socket.ping("there?");
  socket.write(asio::buffer(std::string()));
  beast::flat_buffer buffer;
  socket.read(buffer);
  EXPECT_TRUE(socket.got_binary());
  std::string heard(static_cast<const char*>(buffer.data().data()), buffer.size());
  beast::error_code closed;
  socket.close(beast::websocket::close_code::normal, closed);
  EXPECT_TRUE(!closed || closed == beast::websocket::error::closed) << closed.message();
  EXPECT_EQ(socket.reason().code, beast::websocket::close_code::normal);
  return heard;
}

class WithBeast : public testing::Test {
 protected:
  // Our end hears the messages, answers, and sees the goodbye.
  void expect_talk(std::unique_ptr<io::Stream> stream) {
    End end(std::move(stream));
    end.start();
    const std::string expected = framed(std::string(10'000, 'o')) + framed(std::string(100'000, 'f')) +
                                 framed(std::string(70'000, 'w')) + framed("");
    ASSERT_TRUE(world.turn_until([&] { return end.received.size() >= expected.size() || end.over; }));
    EXPECT_TRUE(as_text(end.received) == expected) << to_string(end.stream().failure());
    const std::string answer = framed(std::string(200'000, 'a'));
    end.send({as_bytes(answer).begin(), as_bytes(answer).end()});
    ASSERT_TRUE(world.turn_until([&] { return end.over.has_value(); }));
    EXPECT_EQ(end.over, io::suite::Status::ended);
    end.finish();
    io::suite::turn_a_little(world.loop());
  }

  suite::EpollWorld world;
  LayeredEndpoints endpoints{world.loop(), world.reactor(), {}, {}};
};

TEST_F(WithBeast, its_client_talks_with_our_server) {
  auto listener = endpoints.listen(io::parse_uri("ws:127.0.0.1:0").value()).value();
  const auto port = io::parse_uri(listener->address()).value().port;
  suite::Accepted accepted;
  listener->start(accepted);
  std::string heard;
  std::jthread peer([port, &heard] {
    asio::io_context context;
    BeastSocket socket(context);
    socket.next_layer().connect({asio::ip::make_address("127.0.0.1"), port});
    socket.handshake("localhost", "/roam");
    heard = talk(socket);
  });
  ASSERT_TRUE(world.turn_until([&] { return !accepted.streams.empty(); }));
  expect_talk(std::move(accepted.streams.front()));
  peer.join();
  EXPECT_TRUE(heard == std::string(200'000, 'a'));
}

TEST_F(WithBeast, its_server_talks_with_our_client) {
  asio::io_context context;
  tcp::acceptor acceptor(context, {asio::ip::make_address("127.0.0.1"), 0});
  const auto port = acceptor.local_endpoint().port();
  std::string heard;
  std::jthread peer([&acceptor, &heard] {
    BeastSocket socket(acceptor.accept());
    socket.accept();
    heard = talk(socket);
  });
  auto dialer = endpoints.dialer(io::parse_uri("ws:127.0.0.1:" + std::to_string(port)).value()).value();
  auto stream = world.loop().run_until(dialer->dial());
  ASSERT_TRUE(stream) << to_string(stream.error());
  expect_talk(*std::move(stream));
  peer.join();
  EXPECT_TRUE(heard == std::string(200'000, 'a'));
}

}  // namespace
}  // namespace parley::net
