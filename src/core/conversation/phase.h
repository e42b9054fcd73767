#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace parley::core {

// Where a conversation stands. The last two are its ends, and nothing leads out of them.
enum class Phase : std::uint8_t { created, active, completing, closed, failed };
inline constexpr int phase_count = 5;
std::string_view to_string(Phase phase);

// What may happen to it: somebody sends or receives, it takes no more messages, it ends well, it ends otherwise.
enum class Step : std::uint8_t { activate, complete, close, fail };
inline constexpr int step_count = 4;

// Where a step leads; nothing: it is none that is possible there.
std::optional<Phase> after(Phase phase, Step step);

constexpr bool is_end(Phase phase) { return phase == Phase::closed || phase == Phase::failed; }

}  // namespace parley::core
