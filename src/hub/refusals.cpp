#include "hub/refusals.h"

#include <algorithm>
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
  while (kept_.size() > count_max_) {
    dropped_ += kept_.front().times;
    kept_.pop_front();
  }
}

builtin::Refusals Refusals::all() const { return {.refusals = {kept_.begin(), kept_.end()}, .dropped = dropped_}; }

}  // namespace parley::hub
