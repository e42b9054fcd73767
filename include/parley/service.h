#pragma once

// PARLEY_SERVICE, PARLEY_FIELDS, Either and Context: saying what is served.
#include "base/compiler.h"

#include "codec/either.h"
#include "codec/fields_macro.h"
#include "runtime/client.h"
#include "runtime/inbound_call.h"
#include "runtime/service.h"
