#pragma once

// describe<S>(), Describe and Transcoder: what a service says of itself, and calling it by that with JSON. check<S>():
// whether a provider serves S as it is known here.
#include "base/compiler.h"

#include "codec/dynamic.h"
#include "face/check.h"
#include "runtime/describe.h"
#include "runtime/description_service.h"
