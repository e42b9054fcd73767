#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <string>
#include <string_view>

#include "base/error.h"
#include "io/stream.h"

namespace parley::net {

// A path of any length as the system calls take it: those that do not fit are named through an open descriptor of their
// directory, which must stay open while the address is used.
class UnixAddress {
 public:
  // For a path whose directory is not open yet; opens it only if it must.
  static Result<UnixAddress> of(const std::string& path);
  // For a name in an open directory; `path` says the same in full.
  static Result<UnixAddress> in(int directory, std::string_view name, const std::string& path);

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address_); }
  socklen_t size() const { return size_; }

 private:
  UnixAddress() = default;
  bool put(std::string_view text);

  sockaddr_un address_{};
  socklen_t size_ = 0;
  io::Descriptor directory_;
};

// "/run/app.sock" in its parts; "/" is the directory of "/app.sock".
std::string directory_of(const std::string& path);
std::string_view name_of(const std::string& path);

}  // namespace parley::net
