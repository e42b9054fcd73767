#include "core/directory/directory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <set>

#include "base/prng.h"

namespace parley::core {
namespace {

Offer offer_of(std::string name, std::vector<std::uint64_t> methods = {1, 2}, bool is_exclusive = false) {
  return {
      .name = std::move(name), .service = "Calculator", .exclusive = is_exclusive, .method_ids = std::move(methods)};
}

const Policy policy = Policy::of_owner(Principal::of_own_process());
const Rights everything(policy, Principal::of_own_process());

class DirectoryTest : public testing::Test {
 protected:
  Directory directory{{.names_max = 4, .offers_per_provider_max = 3, .methods_per_offer_max = 5}};
};

TEST_F(DirectoryTest, a_name_that_is_offered_is_found_until_its_provider_goes) {
  EXPECT_EQ(directory.choose("Calculator", everything).error().code, Code::not_found);
  ASSERT_TRUE(directory.offer(7, offer_of("Calculator"), everything));
  EXPECT_EQ(directory.choose("Calculator", everything)->provider, 7u);
  EXPECT_EQ(directory.choose_by_method(2, everything)->name, "Calculator");
  directory.drop(7);
  EXPECT_EQ(directory.choose("Calculator", everything).error().code, Code::not_found);
  EXPECT_EQ(directory.choose_by_method(2, everything).error().code, Code::method);
  EXPECT_EQ(directory.size(), 0u);
}

TEST_F(DirectoryTest, a_method_leads_to_the_name_of_its_class_whoever_offered_another_one_first) {
  ASSERT_TRUE(directory.offer(1, offer_of("A.catcher"), everything));
  EXPECT_EQ(directory.choose_by_method(2, everything)->name, "A.catcher");
  ASSERT_TRUE(directory.offer(2, offer_of("Calculator"), everything));
  ASSERT_TRUE(directory.offer(1, offer_of("Z.catcher"), everything));
  EXPECT_EQ(directory.choose_by_method(2, everything)->name, "Calculator");
}

TEST_F(DirectoryTest, the_provider_with_the_fewest_calls_in_flight_is_chosen) {
  for (const Directory::ProviderId id : {1u, 2u, 3u}) ASSERT_TRUE(directory.offer(id, offer_of("C"), everything));
  directory.add_load(1, 5);
  directory.add_load(2, 2);
  directory.add_load(3, 4);
  EXPECT_EQ(directory.choose("C", everything)->provider, 2u);
  directory.add_load(2, 3);
  EXPECT_EQ(directory.choose("C", everything)->provider, 3u);
  directory.add_load(1, -5);
  EXPECT_EQ(directory.choose("C", everything)->provider, 1u);
}

TEST_F(DirectoryTest, among_equals_it_is_their_turn) {
  for (const Directory::ProviderId id : {1u, 2u, 3u}) ASSERT_TRUE(directory.offer(id, offer_of("C"), everything));
  std::vector<Directory::ProviderId> chosen;
  for (int i = 0; i < 6; ++i) chosen.push_back(directory.choose("C", everything)->provider);
  EXPECT_EQ(chosen, (std::vector<Directory::ProviderId>{1, 2, 3, 1, 2, 3}));
}

TEST_F(DirectoryTest, an_exclusive_name_has_one_provider) {
  ASSERT_TRUE(directory.offer(1, offer_of("C", {1}, true), everything));
  EXPECT_EQ(directory.offer(2, offer_of("C"), everything).error(),
            (Error{Code::in_use, "\"C\" is offered exclusively by somebody else"}));
  ASSERT_TRUE(directory.offer(1, offer_of("D"), everything));
  EXPECT_EQ(directory.offer(2, offer_of("D", {1}, true), everything).error(),
            (Error{Code::in_use, "\"D\" is wanted exclusively, and offered by somebody"}));
  directory.drop(1);
  EXPECT_TRUE(directory.offer(2, offer_of("C", {1}, true), everything));
}

TEST_F(DirectoryTest, one_name_is_one_class) {
  ASSERT_TRUE(directory.offer(1, offer_of("C"), everything));
  Offer other = offer_of("C");
  other.service = "Clock";
  EXPECT_EQ(directory.offer(2, other, everything).error(),
            (Error{Code::in_use, "\"C\" is a Calculator elsewhere, and a Clock here"}));
}

TEST_F(DirectoryTest, bad_names_reserved_names_and_repeated_ones_are_refused) {
  EXPECT_EQ(directory.offer(1, offer_of("a b"), everything).error().code, Code::invalid);
  EXPECT_EQ(directory.offer(1, offer_of("parley.Hub"), everything).error().code, Code::invalid);
  Offer endless = offer_of("E");
  endless.service = std::string(129, 'x');
  EXPECT_EQ(directory.offer(1, endless, everything).error().code, Code::invalid);
  ASSERT_TRUE(directory.offer(1, offer_of("C"), everything));
  EXPECT_EQ(directory.offer(1, offer_of("C"), everything).error(), (Error{Code::invalid, "\"C\" is offered twice"}));
}

TEST_F(DirectoryTest, names_offers_and_methods_are_bounded) {
  for (const char* name : {"A", "B", "C"}) ASSERT_TRUE(directory.offer(1, offer_of(name), everything));
  EXPECT_EQ(directory.offer(1, offer_of("D"), everything).error().code, Code::overloaded) << "three names a provider";
  ASSERT_TRUE(directory.offer(2, offer_of("D"), everything));
  EXPECT_EQ(directory.offer(2, offer_of("E"), everything).error().code, Code::overloaded) << "four names in all";
  EXPECT_TRUE(directory.offer(2, offer_of("A"), everything)) << "which is no new name";
  EXPECT_EQ(directory.offer(3, offer_of("A", {1, 2, 3, 4, 5, 6}), everything).error().code, Code::overloaded);
  EXPECT_EQ(directory.entries().size(), 5u);
}

TEST_F(DirectoryTest, a_name_that_is_withdrawn_is_gone_and_the_others_stay) {
  ASSERT_TRUE(directory.offer(1, offer_of("A", {1, 2}), everything));
  ASSERT_TRUE(directory.offer(1, offer_of("B", {2, 3}), everything));
  EXPECT_TRUE(directory.withdraw(1, "A"));
  EXPECT_FALSE(directory.withdraw(1, "A"));
  EXPECT_FALSE(directory.withdraw(2, "B"));
  EXPECT_FALSE(directory.choose("A", everything));
  EXPECT_FALSE(directory.choose_by_method(1, everything));
  EXPECT_EQ(directory.choose_by_method(2, everything)->name, "B");
  EXPECT_EQ(directory.entries().size(), 1u);
}

TEST_F(DirectoryTest, a_name_that_is_not_there_brings_the_nearest) {
  ASSERT_TRUE(directory.offer(1, offer_of("Calculator"), everything));
  EXPECT_EQ(directory.choose("calculater", everything).error().note,
            "nobody provides \"calculater\"; did you mean \"Calculator\"?");
  EXPECT_EQ(directory.choose("Printer", everything).error().note, "nobody provides \"Printer\"");
}

// --- who may

Rights rights_of(std::vector<std::string> rules) {
  static std::vector<std::unique_ptr<Policy>> policies;
  policies.push_back(std::make_unique<Policy>());
  for (const std::string& rule : rules) EXPECT_TRUE(policies.back()->add(Rule::parse(rule).value()));
  return {*policies.back(), Principal::of_token("ci")};
}

TEST_F(DirectoryTest, what_may_not_be_seen_is_as_if_it_were_not_there) {
  const Rights rights = rights_of({"token:ci call Calculator", "token:other call Calculators"});
  const Error missing = directory.choose("Calculators", rights).error();
  const Error missing_method = directory.choose_by_method(1, rights).error();
  ASSERT_TRUE(directory.offer(1, offer_of("Calculators"), everything));
  EXPECT_EQ(directory.choose("Calculators", rights).error(), missing);
  EXPECT_EQ(directory.choose_by_method(1, rights).error(), missing_method);
  EXPECT_TRUE(directory.entries(rights).empty());
  EXPECT_EQ(directory.choose("Calculatrs", rights).error().note, "nobody provides \"Calculatrs\"")
      << "what is not seen is not proposed either";
  ASSERT_TRUE(directory.offer(2, offer_of("Calculator"), everything));
  EXPECT_EQ(directory.choose("Calculators", rights).error().note,
            "nobody provides \"Calculators\"; did you mean \"Calculator\"?");
  EXPECT_EQ(directory.entries(rights).size(), 1u);
  EXPECT_EQ(directory.choose("Calculators", everything)->provider, 1u);
}

TEST_F(DirectoryTest, what_may_be_seen_and_not_called_is_not_permitted) {
  const Rights rights = rights_of({"* see **", "token:ci call Open"});
  const Error refused{Code::permission, "token:ci may not call \"Shut\"; a rule that allows it: token:ci call Shut"};
  EXPECT_EQ(directory.choose("Shut", rights).error().code, Code::not_found) << "nobody provides it";
  ASSERT_TRUE(directory.offer(1, offer_of("Shut", {1, 2}), everything));
  EXPECT_EQ(directory.choose("Shut", rights).error(), refused);
  EXPECT_EQ(directory.choose_by_method(1, rights).error(), refused);
  EXPECT_EQ(directory.entries(rights).size(), 1u);
  ASSERT_TRUE(directory.offer(2, offer_of("Open", {2}), everything));
  EXPECT_EQ(directory.choose_by_method(2, rights)->name, "Open") << "the first that may be called";
  EXPECT_EQ(*directory.name_of(2), "Shut");
  EXPECT_EQ(directory.name_of(9), nullptr);
}

TEST_F(DirectoryTest, a_name_is_offered_by_those_who_may) {
  const Rights rights = rights_of({"token:ci offer Desk.*"});
  EXPECT_EQ(directory.offer(1, offer_of("Calculator"), rights).error(),
            (Error{Code::permission,
                   "token:ci may not offer \"Calculator\"; a rule that allows it: token:ci offer Calculator"}));
  EXPECT_FALSE(directory.has("Calculator"));
  EXPECT_TRUE(directory.offer(1, offer_of("Desk.Calculator"), rights));
  EXPECT_EQ(directory.entries(rights).size(), 1u) << "whoever may offer a name sees it";
  EXPECT_EQ(directory.choose("Desk.Calculator", rights).error().code, Code::permission);
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
        EXPECT_EQ(
            directory.offer(provider, offer_of(name, {static_cast<std::uint64_t>(name[0])}), everything).has_value(),
            model.emplace(provider, name).second);
    }
    const auto is_there = std::ranges::any_of(model, [&](const auto& each) { return each.second == name; });
    const auto chosen = directory.choose(name, everything);
    ASSERT_EQ(chosen.has_value(), is_there);
    if (chosen) ASSERT_TRUE(model.contains({chosen->provider, name}));
    ASSERT_EQ(directory.choose_by_method(static_cast<std::uint64_t>(name[0]), everything).has_value(), is_there);
    ASSERT_EQ(directory.entries().size(), model.size());
  }
}

}  // namespace
}  // namespace parley::core
