#pragma once
#include <parley/parley.h>

class Calculator {
 public:
  virtual parley::Task<std::int64_t> add(std::int64_t a, std::int64_t b) = 0;
  virtual parley::Task<std::int64_t> sum(parley::Rx<std::int32_t> numbers) = 0;
};
PARLEY_SERVICE(Calculator, add, sum);
