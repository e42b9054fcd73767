#include "os/user.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

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

}  // namespace parley::os
