#include "codec/channels.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "codec/postcard.h"

namespace parley::codec {
namespace {

template <Direction Way>
struct Handle {
  using parley_channel = Channel<Way, int, 16>;
  int number = 0;
};
using Tx = Handle<Direction::tx>;
using Rx = Handle<Direction::rx>;

struct Inner {
  std::string name;
  Tx tx;
};
struct Idle {};
struct Busy {
  Rx rx;
  std::optional<Tx> tx;
};
struct Arguments {
  Rx first;
  std::optional<Inner> maybe;
  std::variant<Idle, Busy> state;
  std::tuple<int, Tx> pair;
  Either<Rx, Idle> either;
  std::vector<int> numbers;
};
struct Node {
  std::vector<Node> children;
  std::unique_ptr<Node> next;
};

std::vector<int> visited(const Arguments& arguments) {
  std::vector<int> numbers;
  for_each_channel(arguments, [&](const auto& handle) { numbers.push_back(handle.number); });
  return numbers;
}

TEST(Channels, are_known_from_the_type) {
  EXPECT_TRUE(has_channels<Tx>);
  EXPECT_TRUE(has_channels<Arguments>);
  EXPECT_EQ((channels_max_in<std::tuple<std::variant<int, Tx, std::tuple<Tx, Tx>>, std::optional<Tx>>>), 3u);
  EXPECT_TRUE((has_channels<std::tuple<int, const std::optional<Inner>&>>));
  EXPECT_FALSE(has_channels<Node>);
  EXPECT_FALSE((has_channels<std::map<int, std::string>>));
}

TEST(Channels, are_visited_in_the_order_of_declaration) {
  // rule: calls/rpc.channel.discovery
  Arguments arguments{.first = {1},
                      .maybe = Inner{"a", {2}},
                      .state = Busy{{3}, Tx{4}},
                      .pair = {0, Tx{5}},
                      .either = Rx{6},
                      .numbers = {9}};
  EXPECT_EQ(visited(arguments), (std::vector{1, 2, 3, 4, 5, 6}));
  arguments.state = Idle();
  EXPECT_EQ(visited(arguments), (std::vector{1, 2, 5, 6}));
  arguments.maybe.reset();
  arguments.either = own_error(Idle());
  EXPECT_EQ(visited(arguments), (std::vector{1, 5}));
  arguments.state = Busy{{3}, std::nullopt};
  EXPECT_EQ(visited(arguments), (std::vector{1, 3, 5}));
}

TEST(Channels, may_be_changed_where_they_are) {
  Arguments arguments;
  int next = 1;
  for_each_channel(arguments, [&](auto& handle) { handle.number = next++; });
  EXPECT_EQ(arguments.first.number, 1);
  EXPECT_EQ(std::get<1>(arguments.pair).number, 2);
}

TEST(Channels, have_no_bytes) {
  EXPECT_TRUE(to_postcard(Tx{7}).empty());
  const auto with = to_postcard(std::tuple(1, Tx(), std::string("x"), Rx()));
  EXPECT_EQ(with, to_postcard(std::tuple(1, std::string("x"))));
  EXPECT_TRUE((from_postcard<std::tuple<int, Tx, std::string, Rx>>(with)));
}

}  // namespace
}  // namespace parley::codec
