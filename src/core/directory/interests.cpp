#include "core/directory/interests.h"

#include <algorithm>
#include <iterator>

namespace parley::core {

// All that is said of a pattern depends on these alone: the nearest, and for him the next.
Interests::Two Interests::nearest_two(const Held& held) {
  constexpr std::pair<std::uint32_t, Holder> nobody{~std::uint32_t{0}, 0};
  const auto first = held.nearest.begin();
  if (first == held.nearest.end()) return {nobody, nobody};
  const auto second = std::next(first);
  return {*first, second == held.nearest.end() ? nobody : *second};
}

bool Interests::add(Holder holder, const Wanted& wanted) {
  Held& held = patterns_.try_emplace(wanted.pattern.text(), Held{wanted.pattern, {}, {}}).first->second;
  Held::By& by = held.by[holder];
  if (by.count++ != 0) return false;
  const Two before = nearest_two(held);
  by.hops = wanted.hops;
  held.nearest.emplace(wanted.hops, holder);
  holders_[holder].push_back(wanted.pattern);
  return nearest_two(held) != before;
}

bool Interests::remove(Holder holder, const Pattern& pattern) {
  const auto found = patterns_.find(pattern.text());
  if (found == patterns_.end()) return false;
  Held& held = found->second;
  const auto own = held.by.find(holder);
  if (own == held.by.end() || --own->second.count != 0) return false;
  const Two before = nearest_two(held);
  held.nearest.erase({own->second.hops, holder});
  held.by.erase(own);
  auto& all = holders_.at(holder);
  std::erase(all, pattern);
  if (all.empty()) holders_.erase(holder);
  const bool is_news = nearest_two(held) != before;
  if (held.by.empty()) patterns_.erase(found);
  return is_news;
}

bool Interests::replace(Holder holder, std::vector<Wanted> all) {
  bool is_news = false;
  const auto text = [](const Wanted& each) -> const std::string& { return each.pattern.text(); };
  // Of what is there twice the nearest counts.
  std::ranges::sort(all, {},
                    [](const Wanted& each) { return std::pair(std::string_view(each.pattern.text()), each.hops); });
  const auto doubles = std::ranges::unique(all, {}, text);
  all.erase(doubles.begin(), doubles.end());
  if (const auto before = holders_.find(holder); before != holders_.end()) {
    for (const Pattern& each : std::vector<Pattern>(before->second)) {
      Held::By& by = patterns_.at(each.text()).by.at(holder);
      const auto same = std::ranges::lower_bound(all, each.text(), {}, text);
      by.count = 1;  // all of it goes
      if (same == all.end() || text(*same) != each.text() || same->hops != by.hops) is_news |= remove(holder, each);
    }
  }
  for (const Wanted& each : all) {
    const auto held = patterns_.find(text(each));
    if (held == patterns_.end() || !held->second.by.contains(holder)) is_news |= add(holder, each);
  }
  return is_news;
}

bool Interests::wants(Holder holder, std::string_view event) const {
  const auto found = holders_.find(holder);
  return found != holders_.end() &&
         std::ranges::any_of(found->second, [&](const Pattern& each) { return each.matches(event); });
}

std::vector<Interests::Said> Interests::of_others(Holder holder) const {
  std::vector<Said> said;
  for (const auto& [text, held] : patterns_) {
    auto nearest = held.nearest.begin();
    if (nearest->second == holder) ++nearest;
    if (nearest == held.nearest.end()) continue;
    if (text == "**") return {{text, nearest->first}};
    if (said.size() == patterns_said_max) return {{"**", std::ranges::min(said, {}, &Said::hops).hops}};
    said.push_back({text, nearest->first});
  }
  return said;
}

}  // namespace parley::core
