#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "async/wait.h"
#include "base/error.h"
#include "io/loop.h"

namespace parley::cli {

// The lines of a file, or of standard input, read on a thread of its own so that the loop goes on. It reads a little
// ahead and then waits for whoever takes the lines. Made, used and destroyed on the loop's thread; destroying it does
// not wait for a line that does not come.
class Feed {
 public:
  // "-" is standard input. Errors: not_found.
  static Result<std::unique_ptr<Feed>> open(io::Loop& loop, const std::string& path);
  ~Feed();

  // The next line, without its end; nothing behind the last.
  Task<std::optional<std::string>> next();
  // Behind the last line: whether it ended by itself, and not because it could not be read.
  bool is_whole() const;

 private:
  struct Shared;
  explicit Feed(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}
  std::shared_ptr<Shared> shared_;
};

}  // namespace parley::cli
