// expect: parley: an enumerator has no default_ in PARLEY_FIELDS
#include "codec/enums.h"
#include "codec/fields_macro.h"

enum class Color { red, green };
PARLEY_FIELDS(Color, (red, default_(1)), green);
static_assert(parley::codec::enumerator_count<Color> == 2);
