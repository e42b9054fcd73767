#include "os/line_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

namespace parley::os {

namespace {

Code code_of(int number) {
  switch (number) {
    case ENOENT:
    case ENOTDIR: return Code::not_found;
    case EACCES:
    case EPERM:
    case EROFS: return Code::permission;
    default: return Code::invalid;
  }
}

// Lines are for the file's owner alone, also where the file was there before.
Result<void> keep_private(int number, const struct stat& status, const std::string& path) {
  if (status.st_uid != ::geteuid()) {
    return fail(Code::permission, fmt::format("{} belongs to user {}", path, status.st_uid));
  }
  if ((status.st_mode & 0077) != 0 && ::fchmod(number, 0600) != 0) {
    return fail(code_of(errno), fmt::format("{}: {}", path, std::strerror(errno)));
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<LineFile>> LineFile::open(std::string path, std::uint64_t bytes_max) {
  // tidy: allow new the constructor is private
  std::unique_ptr<LineFile> file(new LineFile(std::move(path), bytes_max));
  PARLEY_TRY(file->open_file());
  return file;
}

LineFile::~LineFile() {
  if (number_ >= 0) ::close(number_);
}

// Opening a pipe that nobody reads would wait, and writing to one kill.
Result<void> LineFile::open_file() {
  const int number = ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0600);
  if (number < 0) return fail(code_of(errno), fmt::format("{}: {}", path_, std::strerror(errno)));
  struct stat status{};
  if (::fstat(number, &status) != 0 || !S_ISREG(status.st_mode)) {
    ::close(number);
    return fail(Code::invalid, fmt::format("{}: it is no regular file", path_));
  }
  if (auto kept = keep_private(number, status, path_); !kept) {
    ::close(number);
    return kept;
  }
  if (number_ >= 0) ::close(number_);
  number_ = number;
  size_ = static_cast<std::uint64_t>(status.st_size);
  return {};
}

// Where no file is, it has been renamed before, and could not be opened then.
bool LineFile::begin_anew() {
  if (std::rename(path_.c_str(), (path_ + ".1").c_str()) != 0 && errno != ENOENT) return false;
  if (!open_file()) return false;
  ++times_begun_anew_;
  return true;
}

bool LineFile::add(std::string_view line) {
  const std::string whole = fmt::format("{}\n", line);
  if (whole.size() > bytes_max_) return false;
  if (size_ + whole.size() > bytes_max_ && !begin_anew()) return false;
  ssize_t written = -1;
  do {
    written = ::write(number_, whole.data(), whole.size());
  } while (written < 0 && errno == EINTR);
  if (written == static_cast<ssize_t>(whole.size())) {
    size_ += whole.size();
    return true;
  }
  // A part of a line would spoil the next one.
  if (written > 0 && ::ftruncate(number_, static_cast<off_t>(size_)) != 0) {
    size_ += static_cast<std::uint64_t>(written);
  }
  return false;
}

}  // namespace parley::os
