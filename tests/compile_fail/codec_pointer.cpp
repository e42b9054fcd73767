// expect: parley: a pointer or reference cannot be a message
#include "codec/postcard.h"

struct Person {
  const char* name;
};
auto bytes = parley::codec::to_postcard(Person{"Alice"});
