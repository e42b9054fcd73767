// expect: parley: a channel handle (Tx, Rx) cannot be in a list, array, set, map or pointer
// rule: calls/rpc.channel.no-collections
#include <map>

#include "codec/postcard.h"

struct Tx {
  using parley_channel = parley::codec::Channel<parley::codec::Direction::tx, int, 16>;
};
struct Arguments {
  std::map<int, Tx> outputs;
};
auto bytes = parley::codec::to_postcard(Arguments{});
