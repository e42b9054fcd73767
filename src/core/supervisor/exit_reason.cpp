#include "core/supervisor/exit_reason.h"

#include <array>

namespace parley::core {

std::string_view to_string(ExitReason::Kind kind) {
  constexpr std::array<std::string_view, 5> names = {"normal", "finished", "error", "killed", "no connection"};
  return names[static_cast<std::size_t>(kind)];
}

std::string to_string(const ExitReason& reason) {
  std::string text(to_string(reason.kind));
  if (!reason.text.empty()) text += ": " + reason.text;
  return text;
}

}  // namespace parley::core
