#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
}

// What the commands are registered with.
namespace parley::cli {

// Null: there is none of that name.
const CLI::App* command_of(const CLI::App& app, std::string_view name);
std::vector<std::string> names_of_commands(const CLI::App& app);
std::vector<std::string> names_of_options(const CLI::App& app);  // the long ones

struct UsageMistake {
  std::string line;
  std::string hint;
};
// Words that could not be parsed, behind `parley`; and what was said of them.
UsageMistake explain_usage(const CLI::App& app, const std::vector<std::string>& words, std::string_view said);

}  // namespace parley::cli
