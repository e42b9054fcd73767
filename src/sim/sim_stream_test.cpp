#include "sim/sim_stream.h"

#include <gtest/gtest.h>

#include "io/stream_descriptors_suite.h"
#include "io/stream_suite.h"

namespace parley::io::suite {
namespace {

struct SimWorld {
  static constexpr bool keeps_what_arrived = true;
  sim::World world{1};
  Loop& loop() { return world.loop(); }
  StreamPair connect() { return sim::SimStream::make_pair(world); }
};

// Tiny buffer, tiny pieces, writes taken in part: all that a stream may do without a fault.
struct HarshSimWorld : SimWorld {
  StreamPair connect() {
    const sim::FlowOptions flow{.buffer_bytes = 1000, .piece_bytes_max = 7, .short_writes = 300};
    return sim::SimStream::make_pair(world, "sim:harsh", {.flows = {flow, flow}});
  }
};

using Worlds = testing::Types<SimWorld, HarshSimWorld>;
INSTANTIATE_TYPED_TEST_SUITE_P(Sim, StreamSuite, Worlds);

struct DescriptorWorld : SimWorld, PretendedDescriptors {};
struct SlowDescriptorWorld : DescriptorWorld {
  StreamPair connect() {
    const sim::FlowOptions flow{
        .delay_min = std::chrono::microseconds(1), .delay_max = std::chrono::milliseconds(1), .piece_bytes_max = 7};
    return sim::SimStream::make_pair(world, "sim:slow", {.flows = {flow, flow}});
  }
};
using WorldsWithDescriptors = testing::Types<DescriptorWorld, SlowDescriptorWorld>;
INSTANTIATE_TYPED_TEST_SUITE_P(Sim, StreamDescriptorsSuite, WorldsWithDescriptors);

struct NoDescriptorWorld : SimWorld {
  StreamPair connect() { return sim::SimStream::make_pair(world, "sim:", {.passes_descriptors = false}); }
};
INSTANTIATE_TYPED_TEST_SUITE_P(Sim, StreamWithoutDescriptorsSuite, testing::Types<NoDescriptorWorld>);

}  // namespace
}  // namespace parley::io::suite
