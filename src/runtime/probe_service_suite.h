#pragma once

#include "runtime/dispatch.h"
#include "runtime/probe_suite.h"

// The way from bytes to each handler of a Probe is compiled once for all tests of the runtime, in
// probe_service_suite.cpp: it is a third of what each of them would compile.
namespace parley::runtime {

extern template Result<void> add_service<suite::Probe>(MethodTable& table, suite::Probe& object);

}  // namespace parley::runtime
