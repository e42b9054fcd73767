#pragma once

// Error, Code, Kind, Result and PARLEY_TRY.
#include "base/error.h"
