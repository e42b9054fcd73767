#include "wire/mcp/jsonrpc.h"

#include <gtest/gtest.h>

#include <string>

#include "wire/mcp/version.h"

namespace parley::wire::mcp {
namespace {

using Kind = Message::Kind;

Refusal refused(std::string_view text, const MessageBounds& bounds = {}) {
  const auto message = parse_message(text, bounds);
  EXPECT_FALSE(message.has_value()) << text;
  return message ? Refusal{"", 0, ""} : message.error();
}

TEST(JsonRpc, a_request_has_an_id_a_method_and_its_parameters_unread) {
  const auto message =
      parse_message(R"( {"jsonrpc":"2.0", "id":7, "method":"tools/call", "params": {"name" : "a"}, "more":1} )");
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(message->kind, Kind::request);
  EXPECT_EQ(message->id, "7");
  EXPECT_EQ(message->method, "tools/call");
  EXPECT_EQ(message->params, R"({"name" : "a"})");
}

TEST(JsonRpc, ids_are_kept_as_written_and_equal_strings_are_equal) {
  EXPECT_EQ(parse_message(R"({"jsonrpc":"2.0","id":1.50,"method":"m"})")->id, "1.50");
  EXPECT_EQ(parse_message(R"({"jsonrpc":"2.0","id":"1","method":"m"})")->id, R"("1")");
  EXPECT_EQ(parse_message(R"({"jsonrpc":"2.0","id":"\u0061","method":"m"})")->id, R"("a")");
}

TEST(JsonRpc, a_method_without_an_id_is_a_notification_and_null_parameters_are_none) {
  const auto message = parse_message(R"({"jsonrpc":"2.0","method":"notifications/initialized","params":null})");
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(message->kind, Kind::notification);
  EXPECT_EQ(message->params, "");
}

TEST(JsonRpc, responses_and_errors_are_told_apart) {
  const auto response = parse_message(R"({"jsonrpc":"2.0","id":"x","result":[1, 2]})");
  ASSERT_TRUE(response.has_value());
  EXPECT_EQ(response->kind, Kind::response);
  EXPECT_EQ(response->result, "[1, 2]");

  const auto error = parse_message(R"({"jsonrpc":"2.0","id":3,"error":{"code":-32602,"message":"no","data":{"a":1}}})");
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->kind, Kind::error);
  EXPECT_EQ(error->code, invalid_params);
  EXPECT_EQ(error->text, "no");
  EXPECT_EQ(error->data, R"({"a":1})");
}

TEST(JsonRpc, an_error_may_be_about_a_message_whose_id_could_not_be_read) {
  const auto error = parse_message(R"({"jsonrpc":"2.0","id":null,"error":{"code":1e99,"message":5}})");
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->kind, Kind::error);
  EXPECT_EQ(error->id, "");
  EXPECT_EQ(error->code, 0);
  EXPECT_EQ(error->text, "");
}

TEST(JsonRpc, what_is_no_json_is_a_parse_error) {
  for (const std::string_view text : {"", "hello", "{", R"({"jsonrpc":"2.0",})", R"({"a":1} {"a":1})", "[1,",
                                      R"({"id":1,"id":2})", "{\"a\":\"\xff\"}"}) {
    EXPECT_EQ(refused(text).code, parse_error) << text;
  }
}

TEST(JsonRpc, what_is_no_message_is_an_invalid_request_under_its_id) {
  for (const std::string_view text : {
           R"({"id":4})",
           R"({"id":4,"method":"m"})",
           R"({"jsonrpc":2.0,"id":4,"method":"m"})",
           R"({"jsonrpc":"1.0","id":4,"method":"m"})",
           R"({"jsonrpc":"2.0","id":4,"method":7})",
           R"({"jsonrpc":"2.0","id":4,"method":"m","params":[1]})",
           R"({"jsonrpc":"2.0","id":4,"error":"broken"})",
           R"({"jsonrpc":"2.0","id":4,"result":1,"error":{"code":1,"message":""}})",
       }) {
    EXPECT_EQ(refused(text).code, invalid_request) << text;
    EXPECT_EQ(refused(text).id, "4") << text;
    EXPECT_FALSE(refused(text).text.empty());
  }
}

TEST(JsonRpc, an_id_is_a_number_or_a_short_string) {
  const std::string longest(id_bytes_max, 'a');
  for (const std::string& id : {std::string("null"), std::string("true"), std::string("{}"), '"' + longest + '"'}) {
    EXPECT_EQ(refused(R"({"jsonrpc":"2.0","method":"m","id":)" + id + "}").code, invalid_request);
    EXPECT_EQ(refused(R"({"jsonrpc":"2.0","result":1,"id":)" + id + "}").id, "");
  }
  EXPECT_EQ(refused(R"({"jsonrpc":"2.0","result":1})").code, invalid_request);
  const std::string method(method_bytes_max, 'm');
  EXPECT_EQ(refused(R"({"jsonrpc":"2.0","id":1,"method":")" + method + "\"}").code, invalid_request);
}

TEST(JsonRpc, batches_and_other_values_are_refused) {
  const Refusal batch = refused(R"([{"jsonrpc":"2.0","id":1,"method":"ping"}])");
  EXPECT_EQ(batch.code, invalid_request);
  EXPECT_EQ(batch.id, "");
  EXPECT_NE(batch.text.find("batch"), std::string::npos);
  EXPECT_EQ(refused("17").code, invalid_request);
}

TEST(JsonRpc, long_and_deep_messages_are_refused) {
  EXPECT_EQ(refused(R"({"jsonrpc":"2.0","id":1,"method":"m"})", {.bytes_max = 20}).code, invalid_request);
  EXPECT_EQ(refused(R"({"jsonrpc":"2.0","id":1,"method":"m","params":{"a":[[1]]}})", {.depth_max = 3}).code,
            parse_error);
}

TEST(JsonRpc, what_is_written_is_read_again) {
  const std::string text = encode_request("\"a\"", "tools/list", R"({"cursor":"x"})");
  const auto request = parse_message(text);
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->id, "\"a\"");
  EXPECT_EQ(request->params, R"({"cursor":"x"})");
  EXPECT_EQ(encode_notification("n", {}), R"({"jsonrpc":"2.0","method":"n"})");
  EXPECT_EQ(encode_response("1", "{}"), R"({"jsonrpc":"2.0","id":1,"result":{}})");
  EXPECT_EQ(encode_error({}, parse_error, "a \"b\""),
            R"({"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"a \"b\""}})");
  EXPECT_EQ(encode_error("1", overloaded, "", "[]"),
            R"({"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"","data":[]}})");
}

TEST(McpVersion, the_four_revisions_are_read_as_they_are_written) {
  for (const std::string_view text : {"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"}) {
    ASSERT_TRUE(read_version(text).has_value()) << text;
    EXPECT_EQ(to_string(*read_version(text)), text);
  }
  EXPECT_FALSE(read_version("2024-10-07").has_value());
  EXPECT_EQ(to_string(version_latest), "2025-11-25");
}

}  // namespace
}  // namespace parley::wire::mcp
