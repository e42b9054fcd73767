#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "wire/records/recording.h"
#include "wire/roam/catalog.h"

namespace parley::cli {

// A recording as it is worked with: all of it, with the descriptions that are in it, those of the hub's own services,
// and what is wrong with the file itself.
struct LoadedRecording {
  std::optional<wire::records::Began> began;
  std::vector<wire::records::Record> records;  // without Began and Described
  wire::roam::Catalog catalog;
  std::vector<std::string> faults;
};

// "-" is standard input. What is wrong with the file as a whole has been complained of, and is the exit code.
std::optional<LoadedRecording> load_recording(const std::string& path, int& exit);

}  // namespace parley::cli
