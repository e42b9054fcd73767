#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

namespace parley::os {

// Text that is added to a file line by line, whose size is bounded: before a line would pass the bound, the file is
// renamed to PATH.1, in the place of an older one, and begun anew. Each line is one write, at the end of whatever is
// there, so that all of them are there when the process dies. One program uses a path at a time, one thread at a time
// uses this.
class LineFile {
 public:
  // It is made for its owner alone, and one that is there and open to others is closed to them. Errors: not_found,
  // permission (also where it is somebody else's), invalid (a pipe, for one).
  static Result<std::unique_ptr<LineFile>> open(std::string path, std::uint64_t bytes_max);
  ~LineFile();
  LineFile(const LineFile&) = delete;
  LineFile& operator=(const LineFile&) = delete;

  // With its end. False: it is longer than the bound, or the system does not take it now; nothing of it is there.
  bool add(std::string_view line);
  std::uint64_t times_begun_anew() const { return times_begun_anew_; }

 private:
  LineFile(std::string path, std::uint64_t bytes_max) : path_(std::move(path)), bytes_max_(bytes_max) {}
  Result<void> open_file();
  bool begin_anew();

  const std::string path_;
  const std::uint64_t bytes_max_;
  int number_ = -1;
  std::uint64_t size_ = 0;
  std::uint64_t times_begun_anew_ = 0;
};

}  // namespace parley::os
