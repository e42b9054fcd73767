#include "cli/settings_reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

#include "codec/json_text.h"

namespace parley::cli {

namespace {

struct Unit {
  std::string_view name;
  std::uint64_t bytes;
};
constexpr std::array units{Unit{"", 1}, Unit{"B", 1}, Unit{"KiB", 1u << 10}, Unit{"MiB", 1u << 20},
                           Unit{"GiB", 1u << 30}};

// "64 MiB", "64MiB", "65536".
std::optional<std::uint64_t> bytes_of(std::string_view text) {
  std::uint64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (text.starts_with(' ')) text.remove_prefix(1);
  const auto unit = std::ranges::find(units, text, &Unit::name);
  if (unit == units.end() || count > std::numeric_limits<std::uint64_t>::max() / unit->bytes) return std::nullopt;
  return count * unit->bytes;
}

std::string meant_instead(std::string_view name, const std::vector<std::string_view>& names) {
  const std::string_view near = codec::nearest_name(name, names.data(), names.size());
  if (near.empty()) return fmt::format("; there are {}", fmt::join(names, ", "));
  return fmt::format("; did you mean {}?", near);
}

}  // namespace

std::string SettingsReader::variable_of(std::string_view path) {
  std::string variable = "PARLEY_";
  for (const char c : path) {
    variable += c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return variable;
}

void SettingsReader::refuse(const Setting& setting, const std::string& path, std::string_view wanted) {
  if (setting.is_from_environment) {
    return add_mistake(fmt::format("{}: {} wants {}, not {:?}", setting.where, path, wanted, setting.text));
  }
  add_mistake(fmt::format("{}: {} wants {}, and this is {}", setting.where, path.empty() ? "the file" : path, wanted,
                          to_string(setting.kind)));
}

bool SettingsReader::is(const Setting& setting, Setting::Kind kind, const std::string& path) {
  if (setting.kind == kind) return true;
  refuse(setting, path, to_string(kind));
  return false;
}

std::optional<std::uint64_t> SettingsReader::read_number(const Setting& setting, const std::string& path,
                                                         std::uint64_t most) {
  const bool counts_bytes = path.find("bytes") != std::string::npos;
  std::optional<std::uint64_t> number;
  if (setting.kind == Setting::Kind::integer && setting.integer >= 0) {
    number = static_cast<std::uint64_t>(setting.integer);
  }
  if (setting.kind == Setting::Kind::text && counts_bytes) number = bytes_of(setting.text);
  if (number && *number <= most) return number;
  const std::string_view or_bytes = counts_bytes ? ", or text with a unit: \"64 KiB\", \"1 MiB\"" : "";
  if (setting.kind == Setting::Kind::integer || number) {
    add_mistake(fmt::format("{}: {} goes from 0 to {}", setting.where, path, most));
  } else {
    refuse(setting, path, fmt::format("a whole number{}", or_bytes));
  }
  return std::nullopt;
}

std::optional<Duration> SettingsReader::read_duration(const Setting& setting, const std::string& path) {
  std::int64_t ns = 0;
  const bool is_one = setting.kind == Setting::Kind::text &&
                      codec::get_duration(setting.text, ns) == codec::JsonNumberFault::none && ns >= 0;
  if (is_one) return Duration(ns);
  if (setting.kind == Setting::Kind::text && !setting.is_from_environment) {
    add_mistake(fmt::format("{}: {} wants a time as \"1.5s\", \"200ms\" or \"2m\", not {:?}", setting.where, path,
                            setting.text));
  } else {
    refuse(setting, path, "a time, as \"1.5s\", \"200ms\" or \"2m\"");
  }
  return std::nullopt;
}

std::optional<std::string> SettingsReader::read_text(const Setting& setting, const std::string& path) {
  if (setting.kind == Setting::Kind::text || setting.is_from_environment) return setting.text;
  refuse(setting, path, to_string(Setting::Kind::text));
  return std::nullopt;
}

// In the environment a text that is no list is one of them.
std::optional<std::vector<std::string>> SettingsReader::read_texts(const Setting& setting, const std::string& path) {
  std::vector<std::string> texts;
  if (setting.is_from_environment && setting.kind != Setting::Kind::list) {
    texts.push_back(setting.text);
    return texts;
  }
  if (!is(setting, Setting::Kind::list, path)) return std::nullopt;
  for (const Setting& each : setting.items) {
    if (auto text = read_text(each, path)) texts.push_back(*std::move(text));
  }
  return texts;
}

void SettingsReader::refuse_unknown(const Setting& table, const std::string& path,
                                    const std::vector<std::string_view>& names) {
  for (const Setting& each : table.items) {
    if (std::ranges::find(names, each.name) != names.end()) continue;
    add_mistake(
        fmt::format("{}: there is no {}{}", each.where, below(path, each.name), meant_instead(each.name, names)));
  }
}

void SettingsReader::refuse_unknown(const Environment& environment, const std::string& path,
                                    const std::vector<std::string_view>& names) {
  const std::string prefix = variable_of(path) + "_";
  std::vector<std::string> variables;
  for (const std::string_view name : names) variables.push_back(variable_of(below(path, name)));
  const std::vector<std::string_view> known(variables.begin(), variables.end());
  for (auto at = environment.lower_bound(prefix); at != environment.end() && at->first.starts_with(prefix); ++at) {
    if (std::ranges::find(known, at->first) != known.end()) continue;
    add_mistake(
        fmt::format("{}: there is no such setting{}", at->first,
                    known.empty() ? fmt::format("; {} are set in the file", path) : meant_instead(at->first, known)));
  }
}

std::string to_toml(Duration value) {
  std::string text;
  codec::put_duration(text, value.count());
  return to_toml(text);
}
std::string to_toml(const std::string& value) {
  std::string quoted;
  codec::put_quoted(quoted, value);
  return quoted;
}
std::string to_toml(const std::vector<std::string>& value) {
  std::vector<std::string> quoted;
  for (const std::string& each : value) quoted.push_back(to_toml(each));
  return fmt::format("[{}]", fmt::join(quoted, ", "));
}

}  // namespace parley::cli
