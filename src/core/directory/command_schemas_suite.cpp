#include "core/directory/command_schemas_suite.h"

#include <fstream>
#include <iterator>
#include <map>
#include <variant>

#include "codec/json_object.h"
#include "codec/schema_validator.h"

namespace parley::core::registry_suite {

namespace command = wire::command;

namespace {

std::string read_schema(const std::string& name) {
  std::ifstream file("tests/vectors/cmd-ipc/schemas/" + name);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The members of a schema but those that say where it is published.
std::string body_of(const std::string& schema) {
  const codec::JsonObject object = codec::JsonObject::of_checked(schema);
  std::string text;
  for (const codec::JsonMember& each : object.members()) {
    if (each.key == "$id" || each.key == "$schema") continue;
    text += (text.empty() ? "{\"" : ",\"") + each.key + "\":" + std::string(each.value);
  }
  return text + "}";
}

// With the one schema that others refer to in their places.
const codec::JsonSchema& schema_of(const std::string& type) {
  static std::map<std::string, codec::JsonSchema> schemas;
  const auto found = schemas.find(type);
  if (found != schemas.end()) return found->second;
  std::string text = body_of(read_schema(type + ".json"));
  const std::string reference = R"({ "$ref": "command-definition.json" })";
  if (const std::size_t at = text.find(reference); at != text.npos) {
    text.replace(at, reference.size(), body_of(read_schema("command-definition.json")));
  }
  return schemas.emplace(type, codec::JsonSchema::compile(text).value()).first->second;
}

}  // namespace

std::optional<std::string> schema_breach(command::Message message) {
  message.meta.clear();
  message.rest.clear();
  if (auto* list = std::get_if<command::ListResponse>(&message.body)) {
    for (command::Definition& each : list->commands) each.rest.clear();
  }
  if (auto* asked = std::get_if<command::RegisterRequest>(&message.body)) asked->command.rest.clear();
  const auto fits = schema_of(std::string(type_of(message))).validate(encode(message, false));
  if (fits) return std::nullopt;
  return fits.error().note;
}

}  // namespace parley::core::registry_suite
