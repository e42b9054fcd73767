#include "wire/command/line_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace parley::wire::command {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> lines_of(LineReader& reader, std::string_view text, std::size_t piece) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size(); at += piece) {
    ByteView bytes = as_bytes(text.substr(at, piece));
    while (const auto line = reader.next(bytes)) lines.emplace_back(*line);
  }
  return lines;
}

TEST(LineReader, lines_are_cut_however_the_bytes_come) {
  for (std::size_t piece = 1; piece < 20; ++piece) {
    LineReader reader(100);
    EXPECT_THAT(lines_of(reader, "one\n\n \r\ntwo three\r\nfour", piece), ElementsAre("one", "two three\r")) << piece;
    EXPECT_EQ(reader.rest(), "four");
    EXPECT_EQ(reader.rest(), std::nullopt);
  }
}

TEST(LineReader, a_line_that_is_too_long_is_dropped_and_counted_and_the_next_is_read) {
  for (std::size_t piece = 1; piece < 20; ++piece) {
    LineReader reader(5);
    EXPECT_THAT(lines_of(reader, "12345\n123456\n12\n1234567", piece), ElementsAre("12345", "12")) << piece;
    EXPECT_EQ(reader.too_long(), 2u);
    EXPECT_EQ(reader.rest(), std::nullopt);
  }
}

TEST(LineReader, the_first_line_may_have_a_bound_of_its_own) {
  for (std::size_t piece = 1; piece < 20; ++piece) {
    LineReader reader(5, 2);
    EXPECT_THAT(lines_of(reader, "123\n12\n12345\n", piece), ElementsAre("12", "12345")) << piece;
    EXPECT_EQ(reader.too_long(), 1u);
  }
}

TEST(LineReader, lines_may_be_longer_once_it_is_known_who_says_them) {
  LineReader reader(2);
  EXPECT_THAT(lines_of(reader, "12\n123\n12\n1", 1), ElementsAre("12", "12"));
  reader.widen(4);
  EXPECT_THAT(lines_of(reader, "234\n12345\n", 1), ElementsAre("1234"));
  EXPECT_EQ(reader.too_long(), 2u);
}

}  // namespace
}  // namespace parley::wire::command
