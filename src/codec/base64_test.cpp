#include "codec/base64.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

namespace parley::codec {
namespace {

std::string base64(std::string_view text) {
  std::string out;
  put_base64(out, as_bytes(text));
  return out;
}

TEST(Base64, has_the_forms_of_the_rfc) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foo"), "Zm9v");
  EXPECT_EQ(base64("foob"), "Zm9vYg==");
  EXPECT_EQ(base64("fooba"), "Zm9vYmE=");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(base64("\xff\xef\xbe"), "/+++");
}

RC_GTEST_PROP(Base64, bytes_survive, (const std::vector<std::uint8_t>& bytes)) {
  std::string text;
  put_base64(text, bytes);
  std::vector<std::uint8_t> read;
  RC_ASSERT(get_base64(text, read));
  RC_ASSERT(read == bytes);
}

// There is one text for any bytes: what is read is what would be written.
RC_GTEST_PROP(Base64, any_text_is_the_canonical_one_or_refused, ()) {
  const auto text = *rc::gen::container<std::string>(rc::gen::elementOf(std::string("AQgwz09+/=\n-_ ")));
  std::vector<std::uint8_t> read;
  if (!get_base64(text, read)) return;
  std::string again;
  put_base64(again, read);
  RC_ASSERT(again == text);
}

TEST(Base64, other_forms_are_refused) {
  std::vector<std::uint8_t> read;
  for (const std::string_view text : {"Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "=", "====", "Z===", "Zm9v\n", " Zm9v",
                                      "Zg==Zg==", "Zm-_", "Z=9v", "Zm9v=", "\xc3\xa9=="}) {
    EXPECT_FALSE(get_base64(text, read)) << text;
  }
}

}  // namespace
}  // namespace parley::codec
