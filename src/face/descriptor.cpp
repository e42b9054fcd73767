#include "face/descriptor.h"

#include "net/descriptor.h"

namespace parley {

Descriptor own_descriptor(int number) { return net::own(number); }

}  // namespace parley
