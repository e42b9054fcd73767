#include <gtest/gtest.h>

#include <memory>
#include <utility>

#include "runtime/link_descriptors_suite.h"
#include "runtime/memory_link.h"
#include "runtime/pair_suite.h"
#include "sim/sim_stream.h"

// Descriptors that travel with messages; over sockets of the system the tests of face do the same.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(StreamDescriptorsSuite);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(StreamWithoutDescriptorsSuite);

namespace parley::runtime::suite {
namespace {

using io::suite::StreamPair;

struct MemoryWorld : io::suite::IdleWorld, io::suite::PretendedDescriptors {
  StreamPair connect() { return io::MemoryStream::make_pair(loop()); }
};
struct SlowSimWorld : io::suite::PretendedDescriptors {
  io::Loop& loop() { return world.loop(); }
  StreamPair connect() {
    const sim::FlowOptions flow{.delay_min = std::chrono::microseconds(1), .delay_max = std::chrono::milliseconds(1)};
    return sim::SimStream::make_pair(world, "sim:slow", {.flows = {flow, flow}});
  }
  sim::World world{1};
};
using Worlds = testing::Types<MemoryWorld, SlowSimWorld>;
INSTANTIATE_TYPED_TEST_SUITE_P(Runtime, LinkDescriptorsSuite, Worlds);

// --- where there are none

void expect_unsupported(io::Link& link) {
  bool is_closed = false;
  static bool* told;
  told = &is_closed;
  io::Descriptor descriptor(1000, [](int) { *told = true; });
  const auto attached = link.attach({&descriptor, 1});
  ASSERT_FALSE(attached);
  EXPECT_EQ(attached.error().code, Code::unsupported);
  EXPECT_NE(attached.error().note.find("unix:"), std::string::npos) << "it says which addresses can";
  EXPECT_EQ(link.claim_descriptor(0).error().code, Code::unsupported);
  EXPECT_FALSE(is_closed) << "what was refused stays the caller's";
}

TEST(LinkDescriptors, a_link_without_them_says_which_have_them) {
  sim::World world(1);
  auto [first, second] = sim::SimStream::make_pair(world, "sim:none", {.passes_descriptors = false});
  FramedLink over_stream(world.loop(), std::move(first), Limits());
  expect_unsupported(over_stream);
  auto [a, b] = make_memory_links(world.loop());
  expect_unsupported(*a);
}

// --- sessions

TEST(LinkDescriptors, a_session_that_cannot_pass_them_closes_them) {
  Pair pair;
  std::vector<io::Descriptor> some;
  some.push_back(io::suite::PretendedDescriptors::make(1));
  EXPECT_EQ(pair.a->pass(std::move(some)).error().code, Code::unsupported);
  EXPECT_EQ(io::suite::PretendedDescriptors::open_count(), 0u);
  EXPECT_EQ(pair.a->claim_descriptor(0).error().code, Code::unsupported);
  EXPECT_EQ(pair.a->counters().descriptors_passed, 0u);
}

}  // namespace
}  // namespace parley::runtime::suite
