#include "runtime/probe_service_suite.h"

namespace parley::runtime {

template Result<void> add_service<suite::Probe>(MethodTable& table, suite::Probe& object);

}  // namespace parley::runtime
