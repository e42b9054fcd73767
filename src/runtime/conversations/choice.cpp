#include "runtime/conversations/choice.h"

#include <algorithm>
#include <tuple>

namespace parley {

namespace {

// Of FNV-1a, finished so that names which differ in their last letter are far apart.
std::uint64_t hash_of(std::string_view key, std::string_view name) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const std::string_view part : {key, std::string_view("\0", 1), name}) {
    for (const char letter : part) hash = (hash ^ static_cast<std::uint8_t>(letter)) * 0x100000001b3;
  }
  hash = (hash ^ hash >> 33) * 0xff51afd7ed558ccd;
  hash = (hash ^ hash >> 33) * 0xc4ceb9fe1a85ec53;
  return hash ^ hash >> 33;
}

}  // namespace

std::vector<core::Conversation::Participant> choose(std::vector<Candidate> candidates, Choice& choice,
                                                    std::uint64_t turn) {
  std::vector<core::Conversation::Participant> chosen;
  if (candidates.empty()) return chosen;
  if (choice.how == Choice::How::custom) {
    while (!candidates.empty()) {
      const std::size_t picked = choice.pick(candidates);
      if (picked >= candidates.size()) return chosen;
      chosen.push_back(candidates[picked].who);
      candidates.erase(candidates.begin() + static_cast<std::ptrdiff_t>(picked));
    }
    return chosen;
  }
  std::vector<std::tuple<std::uint64_t, std::size_t, core::Conversation::Participant>> ranked;
  const std::size_t count = candidates.size();
  for (std::size_t at = 0; at < count; ++at) {
    const Candidate& each = candidates[at];
    std::uint64_t rank = 0;
    if (choice.how == Choice::How::affinity) rank = hash_of(choice.key, each.name);
    if (choice.how == Choice::How::least_busy) rank = each.in_flight;
    ranked.emplace_back(rank, (at + count - turn % count) % count, each.who);
  }
  std::ranges::sort(ranked);
  for (const auto& [rank, place, who] : ranked) chosen.push_back(who);
  return chosen;
}

}  // namespace parley
