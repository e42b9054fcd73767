#include "hub/refusals.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <tuple>

namespace parley::hub {

namespace {

auto what(const builtin::Refusal& refusal) {
  return std::tie(refusal.principal, refusal.verb, refusal.name, refusal.reason);
}

}  // namespace

void Refusals::add(builtin::Refusal refusal) {
  refusal.times = 1;
  const auto same =
      std::ranges::find_if(kept_, [&](const builtin::Refusal& other) { return what(other) == what(refusal); });
  if (same != kept_.end()) {
    refusal.times += same->times;
    kept_.erase(same);
  }
  kept_.push_back(std::move(refusal));
  if (kept_.size() > count_max_) drop_one();
}

void Refusals::drop_one() {
  std::map<std::string_view, std::size_t> counts;
  for (const builtin::Refusal& each : kept_) ++counts[each.principal];
  const std::string_view most =
      std::ranges::max_element(counts, {}, [](const auto& each) { return each.second; })->first;
  const auto oldest = std::ranges::find(kept_, most, &builtin::Refusal::principal);
  dropped_ += oldest->times;
  kept_.erase(oldest);
}

builtin::Refusals Refusals::all() const { return {.refusals = {kept_.begin(), kept_.end()}, .dropped = dropped_}; }

}  // namespace parley::hub
