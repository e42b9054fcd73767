#pragma once

#include <functional>
#include <map>
#include <string>

#include "parley/client.h"
#include "parley/task.h"
#include "testbed/testbed_service.h"

// What a client of the Testbed does and expects, by the names that the tests of its other implementations have for it.
namespace testbed {

// What was not as expected, empty if everything was; or how a call failed that should not have.
using Verdict = parley::Result<std::string>;
using Scenario = parley::Task<Verdict> (*)(parley::Client<Testbed>);

// Each method is in one. The six that are recorded say what their recordings say.
const std::map<std::string, Scenario, std::less<>>& scenarios();

}  // namespace testbed
