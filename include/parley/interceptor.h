#pragma once

// Interceptor, CallView and CallOutcome: whoever sees calls before and after they happen.
#include "base/compiler.h"

#include "runtime/interceptor.h"
