#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

// What the system allows and can do, as it says itself.
namespace parley::os {

// How many files a process may have open: now, and after it has asked for more.
struct OpenFilesLimit {
  std::uint64_t soft = 0;
  std::uint64_t hard = 0;
};
// Of a process of this user; nothing where the system does not tell.
std::optional<OpenFilesLimit> open_files_limit(std::int64_t pid);
// Asks for all that this process may have, for itself and whatever it starts from now on.
void raise_open_files_limit();

// How many connections may wait to be accepted, whatever a listener asks for. Nothing where the system does not tell.
std::optional<std::uint64_t> listen_queue_max();

std::string kernel_release();

struct KernelFeature {
  std::string name;
  std::string use;
  bool is_needed = false;  // else there is another way
  bool is_there = false;
};
// What Parley uses and not every kernel or sandbox has; each is tried.
std::vector<KernelFeature> kernel_features();

}  // namespace parley::os
