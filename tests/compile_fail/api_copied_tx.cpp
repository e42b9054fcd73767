// expect: deleted
#include "parley/parley.h"

parley::Tx<int> copy(const parley::Tx<int>& tx) { return tx; }
