#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

// What the program says: results to standard output, for people or as JSON; errors to standard error, with what to do
// next.
namespace parley::cli {

// What the program ends with. A call that fails with an error of Parley ends with kind_base plus its kind.
enum class Exit : int {
  ok = 0,
  own_error = 1,  // the method's own error
  usage = 2,
  no_hub = 3,
  output = 4,  // what was to be said could not be written
  kind_base = 10,
};
inline int code(Exit exit) { return static_cast<int>(exit); }
int exit_of(const Error& error);

void say(std::string_view text);
// Whether all of it has reached standard output.
bool is_said();
// `hint`: what to do about it; may be empty.
void complain(std::string_view line, std::string_view hint = {});

// Columns as wide as they must be; the first row is the heading.
std::string table(const std::vector<std::vector<std::string>>& rows);

}  // namespace parley::cli
