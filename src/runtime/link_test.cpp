#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/dialed_stable_link.h"
#include "runtime/every_link_suite.h"
#include "runtime/framed_link.h"
#include "runtime/memory_link.h"
#include "runtime/stable_sessions.h"

// What every link does, whatever it is made of.
namespace parley::runtime {
namespace {

using namespace suite;
using testing::ElementsAre;

struct OverMemory {
  Links connect(World& world, io::LinkEvents& events_a, io::LinkEvents& events_b) {
    Links links = make_memory_links(world.loop);
    links.first->start(events_a);
    links.second->start(events_b);
    return links;
  }
};

struct OverStreams {
  Links connect(World& world, io::LinkEvents& events_a, io::LinkEvents& events_b) {
    auto [near, far] = narrow_streams(world);
    Links links{std::make_unique<FramedLink>(world.loop, std::move(near), Limits()),
                std::make_unique<FramedLink>(world.loop, std::move(far), Limits())};
    links.first->start(events_a);
    links.second->start(events_b);
    return links;
  }
};

class Stable {
 public:
  Links connect(World& world, io::LinkEvents& events_a, io::LinkEvents& events_b) {
    Limits limits;  // so much that nobody pings for acknowledgements
    limits.stable_items_max = 1'000'000;
    limits.stable_bytes_max = std::size_t{1} << 30;
    sessions_.emplace(world.loop, limits);
    auto [near, far] = narrow_streams(world);
    Links links;
    sessions_->admit(std::make_unique<FramedLink>(world.loop, std::move(far), limits),
                     world.loop.now() + limits.handshake_max, true,
                     [&links, &events_b](std::unique_ptr<io::Link> link) {
                       links.second = std::move(link);
                       links.second->start(events_b);
                     });
    links.first = std::make_unique<DialedStableLink>(world.loop, std::make_unique<ToNobody>(), std::move(near), limits);
    links.first->start(events_a);
    world.settle();
    return links;
  }

 private:
  struct ToNobody final : io::Dialer {
    Task<Result<std::unique_ptr<io::Stream>>> dial() override { co_return fail(Code::address, "nobody is there"); }
    const std::string& address() const override { return name; }
    std::string name = "test:";
  };
  std::optional<StableSessions> sessions_;
};

using Connectors = testing::Types<OverMemory, OverStreams, Stable>;
INSTANTIATE_TYPED_TEST_SUITE_P(Runtime, EveryLink, Connectors);

TEST(MemoryLinks, what_one_end_has_encoded_waits_for_the_other_and_is_handed_over_where_it_lies) {
  // rule: calls/transport.memory, calls/zerocopy.framing.link.memory
  World world;
  auto [a, b] = make_memory_links(world.loop);
  LinkLog log_a;
  LinkLog log_b;
  log_b.keeps = true;
  a->start(log_a);
  std::vector<const std::uint8_t*> places;
  for (const std::string message : {"one", "two", "three"}) {
    send(*a, message);
    places.push_back(a->out().pending().data() + wire::frame_head_bytes);
    world.settle();
  }
  EXPECT_THAT(log_b.messages, testing::IsEmpty());
  b->start(log_b);
  world.settle();
  EXPECT_THAT(log_b.messages, ElementsAre("one", "two", "three"));
  for (std::size_t i = 0; i < places.size(); ++i) EXPECT_EQ(log_b.kept[i].data(), places[i]);
}

}  // namespace
}  // namespace parley::runtime
