#pragma once

#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/topic/kept.h"

// Kept topics whose items are texts, and what their followers are told in words.
namespace parley::core::kept_suite {

inline std::string text_of(const Bytes& item) { return std::string(as_text(item.view())); }

constexpr std::size_t any_size = std::numeric_limits<std::size_t>::max();

class Bench {
 public:
  explicit Bench(KeptLimits limits = {}, std::uint64_t incarnation = 7)
      : machine(limits), next_incarnation_(incarnation) {}

  Result<void> keep(std::string_view topic, std::optional<std::string_view> keeper, const KeepOptions& options) {
    auto checked = machine.check_keep(topic, keeper, options);
    if (checked) machine.keep(topic, keeper, options, next_incarnation_++);
    return checked;
  }
  Kept::Version say(std::string_view topic, std::string_view text) {
    return machine.append(topic, Bytes::copy_of(as_bytes(text)), woken);
  }
  // "1", "2" and so on.
  void say(std::string_view topic, int count) {
    for (int i = 0; i < count; ++i) say(topic, std::to_string(machine.ring_of(topic)->newest() + 1));
  }
  Result<Kept::Version> show(std::string_view topic, std::string_view text, std::optional<Kept::Version> at = {}) {
    const auto position = at.transform([](Kept::Version version) { return TopicPosition{0, version}; });
    auto version = machine.check_snapshot(topic, position, text.size());
    if (version) machine.record_snapshot(topic, *version, Bytes::copy_of(as_bytes(text)));
    return version;
  }
  Kept::Follower follow(std::string_view topic, Gap gap, std::optional<TopicPosition> after = {},
                        std::string_view peer = "somebody") {
    return machine.follow({.topic = topic, .peer = peer, .gap = gap, .after = after}).value().follower;
  }
  // What comes next, all of it: its text, or "missed 3 complete from 4", or "over".
  std::vector<std::string> hear(Kept::Follower follower, std::size_t bytes_max = any_size) {
    std::vector<std::string> heard;
    for (;;) {
      const Kept::Next next = machine.next(follower, bytes_max);
      if (std::holds_alternative<Kept::Nothing>(next)) return heard;
      heard.push_back(in_words(next));
      if (heard.back() == "over") return heard;
    }
  }
  std::string hear_one(Kept::Follower follower) { return in_words(machine.next(follower, any_size)); }

  Kept machine;
  Kept::Woken woken;

 private:
  std::uint64_t next_incarnation_;
  static std::string in_words(const Kept::Next& next) {
    if (std::holds_alternative<Kept::Over>(next)) return "over";
    if (const auto* const missed = std::get_if<Kept::Missed>(&next)) {
      return "missed " + std::to_string(missed->missed) + " complete from " +
             std::to_string(missed->position.version + 1) + (missed->is_unprovided ? " unprovided" : "");
    }
    const auto* const item = std::get_if<Bytes>(&next);
    return item ? text_of(*item) : "nothing";
  }
};

}  // namespace parley::core::kept_suite
