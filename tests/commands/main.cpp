#include <cstdio>
#include <exception>

#include "commands/peer.h"

int main() {
  try {
    return parley::peer::run();
  } catch (const std::exception& thrown) {
    std::fprintf(stderr, "commands_peer: %s\n", thrown.what());
    return 1;
  }
}
