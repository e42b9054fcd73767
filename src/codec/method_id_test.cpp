#include "codec/method_id.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace parley::codec {
namespace {

std::string kebab(std::string_view text) {
  std::string result;
  put_kebab(text, [&](char letter) { result += letter; });
  return result;
}

TEST(MethodId, names_are_taken_apart_where_the_case_changes) {
  const std::vector<std::pair<std::string, std::string>> names = {
      {"TemplateHost", "template-host"},
      {"load_template", "load-template"},
      {"loadTemplate", "load-template"},
      {"LoadTemplate", "load-template"},
      {"LOAD_TEMPLATE", "load-template"},
      {"load-template", "load-template"},
      {"sum", "sum"},
      {"Sum", "sum"},
      {"SUM", "sum"},
      {"HTTPServer", "http-server"},
      {"XMLHttpRequest", "xml-http-request"},
      {"parseHTML", "parse-html"},
      {"FIELD_NAME11", "field-name11"},
      {"field11Name", "field11-name"},
      {"v2Api", "v2-api"},
      {"99BOTTLES", "99bottles"},
      {"ABC123DEF456", "abc123def456"},
      {"ABC123def456", "abc123def456"},
      {"abc123DEF456", "abc123-def456"},
      {"abc123Def456", "abc123-def456"},
      {"_leading_and_trailing_", "leading-and-trailing"},
      {"two__bars", "two-bars"},
      {"aB", "a-b"},
      {"aBC", "a-bc"},
      {"ABc", "a-bc"},
      {"a", "a"},
      {"", ""},
  };
  for (const auto& [name, expected] : names) EXPECT_EQ(kebab(name), expected) << name;
}

TEST(MethodId, is_the_hash_of_names_and_signature_read_as_little_endian) {
  // rule: calls/method.identity.computation, calls/signature.hash.algorithm, calls/signature.endianness
  static constexpr auto& signature = method_signature<bool, std::string>;
  const Blake3Digest signature_digest = blake3(signature);
  const Blake3Digest digest =
      Blake3().update("template-host.load-template").update(ByteView(signature_digest)).digest();
  std::uint64_t id = 0;
  for (std::size_t i = 0; i < 8; ++i) id |= static_cast<std::uint64_t>(digest[i]) << (8 * i);
  EXPECT_EQ((method_id<bool, std::string>("TemplateHost", "load_template")), id);
}

TEST(MethodId, does_not_depend_on_the_case_style_of_names) {
  EXPECT_EQ((method_id<bool, std::string>("TemplateHost", "load_template")),
            (method_id<bool, std::string>("template_host", "loadTemplate")));
}

TEST(MethodId, differs_by_service_method_and_signature) {
  // rule: calls/rpc.method-id.no-collisions
  constexpr std::uint64_t id = method_id<bool, std::string>("Store", "load");
  EXPECT_NE(id, (method_id<bool, std::string>("Cache", "load")));
  EXPECT_NE(id, (method_id<bool, std::string>("Store", "save")));
  EXPECT_NE(id, (method_id<bool, std::string, std::string>("Store", "load")));
  EXPECT_NE(id, (method_id<std::string, std::string>("Store", "load")));
}

TEST(MethodId, is_the_same_at_run_time) {
  static constexpr auto& signature = method_signature<bool, std::string>;
  const std::string service = "Store";
  EXPECT_EQ(method_id(service, "load", signature), (method_id<bool, std::string>("Store", "load")));
}

}  // namespace
}  // namespace parley::codec
