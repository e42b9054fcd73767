#include "cli/command_help.h"

#include <gtest/gtest.h>

namespace parley::cli {
namespace {

wire::command::Definition greeter() {
  wire::command::Definition command{.id = "greet", .description = "Says hello"};
  command.schema = wire::command::schema_of(
      R"({"type":"object","properties":{"name":{"type":"string","description":"Whom."},"loud":{"type":"boolean"},)"
      R"("times":{"type":"integer","default":1},"words":{"type":"array"}},"required":["name"]})",
      R"({"type":"string"})");
  command.annotations.is_read_only = true;
  return command;
}

TEST(CommandHelp, tells_each_flag_with_what_its_schema_says) {
  const auto command = greeter();
  EXPECT_EQ(command_help(command, SchemaFlags(request_schema(command))),
            "greet: Says hello\n\n"
            "  parley call greet --name TEXT [--loud] [--times INTEGER] [--words JSON]\n\n"
            "  --name TEXT      Whom.  (required)\n"
            "  --loud           (true or false)\n"
            "  --times INTEGER  (else 1)\n"
            "  --words JSON     (list as JSON)\n\n"
            "It is read-only.\n\n"
            "It gives {\"type\":\"string\"}\n\n"
            "For example: parley call greet --name text");
}

TEST(CommandHelp, tells_the_members_of_what_it_gives) {
  wire::command::Definition command{.id = "add", .description = {}};
  command.schema = wire::command::schema_of(
      R"({"type":"object","properties":{},"additionalProperties":false})",
      R"({"type":"object","properties":{"sum":{"type":"integer","description":"Of both."},"exact":{"type":"boolean"}},)"
      R"("required":["sum"]})");
  EXPECT_EQ(command_help(command, SchemaFlags(request_schema(command))),
            "add\n\n  parley call add\n\nIt takes no arguments.\n\n"
            "It gives:\n"
            "  sum    integer: Of both.\n"
            "  exact  true or false  (perhaps)\n\n"
            "For example: parley call add");
}

TEST(CommandHelp, of_a_command_that_says_nothing_is_short) {
  const wire::command::Definition command{.id = "run", .description = {}};
  EXPECT_EQ(command_help(command, SchemaFlags("")),
            "run\n\n  parley call run [--NAME VALUE]... or '{...}'\n\nIt does not say what it takes.");
}

TEST(CommandHelp, json_has_what_only_parley_knows) {
  const std::string json = in_json({greeter()});
  EXPECT_TRUE(json.starts_with("[{")) << json;
  EXPECT_NE(json.find("annotations"), std::string::npos) << json;
  EXPECT_EQ(in_json({}), "[]");
}

}  // namespace
}  // namespace parley::cli
