#pragma once

#include <sys/types.h>

#include <memory>
#include <string>

#include "base/error.h"
#include "io/stream.h"

namespace parley::net {

// The file of a Unix listener, held by one process at a time through a lock beside it. Nobody else gets in: the
// directory belongs to the user or to root and only its owner may replace files in it, and the socket has mode 0600
// from its first moment. Destroying it removes both files, if they are still the ones made here.
class SocketFile {
 public:
  // Checks the directory, takes the lock, and removes what a dead owner left. A live owner: Code::in_use.
  static Result<std::unique_ptr<SocketFile>> claim(std::string path);
  ~SocketFile();
  SocketFile(const SocketFile&) = delete;
  SocketFile& operator=(const SocketFile&) = delete;

  Result<void> bind(int socket);
  const std::string& path() const { return path_; }

 private:
  explicit SocketFile(std::string path);
  Result<void> open_directory();
  Result<void> take_lock();
  Result<void> remove_dead();
  bool is_ours(int directory) const;

  const std::string path_;
  const std::string name_;
  const std::string lock_name_;
  io::Descriptor directory_;
  io::Descriptor lock_;
  bool is_bound_ = false;
  dev_t device_ = 0;  // of the bound file
  ino_t inode_ = 0;
};

}  // namespace parley::net
