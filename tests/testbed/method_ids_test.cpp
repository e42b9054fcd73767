#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "codec/method_id.h"
#include "testbed/testbed.h"

// The ids by which peers in Rust and TypeScript call the Testbed, recorded from them. Wrong ones do not compile.
namespace testbed {
namespace {

using namespace parley::codec;

template <Direction Way, class T>
struct Handle {
  using parley_channel = Channel<Way, T, 16>;
};
template <class T>
using Tx = Handle<Direction::tx, T>;
template <class T>
using Rx = Handle<Direction::rx, T>;

template <class Return, class... Arguments>
consteval std::uint64_t id(std::string_view method) {
  return method_id<Return, Arguments...>("Testbed", method);
}

using Divided = parley::Either<std::int64_t, MathError>;
using Found = parley::Either<Person, LookupError>;

static_assert(id<std::string, std::string>("echo") == 0x9aabc4ba61fd5df3);
static_assert(id<std::string, std::string>("reverse") == 0xcba154600f640175);
static_assert(id<Divided, std::int64_t, std::int64_t>("divide") == 0xc3964cbee4b1d590);
static_assert(id<Found, std::uint32_t>("lookup") == 0xe71a0faedd014e59);
static_assert(id<std::int64_t, Rx<std::int32_t>>("sum") == 0x855b3a25d97bfefd);
static_assert(id<void, std::uint32_t, Tx<std::int32_t>>("generate") == 0x54d2273d8cdb9c38);
static_assert(id<void, Rx<std::string>, Tx<std::string>>("transform") == 0x5d9895604eb18b19);
static_assert(id<Point, Point>("echo_point") == 0x453fa9bf6932528c);
static_assert(id<double, Rectangle>("rectangle_area") == 0xba75c48683f1d9e6);
static_assert(id<std::optional<Color>, std::string>("parse_color") == 0xe285f31c6dfffbfc);
static_assert(id<double, Shape>("shape_area") == 0x6e706354167c00c2);
static_assert(id<Canvas, std::string, std::vector<Shape>, Color>("create_canvas") == 0xa914982e7d3c7b55);
static_assert(id<Message, Message>("process_message") == 0xed1dc0c625889d30);
static_assert(id<std::vector<Point>, std::uint32_t>("get_points") == 0x5c8707f5ae4ccbcc);
static_assert(id<std::tuple<std::string, std::int32_t>, std::tuple<std::int32_t, std::string>>("swap_pair") ==
              0xacd19a29fe0d470c);
static_assert(id<Person, std::string, std::uint8_t, std::optional<std::string>>("create_person") == 0x3dd231f57b1bca21);

TEST(Testbed, method_ids_are_those_of_its_other_implementations) {
  // rule: calls/rpc.method-id.algorithm
  // The sixteen of roam 7.1 are checked above while this compiles; here one of them at run time.
  const std::string method = "processMessage";
  EXPECT_EQ(method_id("Testbed", method, method_signature<Message, Message>), 0xed1dc0c625889d30);
}

}  // namespace
}  // namespace testbed
