#include "io/http.h"

#include <gtest/gtest.h>

namespace parley::io {
namespace {

TEST(Http, a_field_is_found_in_whatever_case_and_the_first_of_several) {
  const HttpRequest request{.fields = {{"Content-Type", "a"}, {"X", "b"}, {"x", "c"}}};
  EXPECT_EQ(*request.find("content-TYPE"), "a");
  EXPECT_EQ(*request.find("x"), "b");
  EXPECT_EQ(request.find("y"), nullptr);
  EXPECT_EQ(request.find("content"), nullptr);
}

TEST(Http, a_path_is_a_target_without_its_query) {
  EXPECT_EQ(HttpRequest{.target = "/a/b?c?d"}.path(), "/a/b");
  EXPECT_EQ(HttpRequest{.target = "/a"}.path(), "/a");
}

TEST(Http, every_status_has_a_reason) {
  EXPECT_EQ(http_reason(404), "Not Found");
  EXPECT_EQ(http_reason(499), "Client Error");
  for (unsigned status = 100; status < 1000; ++status) EXPECT_FALSE(http_reason(status).empty());
}

}  // namespace
}  // namespace parley::io
