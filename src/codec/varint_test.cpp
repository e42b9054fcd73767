#include "codec/varint.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <limits>
#include <vector>

namespace parley::codec {
namespace {

std::vector<std::uint8_t> written(std::uint64_t value) {
  std::uint8_t bytes[varint_bytes_max];
  return {bytes, put_varint(bytes, value)};
}

const std::uint8_t* get_slowly(const std::uint8_t* cursor, const std::uint8_t* end, std::uint64_t& value) {
  const VarintRead read = read_varint_slow(cursor, end);
  value = read.value;
  return read.next;
}
const std::uint8_t* get_short(const std::uint8_t* cursor, const std::uint8_t* end, std::uint64_t& value) {
  const VarintRead read = read_varint(cursor, end);
  value = read.value;
  return read.next;
}

RC_GTEST_PROP(Varint, a_number_survives_whichever_way_it_is_read, (std::uint64_t seed, std::uint8_t shift)) {
  const std::uint64_t number = seed >> (shift % 64);
  auto bytes = written(number);
  const std::size_t size = bytes.size();
  for (std::size_t behind = 0; behind < 12; ++behind) {
    const std::uint8_t* const end = bytes.data() + bytes.size();
    for (const auto read : {get_varint, get_slowly, get_short, get_long_varint}) {
      std::uint64_t value = 0;
      RC_ASSERT(read(bytes.data(), end, value) == bytes.data() + size);
      RC_ASSERT(value == number);
    }
    bytes.push_back(0xff);
  }
}

RC_GTEST_PROP(Varint, all_ways_of_reading_agree_on_any_bytes, (const std::vector<std::uint8_t>& bytes)) {
  const std::uint8_t* const end = bytes.data() + bytes.size();
  std::uint64_t slow = 0;
  const std::uint8_t* const slow_end = get_slowly(bytes.data(), end, slow);
  for (const auto read : {get_varint, get_short, get_long_varint}) {
    std::uint64_t value = 0;
    RC_ASSERT(read(bytes.data(), end, value) == slow_end);
    if (slow_end) RC_ASSERT(value == slow);
  }
}

RC_GTEST_PROP(Varint, long_runs_of_continued_bytes_agree_too, (std::vector<std::uint8_t> bytes)) {
  bytes.resize(12);
  for (std::size_t i = 0; i < 9; ++i) bytes[i] |= 0x80;
  const std::uint8_t* const end = bytes.data() + bytes.size();
  std::uint64_t slow = 0;
  std::uint64_t fast = 0;
  const std::uint8_t* const slow_end = get_slowly(bytes.data(), end, slow);
  RC_ASSERT(get_long_varint(bytes.data(), end, fast) == slow_end);
  if (slow_end) RC_ASSERT(fast == slow);
}

TEST(Varint, a_constant_has_the_bytes_of_its_number) {
  static constexpr VarintConstant constant(0xe5a1d6b2c390f001);
  std::uint8_t bytes[VarintConstant::room];
  const std::vector<std::uint8_t> copied(bytes, constant.put(bytes));
  EXPECT_EQ(copied, written(0xe5a1d6b2c390f001));
  EXPECT_EQ(copied, (std::vector<std::uint8_t>{0x81, 0xe0, 0xc3, 0x9c, 0xac, 0xd6, 0xf5, 0xd0, 0xe5, 0x01}));
}

TEST(Varint, zigzag_keeps_small_numbers_small) {
  EXPECT_EQ(zigzag(0), 0u);
  EXPECT_EQ(zigzag(-1), 1u);
  EXPECT_EQ(zigzag(1), 2u);
  EXPECT_EQ(zigzag(std::numeric_limits<std::int64_t>::min()), std::numeric_limits<std::uint64_t>::max());
  for (const std::int64_t value : {std::int64_t{0}, std::int64_t{-77}, std::numeric_limits<std::int64_t>::min(),
                                   std::numeric_limits<std::int64_t>::max()}) {
    EXPECT_EQ(unzigzag(zigzag(value)), value);
  }
}

}  // namespace
}  // namespace parley::codec
