#include "os/process.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>

namespace parley::os {

std::string process_name(std::int64_t pid) {
  std::ifstream file(fmt::format("/proc/{}/comm", pid));
  std::string name;
  std::getline(file, name);
  // A process chooses its name, and the reader is a terminal.
  std::ranges::replace_if(name, [](char c) { return c < ' ' || c > '~'; }, '?');
  return name;
}

}  // namespace parley::os
