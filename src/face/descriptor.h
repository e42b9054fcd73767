#pragma once

#include "io/stream.h"

namespace parley {

// An open file of the system on its way between processes; closed when it dies. See Session::pass().
using Descriptor = io::Descriptor;

// Takes over what is open under this number. A negative one gives an empty descriptor.
Descriptor own_descriptor(int number);

}  // namespace parley
