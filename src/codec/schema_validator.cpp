#include "codec/schema_validator.h"

#include <string>
#include <utility>

#include "codec/json_document.h"
#include "codec/schema_rules.h"

namespace parley::codec {

Result<JsonSchema> JsonSchema::compile(std::string_view text, Options options) {
  const auto rules = std::make_shared<SchemaRules>();
  rules->options = options;
  PARLEY_TRY(compile_schema(text, *rules));
  return JsonSchema(rules);
}

Result<void> JsonSchema::validate(std::string_view json) const {
  const Options& options = rules_->options;
  const Result<JsonDocument> value =
      JsonDocument::parse(json, {.text_bytes_max = options.value_bytes_max, .depth_max = options.depth_max});
  if (!value) return fail(Code::arguments, value.error().note);
  if (std::string note = check_schema(*rules_, *value, json.size()); !note.empty()) {
    return fail(Code::arguments, std::move(note));
  }
  return {};
}

}  // namespace parley::codec
