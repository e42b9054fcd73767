#pragma once

#include <optional>
#include <string>

#include "base/error.h"
#include "core/policy/tokens.h"

// Secrets come from files and from the environment, and never from the command line, which everybody on the machine
// may look at.
namespace parley::cli {

// As whom a client comes: what is in the file, else in PARLEY_TOKEN, else nothing. Errors: those of
// os::read_private_file().
Result<std::string> client_token(const std::optional<std::string>& file);
// The one in the file. Errors: those, and invalid where it is empty.
Result<std::string> token_in(const std::string& file);

// Of a hub, "NAME=PATH". Errors: invalid, those of core::Tokens::add() and os::read_private_file().
Result<void> add_token(core::Tokens& tokens, const std::string& named_file);

}  // namespace parley::cli
