// expect: parley: the alternatives of a std::variant are structs, whose names tell them apart
#include "codec/postcard.h"

auto bytes = parley::codec::to_postcard(std::variant<int, double>(1));
