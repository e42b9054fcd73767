#pragma once

#include <memory>
#include <optional>
#include <string>

#include "codec/schema_validator.h"
#include "runtime/commands/registry.h"

namespace parley::runtime {

struct CommandSchemas {
  std::string text;                          // as it stands in a definition
  std::optional<codec::JsonSchema> request;  // what requests are held against
};
// Errors: invalid, for a schema that is none or says more than can be checked.
Result<CommandSchemas> compile_schemas(const DynamicCommand& command);

// A command of JSON, whose handler sees no request that does not fit the schema.
std::shared_ptr<CommandHandler> dynamic_command(Registry::DynamicHandler handler,
                                                std::optional<codec::JsonSchema> request);

}  // namespace parley::runtime
