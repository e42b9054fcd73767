#pragma once

// Included first by every public header: a compiler that cannot build Parley says so before anything else.
#if !defined(__clang__) || __clang_major__ < 19
#error "Parley: compile with clang++-19 or newer; g++ corrupts memory in coroutines. Nothing that follows matters."
#endif
