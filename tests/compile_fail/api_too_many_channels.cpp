// expect: parley: a call carries at most 64 channel handles (Tx, Rx) in its arguments
#include "parley/parley.h"

struct Thirteen {
  parley::Rx<int> a, b, c, d, e, f, g, h, i, j, k, l, m;
};

class Sink {
 public:
  virtual parley::Task<void> take(Thirteen a, Thirteen b, Thirteen c, Thirteen d, Thirteen e) = 0;
};
PARLEY_SERVICE(Sink, take);

auto call(parley::Client<Sink>& sink) {
  using T = Thirteen;
  return sink.call<&Sink::take>(T(), T(), T(), T(), T());
}
