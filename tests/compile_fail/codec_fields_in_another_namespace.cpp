// expect: parley: PARLEY_FIELDS stands in the namespace of its type
#include "codec/fields_macro.h"

namespace shapes {
struct Circle {
  double radius;
};
}  // namespace shapes
PARLEY_FIELDS(shapes::Circle, (radius, describe("in metres")));
