// expect: is overloaded or not accessible; a service needs one public method per name
#include "parley/parley.h"

class Twice {
 public:
  virtual parley::Task<int> add(int a) = 0;
  virtual parley::Task<int> add(int a, int b) = 0;
};
PARLEY_SERVICE(Twice, add);
