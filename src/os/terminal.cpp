#include "os/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

namespace parley::os {

std::optional<TerminalSize> terminal_size() {
  if (::isatty(STDOUT_FILENO) == 0) return std::nullopt;
  TerminalSize size;
  winsize found{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &found) != 0) return size;
  if (found.ws_row != 0) size.rows = found.ws_row;
  if (found.ws_col != 0) size.columns = found.ws_col;
  return size;
}

bool is_terminal_of_errors() { return ::isatty(STDERR_FILENO) != 0; }

}  // namespace parley::os
