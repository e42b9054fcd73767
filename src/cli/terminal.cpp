#include "cli/terminal.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <optional>

#include "codec/json.h"
#include "codec/utf8.h"
#include "os/terminal.h"

namespace parley::cli {

namespace {

// Of the process, as its standard output is.
bool complains_in_json = false;

struct Complaint {
  std::string message;
  std::optional<std::string> hint;
  std::optional<std::string> kind;
  std::optional<std::uint32_t> code;
};

}  // namespace

int exit_of(const Error& error) { return code(Exit::kind_base) + static_cast<int>(kind(error)); }

void put(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

void say(std::string_view text) {
  std::string line = os::terminal_size() ? without_controls(text) : std::string(text);
  if (!line.ends_with('\n')) line += '\n';
  put(line);
}

std::string without_controls(std::string_view text) {
  std::string clean;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    clean += codec::to_line(text.substr(begin, end - begin), end - begin);
    if (end != text.size()) clean += '\n';
    begin = end + 1;
  }
  return clean;
}

void complain(std::string_view line, std::string_view hint, const Error* error) {
  warn(line, hint);
  if (!complains_in_json) return;
  Complaint complaint{.message = std::string(line)};
  if (!hint.empty()) complaint.hint = hint;
  if (error) {
    complaint.kind = to_string(kind(*error));
    complaint.code = static_cast<std::uint32_t>(error->code);
  }
  say(fmt::format("{{\"error\":{}}}", codec::to_json(complaint)));
}

bool is_said() { return std::ferror(stdout) == 0; }

void warn(std::string_view line, std::string_view hint) {
  std::string text = fmt::format("parley: {}\n", without_controls(line));
  if (!hint.empty()) text += fmt::format("  {}\n", without_controls(hint));
  std::fwrite(text.data(), 1, text.size(), stderr);
}

void complain_in_json() { complains_in_json = true; }

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
