#include "wire/command/message.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "codec/json_object.h"
#include "wire/command/uuid.h"

namespace parley::wire::command {
namespace {

using codec::JsonObject;
using ::testing::HasSubstr;

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// With the members of all objects in the order of their names.
std::string sorted(std::string_view value) {
  std::string out;
  switch (codec::json_kind(value)) {
    case codec::JsonKind::object: {
      auto members = JsonObject::of_checked(value).members();
      std::ranges::sort(members, {}, &codec::JsonMember::key);
      for (const auto& each : members) out += (out.empty() ? "{" : ",") + each.key + ":" + sorted(each.value);
      return out.empty() ? "{}" : out + "}";
    }
    case codec::JsonKind::array:
      for (const auto each : codec::json_elements(value)) out += (out.empty() ? "[" : ",") + sorted(each);
      return out.empty() ? "[]" : out + "]";
    default: return std::string(value);
  }
}

Message good(std::string_view text, bool is_extended = false) {
  auto parsed = parse(text, is_extended);
  if (auto* malformed = std::get_if<Malformed>(&parsed)) ADD_FAILURE() << text << ": " << malformed->error.note;
  return std::holds_alternative<Message>(parsed) ? std::get<Message>(std::move(parsed)) : Message();
}
Malformed bad(std::string_view text) {
  auto parsed = parse(text, false);
  if (!std::holds_alternative<Malformed>(parsed)) ADD_FAILURE() << text;
  return std::holds_alternative<Malformed>(parsed) ? std::get<Malformed>(parsed) : Malformed();
}
// Written again as it was read.
std::string again(std::string_view text) { return encode(good(text), false); }

TEST(CommandMessage, each_encoding_vector_is_read_and_written_again) {
  int vectors = 0;
  for (const auto& each : std::filesystem::directory_iterator("tests/vectors/cmd-ipc/encoding")) {
    ++vectors;
    const std::string text = read_file(each.path());
    const auto vector = JsonObject::parse(text).value();
    const std::string json = codec::json_string(*vector.find("json"));
    EXPECT_EQ(sorted(json), sorted(*vector.find("message"))) << each.path();
    EXPECT_EQ(sorted(again(*vector.find("message"))), sorted(json)) << each.path();
    std::string type(type_of(good(json)));
    std::ranges::replace(type, '.', '-');
    EXPECT_THAT(each.path().stem().string(), ::testing::StartsWith(type));
  }
  EXPECT_EQ(vectors, 9);
}

TEST(CommandMessage, what_nobody_here_knows_stays) {
  // rule: commands/REG-27
  const std::string text = R"({"id":"1","type":"execute.command.request","commandId":"a","request":{"x": 1},)"
                           R"("new":[1, 2],"_meta":{"k":"v"}})";
  EXPECT_EQ(
      again(text),
      R"({"id":"1","type":"execute.command.request","commandId":"a","request":{"x":1},"_meta":{"k":"v"},"new":[1,2]})");
  const std::string definition =
      R"({"id":"1","type":"register.command.request","command":{"id":"a","more":{"b":null}}})";
  EXPECT_EQ(again(definition), definition);
}

TEST(CommandMessage, optional_members_that_are_null_count_as_absent_and_are_never_sent) {
  // rule: commands/REG-26
  EXPECT_EQ(again(R"({"id":"1","type":"execute.command.request","commandId":"a","request":null,"_meta":null})"),
            R"({"id":"1","type":"execute.command.request","commandId":"a"})");
  EXPECT_EQ(
      again(R"({"id":"1","type":"register.command.request","command":{"id":"a","description":null,"schema":null}})"),
      R"({"id":"1","type":"register.command.request","command":{"id":"a"}})");
  const Message listed = good(R"({"id":"1","type":"list.commands.response","thid":"2","commands":[)"
                              R"({"id":"a","schema":{"request":null,"response":{}}}]})");
  const Definition& definition = std::get<ListResponse>(listed.body).commands.at(0);
  EXPECT_EQ(request_schema(definition), "");
  EXPECT_EQ(response_schema(definition), "{}");
}

TEST(CommandMessage, null_results_and_payloads_stay) {
  const std::string result =
      R"({"id":"1","type":"execute.command.response","thid":"2","response":{"ok":true,"result":null}})";
  EXPECT_EQ(again(result), result);
  const std::string event = R"({"id":"1","type":"event","eventId":"e","payload":null})";
  EXPECT_EQ(again(event), event);
}

TEST(CommandMessage, malformed_texts_are_refused_and_say_why) {
  EXPECT_THAT(bad("null").error.note, HasSubstr("object"));
  EXPECT_THAT(bad(R"({"type":"event","eventId":"e"})").error.note, HasSubstr("id is a string"));
  EXPECT_THAT(bad(R"({"id":"","type":"event","eventId":"e"})").error.note, HasSubstr("id is between 1 and"));
  EXPECT_THAT(bad(R"({"id":"1"})").error.note, HasSubstr("type is a string"));
  EXPECT_THAT(bad(R"({"id":"1","type":"hello"})").error.note, HasSubstr("\"hello\""));
  EXPECT_THAT(bad(R"({"id":"1","type":"list.commands.response","thid":"1"})").error.note,
              HasSubstr("commands is an array"));
  EXPECT_THAT(bad(R"({"id":"1","type":"list.commands.response","thid":"1","commands":[1]})").error.note,
              HasSubstr("objects"));
  EXPECT_THAT(bad(R"({"id":"1","type":"register.command.response","thid":"1","response":{}})").error.note,
              HasSubstr("response.ok"));
  EXPECT_THAT(bad(R"({"id":"1","type":"event","eventId":"e","_meta":3})").error.note, HasSubstr("_meta is an object"));
  EXPECT_THAT(bad("{\"id\":\"1\",\"type\":\"event\",\"eventId\":\"\xff\"}").error.code, Code::message);
}

TEST(CommandMessage, a_malformed_request_says_whom_to_tell) {
  // rule: commands/REG-29
  const Malformed execute = bad(R"({"id":"7","type":"execute.command.request","commandId":"a","request":[1]})");
  EXPECT_EQ(execute.asks, Malformed::Asks::to_execute);
  EXPECT_EQ(execute.id, "7");
  EXPECT_THAT(execute.error.note, HasSubstr("request is an object"));
  const Malformed to_register = bad(R"({"id":"8","type":"register.command.request"})");
  EXPECT_EQ(to_register.asks, Malformed::Asks::to_register);
  EXPECT_EQ(to_register.id, "8");
  EXPECT_EQ(bad(R"({"id":"9","type":"event"})").asks, Malformed::Asks::nothing);
}

TEST(CommandMessage, only_the_five_error_codes_are_read_and_written) {
  const auto text = [](std::string_view code) {
    return R"({"id":"1","type":"execute.command.response","thid":"2","response":{"ok":false,"error":{"code":")" +
           std::string(code) + R"(","message":"m"}}})";
  };
  for (const char* code : {"not_found", "invalid_request", "internal_error", "timeout", "channel_disconnected"}) {
    EXPECT_EQ(again(text(code)), text(code));
  }
  EXPECT_THAT(bad(text("overloaded")).error.note, HasSubstr("none of the five"));
}

TEST(CommandMessage, what_only_parley_knows_is_read_of_parley_alone) {
  // rule: commands/weakness.28
  const std::string text = R"({"id":"1","type":"parley.cancel","thid":"2"})";
  EXPECT_EQ(encode(good(text, true), true), text);
  EXPECT_THAT(bad(text).error.note, HasSubstr("parley.cancel"));
  for (const char* each : {R"({"id":"1","type":"parley.progress","thid":"2","content":{"done":1}})",
                           R"({"id":"1","type":"parley.unregister","commands":["a","b"]})",
                           R"({"id":"1","type":"parley.interest","patterns":["a.*"],"commands":true})"}) {
    EXPECT_EQ(encode(good(each, true), true), each);
  }
  const std::string annotated = R"({"id":"1","type":"register.command.request","command":)"
                                R"({"id":"a","annotations":{"readOnly":true,"idempotent":false}}})";
  EXPECT_EQ(encode(good(annotated, true), true), annotated);
  EXPECT_EQ(encode(good(annotated, true), false),
            R"({"id":"1","type":"register.command.request","command":{"id":"a"}})");
}

TEST(CommandMessage, numbers_of_things_are_bounded) {
  Bounds bounds;
  bounds.definitions_max = 2;
  const std::string three =
      R"({"id":"1","type":"list.commands.response","thid":"1","commands":[{"id":"a"},{"id":"b"},{"id":"c"}]})";
  EXPECT_TRUE(std::holds_alternative<Malformed>(parse(three, false, bounds)));
  bounds.definitions_max = 3;
  EXPECT_TRUE(std::holds_alternative<Message>(parse(three, false, bounds)));
  EXPECT_THAT(bad(R"({"id":")" + std::string(257, 'x') + R"(","type":"event","eventId":"e"})").error.note,
              HasSubstr("256"));
  const std::string meta = R"({"id":"1","type":"execute.command.request","commandId":"c","_meta":{"a":")";
  EXPECT_TRUE(std::holds_alternative<Message>(parse(meta + std::string(8000, 'x') + R"("}})", false)));
  const Malformed large = bad(meta + std::string(8192, 'x') + R"("}})");
  EXPECT_THAT(large.error.note, HasSubstr("_meta has more than 8192 bytes"));
  EXPECT_EQ(large.asks, Malformed::Asks::to_execute);
  EXPECT_THAT(
      bad(R"({"id":"1","type":"event","eventId":"e","payload":)" + std::string(200, '[') + std::string(200, ']') + "}")
          .error.note,
      HasSubstr("nested deeper than"));
}

TEST(CommandMessage, hops_are_for_parley_peers_and_bounded) {
  const auto with_hops = [](std::string_view hops) {
    return R"({"id":"1","type":"register.command.request","command":{"id":"a")" + std::string(hops) + "}}";
  };
  const Message three = good(with_hops(R"(,"parley-hops":3)"), true);
  EXPECT_EQ(std::get<RegisterRequest>(three.body).command.hops, 3u);
  EXPECT_EQ(encode(three, true), with_hops(R"(,"parley-hops":3)"));
  EXPECT_EQ(encode(three, false), with_hops(""));
  EXPECT_EQ(encode(good(with_hops(R"(,"parley-hops":1e300)"), true), true), with_hops(R"(,"parley-hops":17)"));
  for (const char* none : {"-1", "1.5", "\"3\"", "null", "0"}) {
    EXPECT_EQ(encode(good(with_hops(fmt::format(R"(,"parley-hops":{})", none)), true), true), with_hops("")) << none;
  }
}

TEST(CommandMessage, a_name_that_is_said_twice_is_not_passed_on) {
  // Some read the first, some the last: what was checked here must be what others read.
  EXPECT_EQ(again(R"({"id":"1","type":"register.command.request","command":{"id":"mine","x":1,"\u0069d":"theirs"}})"),
            R"({"id":"1","type":"register.command.request","command":{"id":"mine","x":1}})");
}

TEST(CommandMessage, a_command_that_fits_one_message_fits_all) {
  const auto nested = [](std::size_t depth) {
    return R"({"id":"a","schema":{"request":)" + std::string(depth, '[') + std::string(depth, ']') + "}}";
  };
  bad(R"({"id":"1","type":"register.command.request","command":)" + nested(63) + "}");
  const std::string list = R"({"id":"1","type":"list.commands.response","thid":"1","commands":[)" + nested(62) + "]}";
  EXPECT_EQ(again(list), list);
}

TEST(Uuid, is_random_lower_case_and_of_version_4) {
  EXPECT_EQ(uuid_of(0, 0), "00000000-0000-4000-8000-000000000000");
  EXPECT_EQ(uuid_of(~0ull, ~0ull), "ffffffff-ffff-4fff-bfff-ffffffffffff");
  EXPECT_EQ(uuid_of(0x0123456789abcdef, 0xfedcba9876543210), "01234567-89ab-4def-bedc-ba9876543210");
}

}  // namespace
}  // namespace parley::wire::command
