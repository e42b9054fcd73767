#include "wire/bus/ids.h"

#include <string>

#include <gtest/gtest.h>

#include "wire/bus/bus_suite.h"

namespace parley::wire::bus {
namespace {

constexpr std::uint64_t hash_of(std::string_view text) { return Fnv1a64().add(text).hash(); }

TEST(BusIds, the_hash_is_that_of_its_authors) {
  // From the test suite that came with FNV.
  static_assert(hash_of("") == 0xcbf29ce484222325);
  static_assert(hash_of("a") == 0xaf63dc4c8601ec8c);
  static_assert(hash_of("b") == 0xaf63df4c8601f1a5);
  static_assert(hash_of("fo") == 0x08985907b541d342);
  static_assert(hash_of("foobar") == 0x85944171f73967e8);
  static_assert(Fnv1a64().add("foo").add("bar").hash() == hash_of("foobar"));
  static_assert(Fnv1a64().add(std::uint64_t{0x666f6f6261722121}).hash() == hash_of("foobar!!"));
}

TEST(BusIds, a_schema_is_known_by_its_bytes) {
  EXPECT_EQ(to_hex(schema_id_of("{}")), "08f44b07b5901a25d1e17335725217d3115bb35de7b287a54bb3187d127cc0f4");
  EXPECT_EQ(to_hex(schema_id_of(R"({"type":"object"})")),
            "9cdd4c929f357a54a3487ad228e2e8decbc9c8f5a66129164e5e38a91849a424");
  EXPECT_EQ(to_hex(schema_id_of("a")), "af63dc4c8601ec8c1d2ab86824aabbb68a29ce17945f5dd1415b05aac47ac868");
  EXPECT_NE(schema_id_of("{}"), schema_id_of("{ }")) << "bytes, not what they mean";
  static_assert(any_schema_id == schema_id_of("{}"));
}

TEST(BusIds, a_conversation_is_numbered_by_its_label) {
  static_assert(conversation_id_of("conv-1") == 0x03675a7615d27b9d);
  static_assert(conversation_id_of("billing") == 0x4005570295afd25c);
  static_assert(conversation_id_of("order-42") == 0x7d1deb86a05662d4);
}

}  // namespace
}  // namespace parley::wire::bus
