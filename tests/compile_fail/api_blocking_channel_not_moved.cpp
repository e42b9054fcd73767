// expect: parley: these arguments do not fit the method
#include "parley/blocking.h"

using parley::Task;

class Calculator {
 public:
  virtual Task<std::int64_t> sum(parley::Rx<std::int32_t> numbers) = 0;
};
PARLEY_SERVICE(Calculator, sum);

void call(parley::blocking::Client<Calculator> client, parley::blocking::Rx<std::int32_t> numbers) {
  static_cast<void>(client.call<&Calculator::sum>(numbers));
}
