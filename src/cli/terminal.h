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
  unwell = 5,  // the doctor found something that must be mended
  kind_base = 10,
};
inline int code(Exit exit) { return static_cast<int>(exit); }
int exit_of(const Error& error);

// On a terminal without what would be commands to it: names and texts are their providers'.
void say(std::string_view text);
// The lines of a text, each without control characters.
std::string without_controls(std::string_view text);
void put(std::string_view text);  // without the end of a line
// Whether all of it has reached standard output.
bool is_said();
// `hint`: what to do about it; may be empty.
void complain(std::string_view line, std::string_view hint = {}, const Error* error = nullptr);
inline void complain(const Error& error, std::string_view hint = {}) { complain(to_string(error), hint, &error); }
// The same of something that does not keep the program from its results.
void warn(std::string_view line, std::string_view hint = {});
// From now on whatever complain() says goes to standard output too, for programs:
// {"error":{"message":"...","hint":"...","kind":"not_found","code":3000}}, the last two where it is an error of Parley.
void complain_in_json();

// Columns as wide as they must be; the first row is the heading.
std::string table(const std::vector<std::vector<std::string>>& rows);

}  // namespace parley::cli
