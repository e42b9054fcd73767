// expect: parley: a result cannot borrow (string_view, ByteView, span): nobody keeps its bytes
#include "parley/parley.h"

class Names {
 public:
  virtual parley::Task<std::string_view> name() = 0;
};
PARLEY_SERVICE(Names, name);

auto call(parley::Client<Names> client) { return client.call<&Names::name>(); }
