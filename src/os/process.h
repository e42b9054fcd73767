#pragma once

#include <cstdint>
#include <string>

namespace parley::os {

// The name of a process of this machine, for people: printable ASCII. Nothing where the system does not tell.
std::string process_name(std::int64_t pid);

}  // namespace parley::os
