// expect: parley: a channel of a blocking call is made by the blocking session's channel()
#include "parley/blocking.h"

using parley::Task;

class Calculator {
 public:
  virtual Task<std::int64_t> sum(parley::Rx<std::int32_t> numbers) = 0;
};
PARLEY_SERVICE(Calculator, sum);

void call(parley::blocking::Client<Calculator> client) {
  auto [tx, rx] = parley::channel<std::int32_t>();
  static_cast<void>(client.call<&Calculator::sum>(std::move(rx)));
}
