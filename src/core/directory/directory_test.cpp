#include "core/directory/directory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/prng.h"

namespace parley::core {
namespace {

Offer offer_of(std::string name, std::vector<std::uint64_t> methods = {1, 2}, bool is_exclusive = false) {
  return {
      .name = std::move(name), .service = "Calculator", .exclusive = is_exclusive, .method_ids = std::move(methods)};
}

class DirectoryTest : public testing::Test {
 protected:
  Directory directory{{.names_max = 4, .offers_per_provider_max = 3, .methods_per_offer_max = 5}};
};

TEST_F(DirectoryTest, a_name_that_is_offered_is_found_until_its_provider_goes) {
  EXPECT_EQ(directory.choose("Calculator").error().code, Code::not_found);
  ASSERT_TRUE(directory.offer(7, offer_of("Calculator")));
  EXPECT_EQ(directory.choose("Calculator")->provider, 7u);
  EXPECT_EQ(directory.choose_by_method(2)->name, "Calculator");
  directory.drop(7);
  EXPECT_EQ(directory.choose("Calculator").error().code, Code::not_found);
  EXPECT_EQ(directory.choose_by_method(2).error().code, Code::method);
  EXPECT_EQ(directory.size(), 0u);
}

TEST_F(DirectoryTest, the_provider_with_the_fewest_calls_in_flight_is_chosen) {
  for (const Directory::ProviderId id : {1u, 2u, 3u}) ASSERT_TRUE(directory.offer(id, offer_of("C")));
  directory.add_load(1, 5);
  directory.add_load(2, 2);
  directory.add_load(3, 4);
  EXPECT_EQ(directory.choose("C")->provider, 2u);
  directory.add_load(2, 3);
  EXPECT_EQ(directory.choose("C")->provider, 3u);
  directory.add_load(1, -5);
  EXPECT_EQ(directory.choose("C")->provider, 1u);
}

TEST_F(DirectoryTest, among_equals_it_is_their_turn) {
  for (const Directory::ProviderId id : {1u, 2u, 3u}) ASSERT_TRUE(directory.offer(id, offer_of("C")));
  std::vector<Directory::ProviderId> chosen;
  for (int i = 0; i < 6; ++i) chosen.push_back(directory.choose("C")->provider);
  EXPECT_EQ(chosen, (std::vector<Directory::ProviderId>{1, 2, 3, 1, 2, 3}));
}

TEST_F(DirectoryTest, an_exclusive_name_has_one_provider) {
  ASSERT_TRUE(directory.offer(1, offer_of("C", {1}, true)));
  EXPECT_EQ(directory.offer(2, offer_of("C")).error(),
            (Error{Code::in_use, "\"C\" is offered exclusively by somebody else"}));
  ASSERT_TRUE(directory.offer(1, offer_of("D")));
  EXPECT_EQ(directory.offer(2, offer_of("D", {1}, true)).error(),
            (Error{Code::in_use, "\"D\" is wanted exclusively, and offered by somebody"}));
  directory.drop(1);
  EXPECT_TRUE(directory.offer(2, offer_of("C", {1}, true)));
}

TEST_F(DirectoryTest, one_name_is_one_class) {
  ASSERT_TRUE(directory.offer(1, offer_of("C")));
  Offer other = offer_of("C");
  other.service = "Clock";
  EXPECT_EQ(directory.offer(2, other).error(),
            (Error{Code::in_use, "\"C\" is a Calculator elsewhere, and a Clock here"}));
}

TEST_F(DirectoryTest, bad_names_reserved_names_and_repeated_ones_are_refused) {
  EXPECT_EQ(directory.offer(1, offer_of("a b")).error().code, Code::invalid);
  EXPECT_EQ(directory.offer(1, offer_of("parley.Hub")).error().code, Code::invalid);
  Offer endless = offer_of("E");
  endless.service = std::string(129, 'x');
  EXPECT_EQ(directory.offer(1, endless).error().code, Code::invalid);
  ASSERT_TRUE(directory.offer(1, offer_of("C")));
  EXPECT_EQ(directory.offer(1, offer_of("C")).error(), (Error{Code::invalid, "\"C\" is offered twice"}));
}

TEST_F(DirectoryTest, names_offers_and_methods_are_bounded) {
  for (const char* name : {"A", "B", "C"}) ASSERT_TRUE(directory.offer(1, offer_of(name)));
  EXPECT_EQ(directory.offer(1, offer_of("D")).error().code, Code::overloaded) << "three names a provider";
  ASSERT_TRUE(directory.offer(2, offer_of("D")));
  EXPECT_EQ(directory.offer(2, offer_of("E")).error().code, Code::overloaded) << "four names in all";
  EXPECT_TRUE(directory.offer(2, offer_of("A"))) << "which is no new name";
  EXPECT_EQ(directory.offer(3, offer_of("A", {1, 2, 3, 4, 5, 6})).error().code, Code::overloaded);
  EXPECT_EQ(directory.entries().size(), 5u);
}

TEST_F(DirectoryTest, a_name_that_is_withdrawn_is_gone_and_the_others_stay) {
  ASSERT_TRUE(directory.offer(1, offer_of("A", {1, 2})));
  ASSERT_TRUE(directory.offer(1, offer_of("B", {2, 3})));
  EXPECT_TRUE(directory.withdraw(1, "A"));
  EXPECT_FALSE(directory.withdraw(1, "A"));
  EXPECT_FALSE(directory.withdraw(2, "B"));
  EXPECT_FALSE(directory.choose("A"));
  EXPECT_FALSE(directory.choose_by_method(1));
  EXPECT_EQ(directory.choose_by_method(2)->name, "B");
  EXPECT_EQ(directory.entries().size(), 1u);
}

TEST_F(DirectoryTest, a_name_that_is_not_there_brings_the_nearest) {
  ASSERT_TRUE(directory.offer(1, offer_of("Calculator")));
  EXPECT_EQ(directory.choose("calculater").error().note,
            "nobody provides \"calculater\"; did you mean \"Calculator\"?");
  EXPECT_EQ(directory.choose("Printer").error().note, "nobody provides \"Printer\"");
}

// Against a list of (provider, name): whatever happens, what is found is what is there.
TEST(DirectoryProperty, finds_exactly_what_is_offered) {
  Prng prng{7};
  Directory directory({.names_max = 100, .offers_per_provider_max = 100, .methods_per_offer_max = 5});
  std::set<std::pair<Directory::ProviderId, std::string>> model;
  for (int i = 0; i < 20'000; ++i) {
    const Directory::ProviderId provider = prng.next() % 5;
    const std::string name(1, static_cast<char>('A' + prng.next() % 6));
    switch (prng.next() % 8) {
      case 0:
        directory.drop(provider);
        std::erase_if(model, [&](const auto& each) { return each.first == provider; });
        break;
      case 1: EXPECT_EQ(directory.withdraw(provider, name), model.erase({provider, name}) == 1); break;
      case 2: directory.add_load(provider, 1); break;
      default:
        EXPECT_EQ(directory.offer(provider, offer_of(name, {static_cast<std::uint64_t>(name[0])})).has_value(),
                  model.emplace(provider, name).second);
    }
    const auto is_there = std::ranges::any_of(model, [&](const auto& each) { return each.second == name; });
    const auto chosen = directory.choose(name);
    ASSERT_EQ(chosen.has_value(), is_there);
    if (chosen) ASSERT_TRUE(model.contains({chosen->provider, name}));
    ASSERT_EQ(directory.choose_by_method(static_cast<std::uint64_t>(name[0])).has_value(), is_there);
    ASSERT_EQ(directory.entries().size(), model.size());
  }
}

}  // namespace
}  // namespace parley::core
