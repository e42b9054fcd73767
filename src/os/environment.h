#pragma once

#include <map>
#include <string>

namespace parley::os {

// The variables of this process, by name.
std::map<std::string, std::string> environment();

}  // namespace parley::os
