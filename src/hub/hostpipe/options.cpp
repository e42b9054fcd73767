#include "hub/hostpipe/options.h"

#include <fmt/format.h>

#include <set>

#include "core/directory/name.h"
#include "core/policy/pattern.h"
#include "wire/hostpipe/line.h"

namespace parley {

std::vector<std::pair<std::string_view, std::string>> mistakes_in(const HostpipeOptions& options) {
  std::vector<std::pair<std::string_view, std::string>> mistakes;
  std::set<std::string_view> names;
  const auto check_names = [&](std::string_view option, const std::vector<std::string>& all) {
    if (all.size() > hostpipe_names_max) {
      mistakes.emplace_back(option, fmt::format("has at most {} names", hostpipe_names_max));
    }
    for (const std::string& each : all) {
      if (const auto good = core::check_name(each); !good) {
        mistakes.emplace_back(option, good.error().note);
      } else if (const auto prefixed = core::check_name(options.prefix + each); !prefixed) {
        mistakes.emplace_back(option, prefixed.error().note);
      } else if (const auto reported = wire::hostpipe::check_command_name(each); !reported) {
        mistakes.emplace_back(option, reported.error().note);
      } else if (!names.insert(each).second) {
        mistakes.emplace_back(option, fmt::format("\"{}\" is there twice", each));
      }
    }
  };
  check_names("commands", options.commands);
  check_names("probes", options.probes);
  if (options.events.size() > hostpipe_names_max) {
    mistakes.emplace_back("events", fmt::format("has at most {} patterns", hostpipe_names_max));
  }
  for (const std::string& each : options.events) {
    if (const auto pattern = core::Pattern::parse(each); !pattern) {
      mistakes.emplace_back("events", pattern.error().note);
    }
  }
  if (!options.prefix.empty() &&
      (!core::is_name(options.prefix) || core::is_private(options.prefix) || core::is_built_in(options.prefix))) {
    mistakes.emplace_back("prefix", fmt::format("no public name begins with \"{}\"", options.prefix));
  }
  return mistakes;
}

}  // namespace parley
