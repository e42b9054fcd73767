#include "core/directory/commands.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace parley::core {
namespace {

using Added = Commands::Added;

wire::command::Definition definition_of(std::string id, std::string description = {}) {
  wire::command::Definition definition;
  definition.id = std::move(id);
  if (!description.empty()) definition.description = std::move(description);
  return definition;
}

constexpr Commands::Bounds small{
    .commands_max = 3, .commands_per_owner_max = 2, .definition_bytes_max = 20, .owner_bytes_max = 30};

TEST(Commands, the_first_owns_and_the_next_takes_over) {
  // rule: commands/REG-05
  Commands commands{Commands::Bounds()};
  EXPECT_EQ(commands.find("a"), nullptr);
  EXPECT_EQ(commands.add(1, definition_of("a", "of 1")).value(), Added::owns);
  EXPECT_EQ(commands.add(2, definition_of("a", "of 2")).value(), Added::stands_by);
  EXPECT_EQ(commands.add(3, definition_of("a", "of 3")).value(), Added::stands_by);
  EXPECT_EQ(commands.add(2, definition_of("a", "anew")).value(), Added::refreshed);
  EXPECT_EQ(commands.find("a")->owner, 1u);
  EXPECT_EQ(commands.find("a", 2)->description, "anew");
  EXPECT_EQ(commands.find("a", 4), nullptr);

  Commands::Removed removed = commands.remove(1, "a");
  EXPECT_EQ(removed.id, "a");
  EXPECT_TRUE(removed.was_owner);
  ASSERT_NE(removed.next, nullptr);
  EXPECT_EQ(removed.next->owner, 2u);
  removed = commands.remove(3, "a");
  EXPECT_FALSE(removed.was_owner);
  EXPECT_EQ(commands.find("a")->owner, 2u);
  removed = commands.remove(2, "a");
  EXPECT_TRUE(removed.was_owner);
  EXPECT_EQ(removed.next, nullptr);
  EXPECT_FALSE(commands.has("a"));
  EXPECT_EQ(commands.remove(2, "a").id, "");
  EXPECT_EQ(commands.size(), 0u);
}

TEST(Commands, what_one_has_is_known_by_name) {
  Commands commands{Commands::Bounds()};
  for (const char* id : {"c", "a", "b"}) ASSERT_TRUE(commands.add(1, definition_of(id)).has_value());
  ASSERT_TRUE(commands.add(2, definition_of("b")).has_value());
  EXPECT_EQ(commands.names_of(1), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(commands.names_of(2), (std::vector<std::string>{"b"}));
  EXPECT_TRUE(commands.names_of(3).empty());
  std::vector<std::string> owned;
  commands.for_each([&](const auto& each) { owned.push_back(each.definition.id + std::to_string(each.owner)); });
  EXPECT_EQ(owned, (std::vector<std::string>{"a1", "b1", "c1"}));
}

TEST(Commands, one_provider_has_so_many_and_no_more) {
  Commands commands(small);
  ASSERT_TRUE(commands.add(1, definition_of("a")).has_value());
  ASSERT_TRUE(commands.add(1, definition_of("b")).has_value());
  EXPECT_EQ(commands.add(1, definition_of("c")).error().code, Code::overloaded);
  EXPECT_TRUE(commands.add(1, definition_of("a", "anew")).has_value());
  commands.remove(1, "b");
  EXPECT_TRUE(commands.add(1, definition_of("c")).has_value());
}

TEST(Commands, what_they_say_of_themselves_is_bounded) {
  Commands commands(small);
  EXPECT_EQ(commands.add(1, definition_of("a", std::string(20, 'x'))).error().code, Code::overloaded);
  EXPECT_FALSE(commands.has("a"));
  ASSERT_TRUE(commands.add(1, definition_of("a", std::string(19, 'x'))).has_value());
  EXPECT_EQ(commands.add(1, definition_of("b", std::string(10, 'x'))).error().code, Code::overloaded);
  EXPECT_EQ(commands.add(1, definition_of("a", std::string(20, 'y'))).error().code, Code::overloaded);
  EXPECT_EQ(commands.find("a")->definition.description, std::string(19, 'x'));
  ASSERT_TRUE(commands.add(1, definition_of("a", "short")).has_value());
  EXPECT_TRUE(commands.add(1, definition_of("b", std::string(10, 'x'))).has_value());
  auto with_schema = definition_of("c");
  with_schema.schema = std::string(15, ' ');
  with_schema.rest = std::string(15, ' ');
  EXPECT_EQ(commands.add(2, with_schema).error().code, Code::overloaded);
}

TEST(Commands, peers_leave_room_for_those_here) {
  Commands commands(small);
  ASSERT_TRUE(commands.add(1, definition_of("a")).has_value());
  ASSERT_TRUE(commands.add(1, definition_of("b")).has_value());
  ASSERT_TRUE(commands.add(2, definition_of("c")).has_value());
  EXPECT_EQ(commands.add(2, definition_of("d")).error().code, Code::overloaded);
  EXPECT_TRUE(commands.add(2, definition_of("a")).has_value());
  EXPECT_TRUE(commands.add(Commands::here, definition_of("own")).has_value());
}

TEST(Commands, a_name_is_one_of_the_directory) {
  Commands commands{Commands::Bounds()};
  for (const char* id : {"", ".a", "a b", "\xc3\xa4"}) {
    EXPECT_EQ(commands.add(1, definition_of(id)).error().code, Code::invalid) << id;
  }
  EXPECT_EQ(commands.add(1, definition_of(std::string(129, 'a'))).error().code, Code::invalid);
  EXPECT_TRUE(commands.add(1, definition_of(std::string(128, 'a'))).has_value());
}

}  // namespace
}  // namespace parley::core
