#pragma once

// connect(), Session, Hold and Options.
#include "base/compiler.h"

#include "face/session.h"
