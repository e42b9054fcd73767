#pragma once

// Loop: what everything runs on.
#include "base/compiler.h"

#include "face/loop.h"
