#include "os/environment.h"

#include <unistd.h>

#include <string_view>

namespace parley::os {

std::map<std::string, std::string> environment() {
  std::map<std::string, std::string> variables;
  for (char** at = environ; at && *at; ++at) {
    const std::string_view entry(*at);
    const std::size_t sign = entry.find('=');
    if (sign != std::string_view::npos) variables.emplace(entry.substr(0, sign), entry.substr(sign + 1));
  }
  return variables;
}

}  // namespace parley::os
