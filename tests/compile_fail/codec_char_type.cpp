// expect: parley: char types say nothing about an encoding
#include "codec/postcard.h"

struct Letter {
  char letter;
};
auto bytes = parley::codec::to_postcard(Letter{'a'});
