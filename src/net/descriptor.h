#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "io/stream.h"

namespace parley::net {

// Takes over an open descriptor, which close() will close. A negative number gives an empty one.
io::Descriptor own(int number);

// Two connected stream sockets. Errors: overloaded (no descriptors are left), and whatever else the system says.
Result<std::pair<io::Descriptor, io::Descriptor>> socket_pair();

// "connect unix:/run/app.sock: Connection refused"
std::string system_note(std::string_view what, int number);
inline Error system_error(Code code, std::string_view what, int number) { return {code, system_note(what, number)}; }

// What the system's number means to a caller that wanted an address, a file or a descriptor.
Code code_of(int number);

}  // namespace parley::net
