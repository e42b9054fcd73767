// expect: this method does not exist, is overloaded or not accessible
#include "parley/parley.h"

class Calculator {
 public:
  virtual parley::Task<int> add(int a, int b) = 0;
};
PARLEY_SERVICE(Calculator, addd);
