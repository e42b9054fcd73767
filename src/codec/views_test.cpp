#include "codec/views.h"

#include <gtest/gtest.h>

#include <map>
#include <optional>

#include "codec/either.h"

namespace parley::codec {
namespace {

struct Tree {
  std::string name;
  std::vector<Tree> children;
};
struct Borrowing {
  int number;
  std::optional<std::string_view> text;
};
struct Forest {
  std::vector<Tree> trees;
  std::vector<Borrowing> others;
};

TEST(Views, types_that_own_their_bytes_have_none) {
  EXPECT_FALSE(has_views<int>);
  EXPECT_FALSE(has_views<std::string>);
  EXPECT_FALSE(has_views<Bytes>);
  EXPECT_FALSE((has_views<std::map<std::string, std::vector<int>>>));
  EXPECT_FALSE((has_views<Either<void, std::string>>));
}

TEST(Views, a_view_is_found_wherever_it_is) {
  EXPECT_TRUE(has_views<std::string_view>);
  EXPECT_TRUE(has_views<Borrowing>);
  EXPECT_TRUE((has_views<std::tuple<int, std::vector<ByteView>>>));
  EXPECT_TRUE((has_views<Either<int, Borrowing>>));
}

TEST(Views, bytes_that_share_their_block_are_no_views_and_are_found_too) {
  EXPECT_TRUE(has_blocks<Bytes>);
  EXPECT_TRUE((has_blocks<Either<int, std::optional<std::vector<Bytes>>>>));
  EXPECT_FALSE(has_blocks<std::vector<std::uint8_t>>);
  EXPECT_FALSE(has_blocks<Forest>);
}

TEST(Views, a_type_that_contains_itself_is_looked_into_once) {
  EXPECT_FALSE(has_views<Tree>);
  EXPECT_TRUE(has_views<Forest>);
}

}  // namespace
}  // namespace parley::codec
