#include "core/conversation/phase.h"

#include <array>

namespace parley::core {

std::string_view to_string(Phase phase) {
  constexpr std::array<std::string_view, phase_count> names = {"created", "active", "completing", "closed", "failed"};
  return names[static_cast<std::size_t>(phase)];
}

std::optional<Phase> after(Phase phase, Step step) {
  using enum Phase;
  constexpr std::optional<Phase> none;
  constexpr std::array<std::array<std::optional<Phase>, phase_count>, step_count> table = {{
      //            created active      completing  closed  failed
      /* activate */ {active, active, none, none, none},
      /* complete */ {none, completing, completing, none, none},
      /* close    */ {none, none, closed, closed, none},
      /* fail     */ {failed, failed, failed, none, failed},
  }};
  return table[static_cast<std::size_t>(step)][static_cast<std::size_t>(phase)];
}

}  // namespace parley::core
