#include "codec/utf8.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace parley::codec {
namespace {

bool accepts(std::string_view text) { return is_utf8(as_bytes(text)); }

TEST(Utf8, a_line_has_no_controls_of_either_set) {
  EXPECT_EQ(to_line("a\x1b[2Jb\x7f\n", 64), "a [2Jb  ");
  EXPECT_EQ(to_line("a\xc2\x9b"
                    "2Jb\xc2\xa0",
                    64),
            "a  2Jb\xc2\xa0");
}

TEST(Utf8, every_scalar_survives_and_no_other_number_is_one) {
  for (char32_t scalar = 0; scalar <= 0x110000; ++scalar) {
    if (!is_scalar(scalar)) continue;
    std::uint8_t bytes[scalar_bytes_max];
    const std::uint8_t* const end = put_scalar(bytes, scalar);
    char32_t back = 0;
    ASSERT_EQ(get_scalar(bytes, end, back), end) << static_cast<std::uint32_t>(scalar);
    ASSERT_EQ(back, scalar);
    ASSERT_TRUE(is_utf8({bytes, static_cast<std::size_t>(end - bytes)}));
  }
  EXPECT_FALSE(is_scalar(0xd800));
  EXPECT_FALSE(is_scalar(0xdfff));
  EXPECT_FALSE(is_scalar(0x110000));
}

TEST(Utf8, malformed_text_is_refused) {
  const std::vector<std::string_view> malformed = {
      "\x80",              // a continuation without a lead
      "\xc3",              // cut off
      "\xe4\xb8",          // cut off
      "\xf0\x9f\xa6",      // cut off
      "\xc3\x28",          // no continuation behind a lead
      "\xc0\xaf",          // overlong
      "\xe0\x80\xaf",      // overlong
      "\xf0\x80\x80\xaf",  // overlong
      "\xed\xa0\x80",      // a surrogate
      "\xf4\x90\x80\x80",  // above U+10FFFF
      "\xf5\x80\x80\x80",  // no lead
      "\xff",
  };
  for (const std::string_view text : malformed) {
    EXPECT_FALSE(accepts(text)) << testing::PrintToString(text);
    // Wherever it stands among ASCII, words of eight included.
    for (std::size_t before = 0; before < 70; ++before) {
      EXPECT_FALSE(accepts(std::string(before, 'a') + std::string(text) + std::string(43, 'b'))) << before;
      EXPECT_FALSE(accepts(std::string(before, 'a') + std::string(text))) << before;
    }
  }
}

TEST(Utf8, well_formed_text_is_accepted_at_every_offset) {
  for (std::size_t before = 0; before < 70; ++before) {
    EXPECT_TRUE(accepts(std::string(before, 'a') + "h\xc3\xa9llo \xe4\xb8\x96\xe7\x95\x8c \xf0\x9f\xa6\x80" +
                        std::string(before, 'b')));
  }
  EXPECT_TRUE(accepts(""));
}

}  // namespace
}  // namespace parley::codec
