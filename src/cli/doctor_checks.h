#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "codec/fields_macro.h"
#include "os/kernel.h"
#include "os/place.h"

// What `parley doctor` thinks of what it finds.
namespace parley::cli {

enum class State : std::uint8_t { ok, warn, fail };

struct Finding {
  std::string check;  // what was looked at
  State state = State::ok;
  std::string reason;
  std::string next;  // what to do; nothing where it is well
};

struct Report {
  std::vector<Finding> findings;
  std::uint64_t failed = 0;
};

// `is_default`: the program makes it, and wants it to be private.
Finding check_directory(const std::string& path, const os::Place& place, bool is_default, std::uint32_t user);
Finding check_socket(const std::string& path, const os::Place& place, bool is_answered);
// The hub's version: nothing where it is too old to tell.
Finding check_versions(const std::string& program, const std::string& hub);
Finding check_sessions(std::uint64_t sessions, std::uint64_t sessions_max);
// `whose` limit it is, as the subject of a sentence.
Finding check_open_files(const std::string& whose, const std::optional<os::OpenFilesLimit>& limit,
                         std::uint64_t sessions_max);
Finding check_listen_queue(const std::optional<std::uint64_t>& most, std::uint64_t wanted);
Finding check_kernel(const std::string& release, const std::vector<os::KernelFeature>& features);

// A line, and a second one where there is something to do.
std::string in_words(const Finding& finding);

}  // namespace parley::cli
