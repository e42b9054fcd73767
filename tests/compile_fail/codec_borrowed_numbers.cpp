// expect: parley: only bytes can be borrowed from a message
#include "codec/postcard.h"

auto numbers = parley::codec::from_postcard<std::span<const int>>({});
