// expect: parley: a union does not say which of its fields is alive; use std::variant
#include "codec/postcard.h"

union Number {
  int whole;
  float part;
};
struct Holds {
  Number number;
};
auto bytes = parley::codec::to_postcard(Holds{});
