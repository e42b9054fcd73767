// expect: parley: PARLEY_FIELDS of an enum lists all its enumerators once
#include "codec/enums.h"
#include "codec/fields_macro.h"

enum class Color { red, green, blue };
PARLEY_FIELDS(Color, (red, name_("Red")), blue);
static_assert(parley::codec::enumerator_count<Color> == 3);
