#pragma once

#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/instant.h"
#include "cli/setting.h"
#include "codec/fields.h"

// From what is written in a configuration to the fields of a struct, and the other way round for people. Names are
// those of the fields; what is not written keeps the value it has.
namespace parley::cli {

class SettingsReader {
 public:
  // Everything that is wrong, each with its place; nothing is changed by what is.
  const std::vector<std::string>& mistakes() const { return mistakes_; }
  void add_mistake(std::string text) { mistakes_.push_back(std::move(text)); }

  template <class T>
  void read(const Setting& setting, T& into, const std::string& path = {}) {
    if constexpr (std::same_as<T, Duration>) {
      if (const auto read = read_duration(setting, path)) into = *read;
    } else if constexpr (std::same_as<T, bool>) {
      if (is(setting, Setting::Kind::boolean, path)) into = setting.integer != 0;
    } else if constexpr (std::unsigned_integral<T>) {
      if (const auto read = read_number(setting, path, std::numeric_limits<T>::max())) into = static_cast<T>(*read);
    } else if constexpr (std::same_as<T, std::string>) {
      if (const auto read = read_text(setting, path)) into = *read;
    } else if constexpr (std::same_as<T, std::vector<std::string>>) {
      if (auto read = read_texts(setting, path)) into = *std::move(read);
    } else if constexpr (requires { typename T::mapped_type; }) {
      read_map(setting, into, path);
    } else {
      read_fields(setting, into, path);
    }
  }

  // Puts what the environment says in the place of what is written: PARLEY_LIMITS_DEPTH_MAX for limits.depth_max. A
  // variable that begins like those of a group and names none of it is a mistake.
  template <class T>
  void overlay(Setting& setting, const Environment& environment, const std::string& path = {}) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (overlay_field<codec::FieldType<T, I>>(setting, environment, below(path, codec::field_name<T, I>),
                                             codec::field_name<T, I>),
       ...);
    }(std::make_index_sequence<codec::field_count<T>>());
    if (!path.empty()) refuse_unknown(environment, path, names_of<T>());
  }

  static std::string variable_of(std::string_view path);
  static std::string below(const std::string& path, std::string_view name) {
    return path.empty() ? std::string(name) : path + "." + std::string(name);
  }

 private:
  template <class T>
  static constexpr bool is_single = std::integral<T> || std::same_as<T, Duration> || std::same_as<T, std::string> ||
                                    std::same_as<T, std::vector<std::string>>;
  template <class T>
  static std::vector<std::string_view> names_of() {
    return []<std::size_t... I>(std::index_sequence<I...>) {
      return std::vector<std::string_view>{codec::field_name<T, I>...};
    }(std::make_index_sequence<codec::field_count<T>>());
  }

  template <class T>
  void read_fields(const Setting& setting, T& into, const std::string& path) {
    if (!is(setting, Setting::Kind::table, path)) return;
    refuse_unknown(setting, path, names_of<T>());
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      codec::with_fields(into,
                         [&](auto&... fields) { (read_field(setting, fields, path, codec::field_name<T, I>), ...); });
    }(std::make_index_sequence<codec::field_count<T>>());
  }
  template <class T>
  void read_field(const Setting& table, T& into, const std::string& path, std::string_view name) {
    if (const Setting* const found = table.find(name)) read(*found, into, below(path, name));
  }
  template <class T>
  void read_map(const Setting& setting, T& into, const std::string& path) {
    if (!is(setting, Setting::Kind::table, path)) return;
    into.clear();
    for (const Setting& each : setting.items) read(each, into[each.name], below(path, each.name));
  }
  template <class T>
  void overlay_field(Setting& table, const Environment& environment, const std::string& path, std::string_view name) {
    if constexpr (is_single<T>) {
      const auto said = environment.find(variable_of(path));
      if (said != environment.end()) table.make(name) = setting_of(name, said->first, said->second);
    } else if constexpr (requires { typename T::mapped_type; }) {
      refuse_unknown(environment, path, {});
    } else {
      Setting& group = table.make(name);
      if (group.kind == Setting::Kind::table) overlay<T>(group, environment, path);
    }
  }

  bool is(const Setting& setting, Setting::Kind kind, const std::string& path);
  std::optional<std::uint64_t> read_number(const Setting& setting, const std::string& path, std::uint64_t most);
  std::optional<Duration> read_duration(const Setting& setting, const std::string& path);
  std::optional<std::string> read_text(const Setting& setting, const std::string& path);
  std::optional<std::vector<std::string>> read_texts(const Setting& setting, const std::string& path);
  void refuse(const Setting& setting, const std::string& path, std::string_view wanted);
  void refuse_unknown(const Setting& table, const std::string& path, const std::vector<std::string_view>& names);
  void refuse_unknown(const Environment& environment, const std::string& path,
                      const std::vector<std::string_view>& names);

  std::vector<std::string> mistakes_;
};

// A value as it would be written in the file.
template <std::unsigned_integral T>
  requires(!std::same_as<T, bool>)
std::string to_toml(T value) {
  return std::to_string(value);
}
inline std::string to_toml(bool value) { return value ? "true" : "false"; }
std::string to_toml(Duration value);
std::string to_toml(const std::string& value);
std::string to_toml(const std::vector<std::string>& value);

}  // namespace parley::cli
