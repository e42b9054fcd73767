// expect: deleted
#include "parley/parley.h"

parley::Rx<int> copy(const parley::Rx<int>& rx) { return rx; }
