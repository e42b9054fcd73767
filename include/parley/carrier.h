#pragma once

// Carrier: what two registries are connected by, in five functions. Those that there are, and the interface for others.
#include "base/compiler.h"

#include "runtime/commands/carrier.h"
#include "runtime/commands/http_carrier.h"
#include "runtime/commands/line_carrier.h"
#include "runtime/commands/line_server.h"
#include "runtime/commands/memory_carrier.h"
