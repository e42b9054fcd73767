// expect: parley: a channel handle (Tx, Rx) travels in arguments only, never in a result, an error or an item
#include "codec/signature.h"

template <class T>
struct Tx {
  using parley_channel = parley::codec::Channel<parley::codec::Direction::tx, T, 16>;
};
auto signature = parley::codec::method_signature<void, Tx<Tx<int>>>;
