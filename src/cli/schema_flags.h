#pragma once

#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/usage.h"

// Flags of the command line that stand for the members of a command's request, made from its JSON Schema.
namespace parley::cli {

// What one member takes, as far as its schema tells. The whole truth is the schema's: whoever has the command checks.
struct SchemaFlag {
  std::string name;  // of the member
  std::string type;  // for people: "integer", "text", "list as JSON", "fast|slow"
  bool is_required = false;
  std::uint8_t kinds = 0;                 // of JSON that it takes, a bit each
  bool is_integer = false;                // of its numbers, and of its texts where it takes both
  std::vector<std::string> choices = {};  // all that there are; empty: any
  std::string default_json;               // empty: none
  std::string description;

  bool is_switch() const;  // true or false: it may stand alone
  std::string placeholder() const;
};

class SchemaFlags {
 public:
  // Of a schema that says nothing of members, or an empty one, any flag is taken.
  explicit SchemaFlags(std::string_view request_schema);

  const std::vector<SchemaFlag>& all() const { return flags_; }
  // Whether it is known what there is.
  bool is_known() const { return is_known_; }
  // Null: there is none. `dry-run` is dry_run where there is no such member.
  const SchemaFlag* find(std::string_view name) const;

  // The request as JSON, empty where nothing is said: an object as JSON, or nothing, and words like `--a 2 --b=3 --all
  // --no-color`, which count more.
  std::expected<std::string, UsageMistake> request(std::string_view json, std::span<const std::string> words) const;

 private:
  std::vector<SchemaFlag> flags_;
  bool is_known_ = false;
};

}  // namespace parley::cli
