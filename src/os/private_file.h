#pragma once

#include <string>

#include "base/bytes.h"
#include "base/error.h"

namespace parley::os {

// A new file that only its owner may read and write, and that grows at its end. What append() took is with the system:
// it stays when the process is killed, though not when the machine loses power.
class PrivateFile {
 public:
  // Errors: in_use (something is there already, a symbolic link too), address (its directory is missing), permission,
  // and whatever else the system says.
  static Result<PrivateFile> create(const std::string& path);

  PrivateFile(PrivateFile&& other) noexcept;
  PrivateFile& operator=(PrivateFile&& other) = delete;
  ~PrivateFile();

  // All of it; after an error perhaps a part.
  Result<void> append(ByteView bytes);

 private:
  PrivateFile(int number, std::string path) : number_(number), path_(std::move(path)) {}
  int number_;
  std::string path_;
};

}  // namespace parley::os
