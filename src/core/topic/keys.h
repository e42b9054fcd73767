#pragma once

#include <compare>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/instant.h"
#include "core/topic/position.h"

namespace parley::core {

// Keys of idempotency: what was published under each, for a while, so that publishing it again does nothing. A key is
// its publisher's and its topic's, and is kept itself, not a hash of it. Each is kept equally long from its claim. At a
// bound a new one is refused, since forgetting one early would deliver twice. Owned by Topics.
class Keys {
 public:
  struct Bounds {
    std::uint32_t keys_max;
    std::uint32_t keys_per_publisher_max;
    std::size_t key_bytes_max;
    Duration kept;
  };
  struct Key {
    std::string topic;
    std::string publisher;
    std::string key;
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  struct Claim {
    std::uint64_t message;        // that was published
    std::uint64_t payload;        // a hash of it
    TopicPosition position = {};  // of a topic that was kept: where it stands there
  };

  explicit Keys(Bounds bounds) : bounds_(bounds) {}

  std::optional<Claim> find(const Key& key) const;
  // Whether claim() may be called. Errors: invalid, overloaded.
  Result<void> has_room_for(const Key& key) const;
  void claim(Key key, Claim claim, Instant now);
  void sweep(Instant now);

  Instant next_deadline() const { return by_age_.empty() ? Instant::never() : by_age_.front().until; }
  std::size_t size() const { return claims_.size(); }
  std::size_t publisher_count() const { return publishers_.size(); }

 private:
  using Claims = std::map<Key, Claim>;
  struct Aged {
    Claims::iterator claim;
    Instant until;
  };

  const Bounds bounds_;
  Claims claims_;
  std::deque<Aged> by_age_;
  std::map<std::string, std::uint32_t, std::less<>> publishers_;  // how many each has
};

}  // namespace parley::core
