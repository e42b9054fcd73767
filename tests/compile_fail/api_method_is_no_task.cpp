// expect: parley: a method of a service is a member function that returns Task<...>
#include "parley/parley.h"

class Plain {
 public:
  virtual int add(int a, int b) = 0;
};
PARLEY_SERVICE(Plain, add);

auto serve(parley::Services& services, Plain& plain) { return services.serve<Plain>("Plain", plain); }
