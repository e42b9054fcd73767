// expect: parley: default_(...) in PARLEY_FIELDS does not convert to the type of its field
#include <string>

#include "codec/fields.h"
#include "codec/fields_macro.h"

struct Settings {
  std::string name;
};
PARLEY_FIELDS(Settings, (name, default_(3.5)));
auto name = parley::codec::field_default<Settings, 0>();
