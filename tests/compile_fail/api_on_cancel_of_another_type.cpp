// expect: what is to be done on cancel returns Task<void> or void
#include "parley/parley.h"

void leave(parley::Context& context) {
  context.on_cancel([](const parley::Error&, const parley::Metadata&) { return 7; });
}
