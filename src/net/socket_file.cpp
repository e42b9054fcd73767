#include "net/socket_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "net/descriptor.h"
#include "net/unix_address.h"

namespace parley::net {

namespace {

constexpr int lock_tries_max = 16;

const char* kind_of(mode_t mode) {
  if (S_ISREG(mode)) return "a regular file";
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISLNK(mode)) return "a symbolic link";
  if (S_ISFIFO(mode)) return "a pipe";
  return "a device";
}

// Asks whoever listens at the file; 0 if somebody does, else why not.
int knock(const UnixAddress& address) {
  const io::Descriptor socket = own(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return errno;
  return ::connect(socket.number(), address.get(), address.size()) == 0 ? 0 : errno;
}

}  // namespace

SocketFile::SocketFile(std::string path) : path_(std::move(path)), name_(name_of(path_)), lock_name_(name_ + ".lock") {}

Result<std::unique_ptr<SocketFile>> SocketFile::claim(std::string path) {
  // tidy: allow new the constructor is private
  std::unique_ptr<SocketFile> file(new SocketFile(std::move(path)));
  PARLEY_TRY(file->open_directory());
  PARLEY_TRY(file->take_lock());
  PARLEY_TRY(file->remove_dead());
  return file;
}

Result<void> SocketFile::open_directory() {
  const std::string directory = directory_of(path_);
  directory_ = own(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!directory_) {
    const int why = errno;
    struct stat found{};
    if (::lstat(directory.c_str(), &found) == 0 && S_ISLNK(found.st_mode)) {
      return fail(Code::permission, fmt::format("unix:{}: the directory {} is a symbolic link; use what it stands for",
                                                path_, directory));
    }
    return fail(system_error(code_of(why), fmt::format("unix:{}: the directory {}", path_, directory), why));
  }
  struct stat found{};
  if (::fstat(directory_.number(), &found) != 0) {
    return fail(system_error(code_of(errno), fmt::format("unix:{}: the directory {}", path_, directory), errno));
  }
  if (found.st_uid != ::geteuid() && found.st_uid != 0) {
    return fail(Code::permission, fmt::format("unix:{}: the directory {} belongs to another user (uid {})", path_,
                                              directory, found.st_uid));
  }
  if ((found.st_mode & (S_IWGRP | S_IWOTH)) && !(found.st_mode & S_ISVTX)) {
    return fail(Code::permission,
                fmt::format("unix:{0}: others may replace files in the directory {1} (mode {2:04o}); chmod go-w {1}",
                            path_, directory, found.st_mode & 07777u));
  }
  return {};
}

// The lock is a file beside the socket. Whoever ends removes it while holding it, so a lock that was got counts only if
// the name still leads to it.
Result<void> SocketFile::take_lock() {
  const auto what = [&] { return fmt::format("unix:{0}: the lock file {0}.lock", path_); };
  for (int tries = 0; tries < lock_tries_max; ++tries) {
    io::Descriptor lock =
        own(::openat(directory_.number(), lock_name_.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!lock) return fail(system_error(errno == ELOOP ? Code::in_use : code_of(errno), what(), errno));
    struct stat held{};
    if (::fstat(lock.number(), &held) != 0) return fail(system_error(code_of(errno), what(), errno));
    if (!S_ISREG(held.st_mode)) return fail(Code::in_use, fmt::format("{} is {}", what(), kind_of(held.st_mode)));
    if (::flock(lock.number(), LOCK_EX | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK) return fail(Code::in_use, fmt::format("unix:{}: a live process listens there", path_));
      return fail(system_error(code_of(errno), what(), errno));
    }
    struct stat named{};
    if (::fstatat(directory_.number(), lock_name_.c_str(), &named, AT_SYMLINK_NOFOLLOW) == 0 &&
        named.st_dev == held.st_dev && named.st_ino == held.st_ino) {
      lock_ = std::move(lock);
      return {};
    }
  }
  return fail(Code::in_use, what() + " is replaced again and again");
}

Result<void> SocketFile::remove_dead() {
  struct stat found{};
  if (::fstatat(directory_.number(), name_.c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return {};
    return fail(system_error(code_of(errno), "unix:" + path_, errno));
  }
  if (!S_ISSOCK(found.st_mode)) {
    return fail(Code::in_use, fmt::format("unix:{}: {} is in the way, which is never removed; choose another name",
                                          path_, kind_of(found.st_mode)));
  }
  PARLEY_TRY(const UnixAddress address, UnixAddress::in(directory_.number(), name_, path_));
  switch (const int why = knock(address)) {
    case ECONNREFUSED: break;  // nobody has it open any more
    case 0:
    case EAGAIN:  // alive, and its queue is full
    case EPROTOTYPE: return fail(Code::in_use, fmt::format("unix:{}: a live process listens there", path_));
    default: return fail(system_error(code_of(why), fmt::format("unix:{}: whether its owner lives", path_), why));
  }
  if (::unlinkat(directory_.number(), name_.c_str(), 0) != 0 && errno != ENOENT) {
    return fail(system_error(code_of(errno), fmt::format("unix:{}: removing what a dead process left", path_), errno));
  }
  return {};
}

Result<void> SocketFile::bind(int socket) {
  PARLEY_ASSERT(!is_bound_);
  PARLEY_TRY(const UnixAddress address, UnixAddress::in(directory_.number(), name_, path_));
  // The file gets the mode that the socket has now, less the umask: there is no moment in which others may connect.
  if (::fchmod(socket, 0600) != 0 || ::bind(socket, address.get(), address.size()) != 0) {
    return fail(system_error(code_of(errno), "unix:" + path_, errno));
  }
  struct stat made{};
  if (::fstatat(directory_.number(), name_.c_str(), &made, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISSOCK(made.st_mode)) {
    return fail(Code::permission, fmt::format("unix:{}: the directory was replaced meanwhile", path_));
  }
  device_ = made.st_dev;
  inode_ = made.st_ino;
  is_bound_ = true;
  if (made.st_mode & 0077) {
    return fail(Code::permission, fmt::format("unix:{}: this file system lets others connect (mode {:04o})", path_,
                                              made.st_mode & 07777u));
  }
  // A strict umask takes even the owner's bits away.
  if ((made.st_mode & 0600) != 0600 && ::fchmodat(directory_.number(), name_.c_str(), 0600, 0) != 0) {
    return fail(system_error(code_of(errno), "unix:" + path_, errno));
  }
  return {};
}

bool SocketFile::is_ours(int directory) const {
  struct stat found{};
  return ::fstatat(directory, name_.c_str(), &found, AT_SYMLINK_NOFOLLOW) == 0 && S_ISSOCK(found.st_mode) &&
         found.st_dev == device_ && found.st_ino == inode_;
}

SocketFile::~SocketFile() {
  if (is_bound_ && is_ours(directory_.number())) ::unlinkat(directory_.number(), name_.c_str(), 0);
  if (lock_) ::unlinkat(directory_.number(), lock_name_.c_str(), 0);
}

}  // namespace parley::net
