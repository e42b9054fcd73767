#pragma once

// A registry of Parley under the orders of interop/README.md, for tests against peers of other implementations.
namespace parley::peer {

// As the environment says (PEER_*). The exit code of the program.
int run();

}  // namespace parley::peer
