#include "core/directory/interests.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/prng.h"

namespace parley::core {
namespace {

using Texts = std::vector<std::string>;
using Wanted = Interests::Wanted;

Pattern pattern(std::string_view text) { return Pattern::parse(text).value(); }
Wanted wanted(std::string_view text, std::uint32_t hops = 0) { return {pattern(text), hops}; }
Texts texts_for(const Interests& interests, Interests::Holder holder) {
  Texts texts;
  for (const auto& each : interests.of_others(holder)) texts.push_back(each.pattern);
  return texts;
}

TEST(Interests, what_one_wants_is_said_to_all_others) {
  Interests interests;
  EXPECT_TRUE(interests.add(1, wanted("a.*")));
  EXPECT_FALSE(interests.add(1, wanted("a.*")));
  EXPECT_EQ(texts_for(interests, 1), Texts());
  EXPECT_EQ(texts_for(interests, 2), Texts{"a.*"});
  EXPECT_TRUE(interests.wants(1, "a.b"));
  EXPECT_FALSE(interests.wants(1, "b"));
  EXPECT_FALSE(interests.wants(2, "a.b"));
}

TEST(Interests, a_third_is_news_to_nobody) {
  Interests interests;
  interests.add(1, wanted("a"));
  EXPECT_TRUE(interests.add(2, wanted("a")));
  EXPECT_EQ(texts_for(interests, 1), Texts{"a"});
  EXPECT_FALSE(interests.add(3, wanted("a")));
  EXPECT_FALSE(interests.remove(3, pattern("a")));
  EXPECT_TRUE(interests.remove(1, pattern("a")));
  EXPECT_EQ(texts_for(interests, 2), Texts());
  EXPECT_TRUE(interests.remove(2, pattern("a")));
  EXPECT_FALSE(interests.remove(2, pattern("a")));
  EXPECT_EQ(texts_for(interests, 1), Texts());
}

TEST(Interests, it_is_forgotten_as_often_as_it_was_wanted) {
  Interests interests;
  interests.add(1, wanted("a"));
  interests.add(1, wanted("a"));
  EXPECT_FALSE(interests.remove(1, pattern("a")));
  EXPECT_TRUE(interests.wants(1, "a"));
  EXPECT_TRUE(interests.remove(1, pattern("a")));
  EXPECT_FALSE(interests.wants(1, "a"));
}

TEST(Interests, a_new_whole_takes_the_place_of_the_old) {
  Interests interests;
  interests.replace(1, {wanted("a"), wanted("b"), wanted("a")});
  EXPECT_EQ(texts_for(interests, 2), (Texts{"a", "b"}));
  EXPECT_TRUE(interests.replace(1, {wanted("b"), wanted("c")}));
  EXPECT_EQ(texts_for(interests, 2), (Texts{"b", "c"}));
  EXPECT_FALSE(interests.replace(1, {wanted("c"), wanted("b")}));
  EXPECT_TRUE(interests.drop(1));
  EXPECT_EQ(texts_for(interests, 2), Texts());
}

TEST(Interests, it_is_as_far_away_as_the_nearest_who_wants_it) {
  Interests interests;
  interests.add(1, wanted("a", 4));
  EXPECT_TRUE(interests.add(2, wanted("a", 2)));
  EXPECT_EQ(interests.of_others(3), (std::vector<Interests::Said>{{"a", 2}}));
  EXPECT_EQ(interests.of_others(2), (std::vector<Interests::Said>{{"a", 4}}));
  EXPECT_TRUE(interests.replace(2, {wanted("a", 7)}));
  EXPECT_EQ(interests.of_others(3), (std::vector<Interests::Said>{{"a", 4}}));
}

TEST(Interests, whoever_wants_all_is_said_so_alone) {
  Interests interests;
  interests.replace(1, {wanted("a"), wanted("**", 3)});
  EXPECT_EQ(interests.of_others(2), (std::vector<Interests::Said>{{"**", 3}}));
  EXPECT_EQ(texts_for(interests, 1), Texts());
}

TEST(Interests, of_very_many_all_is_said) {
  Interests interests;
  for (std::size_t i = 0; i < Interests::patterns_said_max; ++i) interests.add(1, wanted("p" + std::to_string(i), 2));
  EXPECT_EQ(interests.of_others(2).size(), Interests::patterns_said_max);
  interests.add(1, wanted("q"));
  EXPECT_EQ(interests.of_others(2), (std::vector<Interests::Said>{{"**", 2}}));
}

// What each holds, how often and how far: from that follows everything else.
struct Model {
  struct Held {
    int count = 0;
    std::uint32_t hops = 0;
  };
  using Said = std::vector<Interests::Said>;
  std::map<Interests::Holder, std::map<std::string, Held>> held;

  Said of_others(Interests::Holder holder) const {
    std::map<std::string, std::uint32_t> nearest;
    for (const auto& [other, patterns] : held) {
      if (other == holder) continue;
      for (const auto& [text, each] : patterns) {
        const auto [place, is_new] = nearest.emplace(text, each.hops);
        place->second = std::min(place->second, each.hops);
      }
    }
    if (nearest.contains("**")) return {{"**", nearest["**"]}};
    Said said;
    for (const auto& [text, hops] : nearest) said.push_back({text, hops});
    return said;
  }
  bool wants(Interests::Holder holder, std::string_view event) const {
    const auto found = held.find(holder);
    return found != held.end() &&
           std::ranges::any_of(found->second, [&](const auto& each) { return pattern(each.first).matches(event); });
  }
};

RC_GTEST_PROP(InterestsProperty, where_nothing_is_news_all_are_told_the_same, (std::uint64_t seed)) {
  constexpr std::uint64_t holders = 4;
  const Texts texts{"a", "a.*", "b", "*", "**"};
  Prng prng(seed);
  Interests interests;
  Model model;
  const auto any_text = [&] { return texts[prng.below(texts.size())]; };
  for (int step = 0; step < 40; ++step) {
    std::map<Interests::Holder, Model::Said> before;
    for (Interests::Holder each = 0; each < holders; ++each) before[each] = model.of_others(each);
    bool is_news = false;
    const Interests::Holder holder = prng.below(holders);
    auto& held = model.held[holder];
    const std::string text = any_text();
    if (const auto choice = prng.below(4); choice == 0) {
      std::vector<Wanted> all;
      held.clear();
      for (std::uint64_t i = prng.below(4); i != 0; --i) {
        const auto hops = static_cast<std::uint32_t>(prng.below(3));
        all.push_back(wanted(any_text(), hops));
        const auto [place, is_new] = held.try_emplace(all.back().pattern.text(), Model::Held{1, hops});
        place->second.hops = std::min(place->second.hops, hops);
      }
      is_news = interests.replace(holder, all);
    } else if (choice == 1) {
      if (const auto found = held.find(text); found != held.end() && --found->second.count == 0) held.erase(found);
      is_news = interests.remove(holder, pattern(text));
    } else {
      ++held[text].count;
      is_news = interests.add(holder, wanted(text));
    }
    for (Interests::Holder each = 0; each < holders; ++each) {
      RC_ASSERT(interests.of_others(each) == model.of_others(each));
      for (const char* event : {"a", "a.b", "b", "c.d"}) {
        RC_ASSERT(interests.wants(each, event) == model.wants(each, event));
      }
      RC_ASSERT(is_news || before[each] == model.of_others(each));
    }
  }
}

}  // namespace
}  // namespace parley::core
