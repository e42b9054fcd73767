// expect: parley: a JSON value cannot hold a channel handle (Tx, Rx); streams travel beside it
#include "codec/json.h"

struct Tx {
  using parley_channel = parley::codec::Channel<parley::codec::Direction::tx, int, 16>;
};
struct Arguments {
  int count;
  Tx output;
};
auto text = parley::codec::to_json(Arguments{});
