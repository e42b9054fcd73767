#pragma once

#include <cstdint>
#include <string>

namespace parley::os {

// What is at a path; a symbolic link is itself.
struct Place {
  enum class Kind : std::uint8_t { missing, hidden, directory, socket, other };  // hidden: the system does not say
  Kind kind = Kind::missing;
  std::uint32_t uid = 0;
  std::uint32_t mode = 0;  // of access, as 0700
};
Place look_at(const std::string& path);

}  // namespace parley::os
