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
INSTANTIATE_TYPED_TEST_SUITE_P(Sim, StreamWithoutDescriptorsSuite, Worlds);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(StreamDescriptorsSuite);

}  // namespace
}  // namespace parley::io::suite
