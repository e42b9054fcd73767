#pragma once

// RawCall, RawTx, RawRx and RawHandler: calls and channels over encoded bytes, for proxies and bridges.
#include "base/compiler.h"

#include "runtime/raw.h"
