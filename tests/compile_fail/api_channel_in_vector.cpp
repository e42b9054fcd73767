// expect: parley: a channel handle (Tx, Rx) cannot be in a list, array, set, map or pointer
// rule: calls/rpc.channel.no-collections
#include "parley/parley.h"

class Sink {
 public:
  virtual parley::Task<void> take(std::vector<parley::Rx<int>> all) = 0;
};
PARLEY_SERVICE(Sink, take);

auto serve(parley::Services& services, Sink& sink) { return services.serve<Sink>("Sink", sink); }
