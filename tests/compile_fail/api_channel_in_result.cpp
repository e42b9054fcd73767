// expect: parley: a channel handle (Tx, Rx) travels in arguments only, never in a result, an error or an item
// rule: calls/rpc.channel.placement
#include "parley/parley.h"

class Source {
 public:
  virtual parley::Task<parley::Tx<int>> open() = 0;
};
PARLEY_SERVICE(Source, open);

auto serve(parley::Services& services, Source& source) { return services.serve<Source>("Source", source); }
