#include "cli/usage.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "codec/json_text.h"

namespace parley::cli {

namespace {

std::string nearest(const std::string& meant, const std::vector<std::string>& names) {
  const std::vector<std::string_view> views(names.begin(), names.end());
  return std::string(codec::nearest_name(meant, views.data(), views.size()));
}

// Where other commands say the hub, `record` says to where it leads.
std::string meant_by(const std::string& option, const CLI::App& app) {
  if (option == "--hub" && app.get_option_no_throw("--to")) return "--to";
  return nearest(option, names_of_options(app));
}

}  // namespace

const CLI::App* command_of(const CLI::App& app, std::string_view name) {
  const auto found = app.get_subcommands([&](const CLI::App* each) { return each->get_name() == name; });
  return found.empty() ? nullptr : found.front();
}

std::vector<std::string> names_of_commands(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* const command : app.get_subcommands({})) names.push_back(command->get_name());
  return names;
}

std::vector<std::string> names_of_options(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* const option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

UsageMistake explain_usage(const CLI::App& app, const std::vector<std::string>& words, std::string_view said) {
  const auto named = std::ranges::find_if(words, [](const std::string& word) { return !word.starts_with('-'); });
  const CLI::App* const command = named == words.end() ? nullptr : command_of(app, *named);
  if (named != words.end() && !command) {
    const std::string near = nearest(*named, names_of_commands(app));
    return {fmt::format("there is no command \"{}\"", *named),
            near.empty() ? "`parley --help` shows what there is" : fmt::format("did you mean {}?", near)};
  }
  const CLI::App& spoken_to = command ? *command : app;
  for (const std::string& word : words) {
    const std::string name = word.substr(0, word.find('='));
    if (!name.starts_with("--") || name == "--" || spoken_to.get_option_no_throw(name)) continue;
    const std::string near = meant_by(name, spoken_to);
    if (!near.empty()) return {std::string(said), fmt::format("did you mean {}?", near)};
  }
  return {std::string(said),
          fmt::format("`parley {}--help` shows what there is", command ? command->get_name() + " " : std::string())};
}

}  // namespace parley::cli
