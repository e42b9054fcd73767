#pragma once

// Tx, Rx and channel(): typed streams inside a session.
#include "runtime/channel.h"
