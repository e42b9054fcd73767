#pragma once

// HostpipeClient: this process as the host of an agentmux launcher, whose commands are those of a registry.
#include "base/compiler.h"

#include "parley/registry.h"
#include "runtime/hostpipe/hostpipe_client.h"
