// expect: parley: an enum on the wire is an enum class
#include "codec/postcard.h"

enum Color { red, green };
auto bytes = parley::codec::to_postcard(red);
