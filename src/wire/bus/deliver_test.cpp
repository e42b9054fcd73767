#include "wire/bus/deliver.h"

#include <gtest/gtest.h>

#include <cstring>

#include "wire/bus/bus_suite.h"

namespace parley::wire::bus {
namespace {

TEST(BusDeliver, its_parts_are_the_frame) {
  const Octets payload = octets(as_bytes(std::string_view("{\"n\":1}")));
  for (const auto& parent : {std::optional<std::string_view>(), std::optional<std::string_view>("m-1")}) {
    for (const auto clock : {std::optional<std::uint64_t>(), std::optional<std::uint64_t>(7)}) {
      const Envelope envelope{schema_id_of("a"), {parent, clock}, payload};
      const auto envelope_head = encode_envelope_head(envelope);
      const DeliverHead head{.stream = 3, .sequence = 9, .envelope_head = envelope_head, .payload_bytes = 7};
      BlockPool pool(64);
      OutBuffer out(pool);
      put_deliver_head(out, head);
      Octets parts = octets(out.pending());
      parts.insert(parts.end(), payload.begin(), payload.end());
      EXPECT_EQ(to_hex(parts), to_hex(encoded({3, Deliver{9, envelope}})));
      EXPECT_EQ(parts.size(), head.frame_bytes());
    }
  }
}

}  // namespace
}  // namespace parley::wire::bus
