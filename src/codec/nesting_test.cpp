#include "codec/nesting.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include "codec/postcard.h"

namespace parley::codec {
namespace {

struct Flat {
  std::int64_t number;
  std::optional<std::array<double, 4>> some;
  std::string text;
};
struct Tree {
  std::vector<Tree> children;
};
struct Holding {
  std::variant<Flat, Tree> either;
};

TEST(Nesting, only_what_can_be_nested_is_counted) {
  EXPECT_FALSE((may_nest<std::tuple<std::int64_t, std::string, Flat, Bytes>>));
  EXPECT_FALSE((may_nest<std::vector<std::int32_t>>));
  EXPECT_FALSE((may_nest<std::optional<std::vector<double>>>));
  EXPECT_TRUE((may_nest<std::tuple<std::int64_t, std::vector<std::string>>>));
  EXPECT_TRUE((may_nest<std::vector<std::vector<std::int32_t>>>));
  EXPECT_TRUE((may_nest<std::set<std::int32_t>>));
  EXPECT_TRUE((may_nest<std::array<std::map<std::int32_t, bool>, 2>>));
  EXPECT_TRUE(may_nest<std::unique_ptr<Flat>>);
  EXPECT_TRUE(may_nest<Tree>);
  EXPECT_TRUE(may_nest<Holding>);
  EXPECT_TRUE((may_nest<Either<Tree, Flat>>));
  EXPECT_TRUE((may_nest<Either<Flat, Tree>>));
}

TEST(Nesting, a_reader_takes_the_depth_that_it_is_told) {
  const std::vector<std::vector<std::vector<std::int32_t>>> value = {{{1}}};
  const auto bytes = to_postcard(value);
  for (const std::uint32_t depth : {1u, 2u, 3u}) {
    Reader reader{ByteView(bytes)};
    reader.set_depth_max(depth);
    std::vector<std::vector<std::vector<std::int32_t>>> read;
    EXPECT_EQ(decode(reader, read), depth >= 2) << depth;  // the innermost lists are bounded
    EXPECT_EQ(reader.fault(), depth >= 2 ? Fault::none : Fault::depth);
  }
}

}  // namespace
}  // namespace parley::codec
