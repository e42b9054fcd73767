// expect: parley: PARLEY_FIELDS names a field that the struct does not have
#include "codec/fields.h"
#include "codec/fields_macro.h"

struct Settings {
  int count;
};
PARLEY_FIELDS(Settings, (counts, describe("how many")));
static_assert(parley::codec::field_name<Settings, 0> == "count");
