// expect: MethodTakes<2>::and_given_are<3>
// expect: parley: the number of arguments differs from what the method takes
#include "parley/parley.h"

using parley::Task;

class Calculator {
 public:
  virtual Task<std::int64_t> add(std::int64_t a, std::int64_t b) = 0;
};
PARLEY_SERVICE(Calculator, add);

auto call(parley::Client<Calculator> client) { return client.call<&Calculator::add>(1, 2, 3); }
