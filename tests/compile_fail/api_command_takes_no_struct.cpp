// expect: parley: a command takes nothing or a struct, whose members are its arguments by name
#include "parley/registry.h"

auto offer(parley::Registry& registry) {
  return registry.command("count.to", "Counts", [](int) {});
}
