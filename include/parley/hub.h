#pragma once

// Hub: the meeting place of many processes, as an object; and what it tells of itself.
#include "base/compiler.h"

#include "hub/hub.h"
#include "runtime/builtin.h"
