// expect: parley: no enumerators with values from 0 to 127 were found; list them with PARLEY_FIELDS
#include "codec/enums.h"

enum class Status { lost = 1000, found = 2000 };
static_assert(parley::codec::enumerator_count<Status> == 2);
