#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "wire/command/message.h"

namespace parley::core {

// What a command's error is on the wire, where there are five: those pass unchanged, any other is internal_error with
// what it says.
wire::command::ExecuteError to_wire(const Error& error);
// And back. The member `parley-error` of `_meta`, where a Parley peer said it, tells which error it was.
Error from_wire(const wire::command::ExecuteError& error, std::string_view meta);
// What `_meta` says of an error beside its wire code.
std::string meta_of(const Error& error, std::string_view meta);

}  // namespace parley::core
