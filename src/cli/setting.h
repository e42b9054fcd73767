#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

// What somebody has written into a configuration, before anybody knows what it is for.
namespace parley::cli {

// A value, and where it stands.
struct Setting {
  enum class Kind : std::uint8_t { boolean, integer, number, text, list, table, date };
  Kind kind = Kind::table;
  std::int64_t integer = 0;    // 1 for true
  std::string text;            // also what stands in the environment, as it stands there
  std::vector<Setting> items;  // of a list or a table
  std::string name;            // in a table
  std::string where;           // "hub.toml:3:5", or "PARLEY_LISTEN"
  bool is_from_environment = false;

  // In a table; null: it is not there.
  const Setting* find(std::string_view wanted) const;
  // In a table; an empty table if it is not there.
  Setting& make(std::string_view wanted);
};

// "a number", "text": for errors.
std::string_view to_string(Setting::Kind kind);

// Errors: invalid, with the place and what is wrong there.
Result<Setting> parse_toml(std::string_view text, const std::string& file);

using Environment = std::map<std::string, std::string>;
// A TOML value, or plain text where it is none: PARLEY_LISTEN=unix:/run/hub.sock needs no quotes.
Setting setting_of(std::string_view name, const std::string& variable, const std::string& value);

}  // namespace parley::cli
