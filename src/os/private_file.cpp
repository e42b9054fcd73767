#include "os/private_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace parley::os {

namespace {

std::unexpected<Error> refuse(Code code, const std::string& path, int why) {
  return fail(code, path + ": " + std::strerror(why));
}

}  // namespace

Result<PrivateFile> PrivateFile::create(const std::string& path) {
  const int number = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (number >= 0) return PrivateFile(number, path);
  switch (errno) {
    case EEXIST: return refuse(Code::in_use, path, errno);
    case ENOENT:
    case ENOTDIR: return refuse(Code::address, path, errno);
    default: return refuse(Code::permission, path, errno);
  }
}

PrivateFile::PrivateFile(PrivateFile&& other) noexcept
    : number_(std::exchange(other.number_, -1)), path_(std::move(other.path_)) {}

PrivateFile::~PrivateFile() {
  if (number_ >= 0) ::close(number_);
}

Result<void> PrivateFile::append(ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(number_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return refuse(Code::refused, path_, errno);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

}  // namespace parley::os
