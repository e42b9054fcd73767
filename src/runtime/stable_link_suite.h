#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "io/memory_stream.h"
#include "io/stream_end_suite.h"
#include "runtime/dialed_stable_link.h"
#include "runtime/link_log_suite.h"
#include "runtime/stable_sessions.h"
#include "runtime/world_suite.h"

// What the tests of stable links are written with: either end against bare bytes.
namespace parley::runtime::suite {

using Key = wire::roam::stable::Key;

inline std::string text_of(const Key& key) { return std::string(as_text(key)); }
inline std::string client_hello(std::string_view key = {}, std::optional<std::uint32_t> last = std::nullopt) {
  wire::roam::stable::ClientHello hello{.last_received = last};
  if (!key.empty()) std::ranges::copy(key, hello.key.emplace().begin());
  return framed(as_text(wire::roam::stable::encode(hello)));
}
inline std::string server_hello(std::string_view key, std::optional<std::uint32_t> last = std::nullopt) {
  wire::roam::stable::ServerHello hello{.last_received = last};
  std::ranges::copy(key, hello.key.begin());
  return framed(as_text(wire::roam::stable::encode(hello)));
}
inline std::string frame(std::uint32_t number, std::optional<std::uint32_t> acknowledged, std::string_view message) {
  std::uint8_t head[wire::roam::stable::frame_head_bytes_max];
  const std::uint8_t* const end = wire::roam::stable::put_frame_head(head, number, acknowledged);
  return framed(std::string(as_text({head, end})).append(message));
}
const std::string end_mark = framed("");

// A peer of bare bytes, with what it received since it was last asked.
struct Bare {
  explicit Bare(std::unique_ptr<io::Stream> stream) : end(std::move(stream)) { end.start(); }
  void says(std::string_view bytes) {
    const ByteView view = as_bytes(bytes);
    end.send({view.begin(), view.end()});
  }
  std::string heard() {
    const auto bytes = std::exchange(end.received, {});
    return {bytes.begin(), bytes.end()};
  }
  bool has_ended() const { return end.over.has_value(); }
  io::suite::End end;
};

// The client's end, which dials bare peers.
class DialedRig {
 public:
  explicit DialedRig(const Limits& limits = {}, StableLink::FirstNumbers first = {}) {
    auto dialer = std::make_unique<Dialer>(*this);
    auto [near, far] = io::MemoryStream::make_pair(world.loop);
    peers.push_back(std::make_unique<Bare>(std::move(far)));
    link = std::make_unique<DialedStableLink>(world.loop, std::move(dialer), std::move(near), limits, first);
    link->start(log);
    settle();
  }
  void settle() { io::suite::turn_a_little(world.loop); }
  void pass(Duration duration) {
    settle();
    world.clock.at = world.clock.at + duration;
    settle();
  }
  Bare& peer() { return *peers.back(); }
  std::string heard() {
    settle();
    return peer().heard();
  }
  void says(std::string_view bytes) {
    peer().says(bytes);
    settle();
  }
  void sends(std::string_view message) {
    send(*link, message);
    settle();
  }
  // The link breaks, and the next is dialed.
  void cut() {
    peer().end.destroy();
    pass(Backoff::first);
  }

  World world;
  LinkLog log;
  std::vector<std::unique_ptr<Bare>> peers;
  std::size_t dialed = 0;
  bool is_reachable = true;
  std::unique_ptr<DialedStableLink> link;

 private:
  struct Dialer final : io::Dialer {
    explicit Dialer(DialedRig& rig) : rig(rig) {}
    Task<Result<std::unique_ptr<io::Stream>>> dial() override {
      ++rig.dialed;
      if (!rig.is_reachable) co_return fail(Code::address, "nobody is there");
      auto [near, far] = io::MemoryStream::make_pair(rig.world.loop);
      rig.peers.push_back(std::make_unique<Bare>(std::move(far)));
      co_return std::move(near);
    }
    const std::string& address() const override { return name; }
    DialedRig& rig;
    std::string name = "test:";
  };
};

// The server's end, to which bare peers come.
class AcceptedRig {
 public:
  explicit AcceptedRig(const Limits& limits = {}) : limits(limits), sessions(world.loop, limits) {}
  void settle() { io::suite::turn_a_little(world.loop); }
  void pass(Duration duration) {
    settle();
    world.clock.at = world.clock.at + duration;
    settle();
  }
  Bare& comes(std::string_view bytes, std::optional<io::Peer::Credentials> as = std::nullopt) {
    auto [near, far] = io::MemoryStream::make_pair(world.loop, "mem:", {.first = as});
    peers.push_back(std::make_unique<Bare>(std::move(near)));
    sessions.admit(std::make_unique<FramedLink>(world.loop, std::move(far), limits),
                   world.loop.now() + limits.handshake_max, has_room, [this](std::unique_ptr<io::Link> link) {
                     links.push_back(std::move(link));
                     logs.push_back(std::make_unique<LinkLog>());
                     links.back()->start(*logs.back());
                   });
    says(*peers.back(), bytes);
    return *peers.back();
  }
  void says(Bare& peer, std::string_view bytes) {
    peer.says(bytes);
    settle();
  }
  std::string heard(Bare& peer) {
    settle();
    return peer.heard();
  }
  // The key in the hello that comes first, which is taken off.
  static std::string take_key(std::string& bytes) {
    EXPECT_GE(bytes.size(), 29u);
    EXPECT_EQ(bytes.substr(0, 8), std::string("\x19\0\0\0ROSH", 8));
    const std::string key = bytes.substr(9, 16);
    bytes.erase(0, 29);
    return key;
  }
  std::string key_for(Bare& peer) {
    std::string bytes = heard(peer);
    const std::string key = take_key(bytes);
    EXPECT_EQ(bytes, "");
    return key;
  }

  World world;
  Limits limits;
  StableSessions sessions;
  bool has_room = true;
  std::vector<std::unique_ptr<Bare>> peers;
  std::vector<std::unique_ptr<LinkLog>> logs;
  std::vector<std::unique_ptr<io::Link>> links;
};

}  // namespace parley::runtime::suite
