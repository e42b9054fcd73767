#pragma once

#include "testbed/testbed_service.h"

namespace subject {

// Does what the environment says, and prints what the usage in settings.h tells of. The exit code of the program. The
// service is what it serves.
int run(testbed::TestbedService& service);

}  // namespace subject
