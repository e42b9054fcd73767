#pragma once

// connect(), introduce(), Session, Hold and Options.
#include "base/compiler.h"

#include "face/introduction.h"
#include "face/session.h"
