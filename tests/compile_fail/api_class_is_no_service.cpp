// expect: parley: this class is no service yet
#include "parley/parley.h"

class Plain {
 public:
  virtual parley::Task<void> work() = 0;
};

auto serve(parley::Services& services, Plain& plain) { return services.serve<Plain>("Plain", plain); }
