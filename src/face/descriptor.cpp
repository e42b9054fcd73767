#include "face/descriptor.h"

#include "net/descriptor.h"

namespace parley {

Descriptor own_descriptor(int number) { return net::own(number); }

Result<std::pair<Descriptor, Descriptor>> socket_pair() { return net::socket_pair(); }

}  // namespace parley
