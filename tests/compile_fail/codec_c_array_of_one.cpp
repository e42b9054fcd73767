// expect: parley: a C array cannot be a message; use std::array
#include "codec/postcard.h"

struct Packet {
  int id;
  int only[1];
};
auto bytes = parley::codec::to_postcard(Packet{1, {2}});
