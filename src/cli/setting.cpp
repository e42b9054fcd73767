#include "cli/setting.h"

#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>

namespace parley::cli {

namespace {

std::string place(const std::string& file, const toml::source_position& at) {
  return fmt::format("{}:{}:{}", file, at.line, at.column);
}

Setting to_setting(const toml::node& node, const std::string& file) {
  Setting setting;
  setting.where = place(file, node.source().begin);
  if (const auto* const table = node.as_table()) {
    for (const auto& [name, value] : *table) {
      Setting& item = setting.items.emplace_back(to_setting(value, file));
      item.name = name.str();
      item.where = place(file, name.source().begin);
    }
  } else if (const auto* const array = node.as_array()) {
    setting.kind = Setting::Kind::list;
    for (const toml::node& item : *array) setting.items.push_back(to_setting(item, file));
  } else if (const auto* const truth = node.as_boolean()) {
    setting.kind = Setting::Kind::boolean;
    setting.integer = truth->get() ? 1 : 0;
  } else if (const auto* const integer = node.as_integer()) {
    setting.kind = Setting::Kind::integer;
    setting.integer = integer->get();
  } else if (node.is_floating_point()) {
    setting.kind = Setting::Kind::number;
  } else if (const auto* const text = node.as_string()) {
    setting.kind = Setting::Kind::text;
    setting.text = text->get();
  } else {
    setting.kind = Setting::Kind::date;
  }
  return setting;
}

}  // namespace

const Setting* Setting::find(std::string_view wanted) const {
  const auto found = std::ranges::find(items, wanted, &Setting::name);
  return kind != Kind::table || found == items.end() ? nullptr : &*found;
}

Setting& Setting::make(std::string_view wanted) {
  const auto found = std::ranges::find(items, wanted, &Setting::name);
  if (found != items.end()) return *found;
  Setting& made = items.emplace_back();
  made.name = wanted;
  return made;
}

std::string_view to_string(Setting::Kind kind) {
  switch (kind) {
    case Setting::Kind::boolean: return "true or false";
    case Setting::Kind::integer: return "a whole number";
    case Setting::Kind::number: return "a number";
    case Setting::Kind::text: return "text";
    case Setting::Kind::list: return "a list";
    case Setting::Kind::table: return "a table";
    case Setting::Kind::date: return "a date or a time";
  }
  return "something";
}

Result<Setting> parse_toml(std::string_view text, const std::string& file) {
  const toml::parse_result parsed = toml::parse(text);
  if (parsed) return to_setting(parsed.table(), file);
  return fail(Code::invalid, fmt::format("{}: {}", place(file, parsed.error().source().begin),
                                         std::string_view(parsed.error().description())));
}

Setting setting_of(std::string_view name, const std::string& variable, const std::string& value) {
  Setting setting;
  const bool is_one_line = value.find('\n') == std::string::npos;
  if (const auto parsed = parse_toml("value = " + value, variable); parsed && is_one_line && parsed->find("value")) {
    setting = *parsed->find("value");
  } else {
    setting.kind = Setting::Kind::text;
  }
  if (setting.kind != Setting::Kind::text || setting.text.empty()) setting.text = value;
  setting.name = name;
  setting.where = variable;
  setting.is_from_environment = true;
  return setting;
}

}  // namespace parley::cli
