#pragma once

// Error, Code, Kind, Result and PARLEY_TRY.
#include "base/compiler.h"

#include "base/error.h"
