// expect: deleted
#include "parley/parley.h"

parley::Call<int> copy(const parley::Call<int>& call) { return call; }
