#pragma once

#include <string>
#include <vector>

#include "cli/schema_flags.h"
#include "wire/command/message.h"

namespace parley::cli {

// How the command is called, in one line, with what it must be told.
std::string command_usage(const wire::command::Definition& command, const SchemaFlags& flags);
// What a command takes and does, for people.
std::string command_help(const wire::command::Definition& command, const SchemaFlags& flags);
// "read-only", "destructive", "idempotent": what the command says of itself.
std::vector<std::string> marks_of(const wire::command::Definition& command);
// With all that it says, for programs: a list.
std::string in_json(const std::vector<wire::command::Definition>& commands);

}  // namespace parley::cli
