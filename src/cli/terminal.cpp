#include "cli/terminal.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

namespace parley::cli {

int exit_of(const Error& error) { return code(Exit::kind_base) + static_cast<int>(kind(error)); }

void say(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (!text.ends_with('\n')) std::fputc('\n', stdout);
  std::fflush(stdout);
}

bool is_said() { return std::ferror(stdout) == 0; }

void complain(std::string_view line, std::string_view hint) {
  std::string text = fmt::format("parley: {}\n", line);
  if (!hint.empty()) text += fmt::format("  {}\n", hint);
  std::fwrite(text.data(), 1, text.size(), stderr);
}

std::string table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) line += fmt::format("{:<{}}  ", row[i], widths[i]);
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

}  // namespace parley::cli
