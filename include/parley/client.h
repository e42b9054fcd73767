#pragma once

// Client, Call and CallResult: calling the methods of a service.
#include "runtime/client.h"
