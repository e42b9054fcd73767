#include "os/user.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "io/stream.h"

namespace parley::os {

std::uint32_t user_id() { return ::getuid(); }
std::int64_t process_id() { return ::getpid(); }

Result<void> make_private_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return fail(errno == ENOENT ? Code::address : Code::permission, fmt::format("{}: {}", path, std::strerror(errno)));
  }
  struct stat found{};
  if (::lstat(path.c_str(), &found) != 0) {
    return fail(Code::permission, fmt::format("{}: {}", path, std::strerror(errno)));
  }
  if (!S_ISDIR(found.st_mode)) return fail(Code::in_use, fmt::format("{} is no directory", path));
  if (found.st_uid != user_id()) {
    return fail(Code::permission, fmt::format("{} belongs to user {}", path, found.st_uid));
  }
  if ((found.st_mode & 0077) != 0) {
    return fail(Code::permission, fmt::format("{} is open to others: chmod 700 {}", path, path));
  }
  return {};
}

Result<std::string> read_private_file(const std::string& path, std::size_t bytes_max) {
  const auto cannot = [&](int error) {
    const bool is_missing = error == ENOENT || error == ENOTDIR;
    return fail(is_missing ? Code::not_found : Code::permission, fmt::format("{}: {}", path, std::strerror(error)));
  };
  const io::Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC), [](int number) { ::close(number); });
  if (!file) return cannot(errno);
  struct stat found{};
  if (::fstat(file.number(), &found) != 0) return cannot(errno);
  if (S_ISDIR(found.st_mode)) return fail(Code::invalid, fmt::format("{} is a directory", path));
  if (found.st_uid != user_id() && found.st_uid != 0) {
    return fail(Code::permission, fmt::format("{} belongs to user {}", path, found.st_uid));
  }
  if ((found.st_mode & 0077) != 0) {
    return fail(Code::permission, fmt::format("{} is open to others: chmod 600 {}", path, path));
  }
  std::string text(bytes_max + 1, 0);
  std::size_t size = 0;
  while (size < text.size()) {
    const ::ssize_t read = ::read(file.number(), text.data() + size, text.size() - size);
    if (read < 0 && errno == EINTR) continue;
    if (read < 0) return cannot(errno);
    if (read == 0) break;
    size += static_cast<std::size_t>(read);
  }
  if (size > bytes_max) return fail(Code::too_large, fmt::format("{} has more than {} bytes", path, bytes_max));
  text.resize(size);
  return text;
}

}  // namespace parley::os
