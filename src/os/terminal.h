#pragma once

#include <cstddef>
#include <optional>

namespace parley::os {

struct TerminalSize {
  std::size_t rows = 24;
  std::size_t columns = 80;
};

// Of the terminal that standard output is now; nothing where it is none.
std::optional<TerminalSize> terminal_size();
// Whether standard error is one.
bool is_terminal_of_errors();

}  // namespace parley::os
