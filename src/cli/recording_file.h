#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "wire/records/recording.h"
#include "wire/roam/catalog.h"
#include "wire/roam/dissected.h"

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

// What can be chosen from in a recording.
struct Contents {
  std::set<std::string> methods;  // as `parley show` names them
  std::set<std::uint64_t> sessions;
  void add(const wire::roam::Dissected& one);
};
Contents contents_of(const LoadedRecording& recording);
// For a pattern that matches none of them: what was probably meant, or what there is.
std::string method_hint(const std::string& pattern, const std::set<std::string>& methods);

}  // namespace parley::cli
