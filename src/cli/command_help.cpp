#include "cli/command_help.h"

#include <fmt/format.h>

#include <algorithm>

#include "codec/json_object.h"

namespace parley::cli {

namespace command = wire::command;

namespace {

std::string shown(const SchemaFlag& flag) {
  return flag.is_switch() ? "--" + flag.name : fmt::format("--{} {}", flag.name, flag.placeholder());
}

std::string notes_of(const SchemaFlag& flag) {
  std::string notes = flag.is_required ? "required" : "";
  const auto add = [&](const std::string& note) { notes += (notes.empty() ? "" : ", ") + note; };
  if (flag.is_switch()) add("true or false");
  if (!flag.is_switch() && flag.type.ends_with("JSON")) add(flag.type);
  if (!flag.default_json.empty()) add(fmt::format("else {}", flag.default_json));
  return notes;
}

std::string example_value(const SchemaFlag& flag) {
  if (flag.type.contains('|')) return flag.type.substr(0, flag.type.find('|'));
  if (flag.type == "integer" || flag.type == "number") return "1";
  if (flag.type == "list as JSON") return "'[]'";
  if (flag.type == "object as JSON") return "'{}'";
  return "text";
}

// The members of what it gives, or its schema where it has none.
std::string result_help(std::string_view schema) {
  const SchemaFlags members(schema);
  if (!members.is_known() || members.all().empty()) return fmt::format("\nIt gives {}\n", schema);
  std::string text = "\nIt gives:\n";
  std::size_t width = 0;
  for (const SchemaFlag& each : members.all()) width = std::max(width, each.name.size());
  for (const SchemaFlag& each : members.all()) {
    text += fmt::format("  {:<{}}  {}{}{}", each.name, width, each.type, each.description.empty() ? "" : ": ",
                        each.description);
    text += each.is_required ? "\n" : "  (perhaps)\n";
  }
  return text;
}

std::string example_of(const command::Definition& command, const SchemaFlags& flags) {
  std::string line = fmt::format("parley call {}", command.id);
  bool has_any = false;
  for (const SchemaFlag& each : flags.all()) {
    const bool is_last_chance = !has_any && &each == &flags.all().back();
    if (!each.is_required && !is_last_chance) continue;
    has_any = true;
    line += each.is_switch() ? " --" + each.name : fmt::format(" --{} {}", each.name, example_value(each));
  }
  return line;
}

}  // namespace

std::vector<std::string> marks_of(const command::Definition& command) {
  std::vector<std::string> marks;
  if (command.annotations.is_read_only.value_or(false)) marks.emplace_back("read-only");
  if (command.annotations.is_destructive.value_or(false)) marks.emplace_back("destructive");
  if (command.annotations.is_idempotent.value_or(false)) marks.emplace_back("idempotent");
  return marks;
}

std::string command_usage(const command::Definition& command, const SchemaFlags& flags) {
  std::string line = fmt::format("parley call {}", command.id);
  if (!flags.is_known()) return line + " [--NAME VALUE]... or '{...}'";
  for (const SchemaFlag& each : flags.all()) {
    line += each.is_required ? " " + shown(each) : fmt::format(" [{}]", shown(each));
  }
  return line;
}

std::string command_help(const command::Definition& command, const SchemaFlags& flags) {
  std::string text = command.id;
  if (command.description && !command.description->empty()) text += ": " + *command.description;
  text += fmt::format("\n\n  {}\n", command_usage(command, flags));
  if (!flags.is_known()) text += "\nIt does not say what it takes.\n";
  if (flags.is_known() && flags.all().empty()) text += "\nIt takes no arguments.\n";
  std::size_t width = 0;
  for (const SchemaFlag& each : flags.all()) width = std::max(width, shown(each).size());
  if (!flags.all().empty()) text += '\n';
  for (const SchemaFlag& each : flags.all()) {
    std::string line = fmt::format("  {:<{}}", shown(each), width);
    if (!each.description.empty()) line += "  " + each.description;
    if (const std::string notes = notes_of(each); !notes.empty()) line += fmt::format("  ({})", notes);
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + '\n';
  }
  if (const auto marks = marks_of(command); !marks.empty())
    text += fmt::format("\nIt is {}.\n", fmt::join(marks, ", "));
  if (const std::string_view gives = command::response_schema(command); !gives.empty()) text += result_help(gives);
  if (flags.is_known()) text += fmt::format("\nFor example: {}\n", example_of(command, flags));
  text.pop_back();
  return text;
}

std::string in_json(const std::vector<command::Definition>& commands) {
  const std::string line = encode(
      command::Message{.id = "list", .body = command::ListResponse{.thread = "list", .commands = commands}}, true);
  const codec::JsonObject message = codec::JsonObject::of_checked(line);
  return std::string(*message.find("commands"));
}

}  // namespace parley::cli
