// expect: parley: these arguments do not fit the method
#include "parley/parley.h"

using parley::Task;

class Calculator {
 public:
  virtual Task<std::int64_t> add(std::int64_t a, std::int64_t b) = 0;
  virtual Task<std::int64_t> sum(parley::Rx<std::int32_t> numbers) = 0;
  virtual Task<void> unlisted() = 0;
};
PARLEY_SERVICE(Calculator, add, sum);

auto call(parley::Client<Calculator> client) { return client.call<&Calculator::add>(2, "three"); }
