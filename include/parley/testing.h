#pragma once

// testing::World, Links and Faults: services of one's own under a virtual clock and a network with faults, in one
// thread. testing::Mailboxes: actors, message by message. Of the target parley::testing.
#include "base/compiler.h"

#include "sim/carrier_rules.h"
#include "sim/testing_actors.h"
#include "sim/testing_world.h"
