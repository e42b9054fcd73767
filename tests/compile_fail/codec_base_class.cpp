// expect: parley: fields of base classes are not seen; make the base a field
#include "codec/fields.h"

struct Base {
  int id;
};
struct Derived : Base {
  int more;
};
static_assert(parley::codec::field_count<Derived> == 2);
