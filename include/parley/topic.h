#pragma once

// Topics: builtin::Topics, as a hub serves it over a session, and Topics, which a program can have of its own.
#include "base/compiler.h"

#include "runtime/topics/topics_service.h"
