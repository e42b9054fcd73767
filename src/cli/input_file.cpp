#include "cli/input_file.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace parley::cli {

// A directory can be opened, and not read.
Result<std::string> read_input(const std::string& path, std::size_t bytes_max) {
  const auto cannot = [&] {
    return fail(Code::not_found, fmt::format("{} cannot be read: {}", path, std::strerror(errno)));
  };
  const auto close = [](std::FILE* file) { std::fclose(file); };
  std::unique_ptr<std::FILE, decltype(close)> opened(path == "-" ? nullptr : std::fopen(path.c_str(), "rb"));
  if (path != "-" && !opened) return cannot();
  std::FILE* const input = opened ? opened.get() : stdin;
  std::string bytes;
  std::array<char, std::size_t{1} << 16> piece{};
  while (const std::size_t size = std::fread(piece.data(), 1, piece.size(), input)) {
    if (size > bytes_max - bytes.size()) {
      return fail(Code::too_large, fmt::format("{} has more than {} bytes", path, bytes_max));
    }
    bytes.append(piece.data(), size);
  }
  if (std::ferror(input) != 0) return cannot();
  return bytes;
}

}  // namespace parley::cli
