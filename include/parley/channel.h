#pragma once

// Tx, Rx and channel(): typed streams inside a session.
#include "base/compiler.h"

#include "runtime/channel.h"
