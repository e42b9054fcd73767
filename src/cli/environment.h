#pragma once

#include <cstdlib>
#include <string>

namespace parley::cli {

// A variable of the environment; empty where it is not set.
inline std::string variable(const char* name) {
  const char* const value = std::getenv(name);
  return value ? value : "";
}

}  // namespace parley::cli
