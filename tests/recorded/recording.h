#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "wire/roam/message_suite.h"

// Traffic between two peers of another implementation, as tests/vectors/*/traffic has it: a line for each message,
// `C>S 6 000007004000`, without its length prefix, and one for the end of each direction, `C>S EOF left=`.
namespace recorded {

using parley::wire::roam::hex;
using parley::wire::roam::in_frame;
using parley::wire::roam::Octets;

enum class Side : std::uint8_t { client, server };

struct Message {
  Side from = Side::client;
  Octets bytes;
};

struct Recording {
  std::string name;
  std::vector<Message> messages;
  Side first_to_finish = Side::client;
};

inline Recording read_recording(const std::filesystem::path& path) {
  Recording recording{.name = path.stem().string(), .messages = {}};
  std::ifstream file(path);
  EXPECT_TRUE(file) << path;
  std::size_t ends = 0;
  for (std::string line; std::getline(file, line);) {
    std::istringstream fields(line);
    std::string direction;
    std::string size;
    std::string hex;
    fields >> direction >> size >> hex;
    const Side from = direction == "C>S" ? Side::client : Side::server;
    EXPECT_TRUE(direction == "C>S" || direction == "S>C") << path << ": " << line;
    if (size == "EOF") {
      EXPECT_EQ(hex, "left=") << path << ": the recording was cut inside a message";
      if (ends++ == 0) recording.first_to_finish = from;
      continue;
    }
    EXPECT_EQ(ends, 0u) << path << ": a message after an end";
    recording.messages.push_back({from, parley::wire::roam::from_hex(hex)});
    EXPECT_EQ(std::to_string(recording.messages.back().bytes.size()), size) << path << ": " << line;
  }
  EXPECT_EQ(ends, 2u) << path;
  return recording;
}

// Every recording of a folder, by name.
inline std::vector<Recording> read_recordings(const std::string& folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) paths.push_back(entry.path());
  std::ranges::sort(paths);
  std::vector<Recording> recordings;
  for (const auto& path : paths) recordings.push_back(read_recording(path));
  return recordings;
}

}  // namespace recorded
