#pragma once

#include <utility>

#include "io/stream.h"

namespace parley {

// An open file of the system on its way between processes; closed when it dies. See Session::pass().
using Descriptor = io::Descriptor;

// Takes over what is open under this number. A negative one gives an empty descriptor.
Descriptor own_descriptor(int number);

// Two connected stream sockets: what HubOptions::socket_pair takes. Errors: overloaded (no descriptors are left).
Result<std::pair<Descriptor, Descriptor>> socket_pair();

}  // namespace parley
