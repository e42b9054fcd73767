// expect: parley: PARLEY_FIELDS stands in the namespace of its type, before the first use
#include "codec/enums.h"
#include "codec/fields_macro.h"

enum class Color { red, green };
static_assert(parley::codec::enumerator_count<Color> == 2);
PARLEY_FIELDS(Color, (red, name_("Red")), (green, name_("Green")));
