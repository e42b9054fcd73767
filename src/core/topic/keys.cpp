#include "core/topic/keys.h"

#include <fmt/format.h>

#include <utility>

#include "base/assert.h"

namespace parley::core {

std::optional<Keys::Claim> Keys::find(const Key& key) const {
  const auto found = claims_.find(key);
  return found == claims_.end() ? std::nullopt : std::optional(found->second);
}

Result<void> Keys::has_room_for(const Key& key) const {
  if (key.key.empty() || key.key.size() > bounds_.key_bytes_max) {
    return fail(Code::invalid,
                fmt::format("a key has 1 to {} bytes, this one {}", bounds_.key_bytes_max, key.key.size()));
  }
  if (claims_.size() >= bounds_.keys_max) {
    return fail(Code::overloaded, fmt::format("{} keys are remembered", claims_.size()));
  }
  const auto held = publishers_.find(key.publisher);
  if (held != publishers_.end() && held->second >= bounds_.keys_per_publisher_max) {
    return fail(Code::overloaded, fmt::format("{} keys of this publisher are remembered", held->second));
  }
  return {};
}

void Keys::claim(Key key, Claim claim, Instant now) {
  PARLEY_ASSERT(has_room_for(key).has_value(), key.key.size());
  ++publishers_[key.publisher];
  const auto [place, is_new] = claims_.emplace(std::move(key), claim);
  PARLEY_ASSERT(is_new, claim.message);
  by_age_.push_back({place, now + bounds_.kept});
}

void Keys::sweep(Instant now) {
  while (!by_age_.empty() && by_age_.front().until <= now) {
    const auto oldest = by_age_.front().claim;
    by_age_.pop_front();
    const auto held = publishers_.find(oldest->first.publisher);
    PARLEY_ASSERT(held != publishers_.end());
    if (--held->second == 0) publishers_.erase(held);
    claims_.erase(oldest);
  }
  PARLEY_ASSERT(by_age_.size() == claims_.size(), by_age_.size(), claims_.size());
}

}  // namespace parley::core
