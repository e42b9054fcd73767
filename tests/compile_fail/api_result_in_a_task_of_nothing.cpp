// expect: co_await of a Result ends the task with its error, so the task returns Task<Result<...>>
#include "parley/parley.h"

parley::Result<int> half(int number);

parley::Task<void> use() {
  const int two = co_await half(4);
  static_cast<void>(two);
}
