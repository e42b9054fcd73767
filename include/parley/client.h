#pragma once

// Client, Call and CallResult: calling the methods of a service.
#include "base/compiler.h"

#include "runtime/client.h"
