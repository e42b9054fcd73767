// expect: parley: a field is a C array; use std::array
#include "codec/fields.h"

struct Packet {
  int id;
  char name[16];
  double weight;
};
static_assert(parley::codec::field_count<Packet> == 3);
