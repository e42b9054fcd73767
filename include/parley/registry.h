#pragma once

// Registry: commands that people, programs and agents find by name, and events; and what it is attached to others by.
#include "base/compiler.h"

#include "face/attach.h"
#include "parley/carrier.h"
#include "runtime/commands/registry.h"
#include "runtime/commands/service_commands.h"
