// expect: parley: a channel handle (Tx, Rx) travels in arguments only, never in a result, an error or an item
// rule: calls/rpc.channel.placement
#include "codec/signature.h"

struct Tx {
  using parley_channel = parley::codec::Channel<parley::codec::Direction::tx, int, 16>;
};
struct Answer {
  Tx output;
};
auto signature = parley::codec::method_signature<parley::Either<Answer, int>, int>;
