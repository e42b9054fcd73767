#pragma once

// describe<S>(), Describe and Transcoder: what a service says of itself, and calling it by that with JSON.
#include "base/compiler.h"

#include "codec/dynamic.h"
#include "runtime/describe.h"
#include "runtime/description_service.h"
