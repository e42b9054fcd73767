// expect: parley: a type that holds itself and nothing else has no JSON, nor any value
#include "codec/json.h"

struct Endless {
  std::unique_ptr<Endless> _0;
};
auto endless = parley::codec::from_json<Endless>("1");
