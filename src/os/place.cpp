#include "os/place.h"

#include <sys/stat.h>

#include <cerrno>

namespace parley::os {

Place look_at(const std::string& path) {
  struct stat found{};
  if (::lstat(path.c_str(), &found) != 0) {
    return {.kind = errno == ENOENT || errno == ENOTDIR ? Place::Kind::missing : Place::Kind::hidden};
  }
  Place place{.kind = Place::Kind::other, .uid = found.st_uid, .mode = found.st_mode & 07777u};
  if (S_ISDIR(found.st_mode)) place.kind = Place::Kind::directory;
  if (S_ISSOCK(found.st_mode)) place.kind = Place::Kind::socket;
  return place;
}

}  // namespace parley::os
