#include "core/directory/interests.h"

#include <algorithm>

namespace parley::core {

Interests::Change Interests::add(Holder holder, const Pattern& pattern) {
  Held& held = patterns_.try_emplace(pattern.text(), Held{pattern, {}}).first->second;
  if (held.by[holder]++ != 0) return {};
  holders_[holder].push_back(pattern);
  if (held.by.size() == 1) return {Change::Who::all_but, holder};
  if (held.by.size() > 2) return {};
  const Holder first = held.by.begin()->first;
  return {Change::Who::one, first == holder ? held.by.rbegin()->first : first};
}

Interests::Change Interests::remove(Holder holder, const Pattern& pattern) {
  const auto found = patterns_.find(pattern.text());
  if (found == patterns_.end()) return {};
  auto& by = found->second.by;
  const auto own = by.find(holder);
  if (own == by.end() || --own->second != 0) return {};
  by.erase(own);
  auto& all = holders_.at(holder);
  std::erase(all, pattern);
  if (all.empty()) holders_.erase(holder);
  if (by.empty()) {
    patterns_.erase(found);
    return {Change::Who::all_but, holder};
  }
  if (by.size() == 1) return {Change::Who::one, by.begin()->first};
  return {};
}

std::vector<Interests::Change> Interests::replace(Holder holder, std::vector<Pattern> patterns) {
  std::vector<Change> changes;
  const auto note = [&](Change change) {
    if (change.who != Change::Who::nobody) changes.push_back(change);
  };
  std::ranges::sort(patterns, {}, &Pattern::text);
  const auto doubles = std::ranges::unique(patterns);
  patterns.erase(doubles.begin(), doubles.end());
  if (const auto before = holders_.find(holder); before != holders_.end()) {
    for (const Pattern& each : std::vector<Pattern>(before->second)) {
      patterns_.at(each.text()).by[holder] = 1;  // all of it goes
      if (!std::ranges::binary_search(patterns, each.text(), {}, &Pattern::text)) note(remove(holder, each));
    }
  }
  for (const Pattern& each : patterns) {
    const auto held = patterns_.find(each.text());
    if (held == patterns_.end() || !held->second.by.contains(holder)) note(add(holder, each));
  }
  return changes;
}

bool Interests::wants(Holder holder, std::string_view event) const {
  const auto found = holders_.find(holder);
  return found != holders_.end() &&
         std::ranges::any_of(found->second, [&](const Pattern& each) { return each.matches(event); });
}

std::vector<std::string> Interests::of_others(Holder holder) const {
  std::vector<std::string> texts;
  for (const auto& [text, held] : patterns_) {
    const bool is_of_others = held.by.size() > 1 || held.by.begin()->first != holder;
    if (!is_of_others) continue;
    if (text == "**" || texts.size() == patterns_said_max) return {"**"};
    texts.push_back(text);
  }
  return texts;
}

}  // namespace parley::core
