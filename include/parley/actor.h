#pragma once

// Actors, ActorRef, Ask and supervisors: supervised units with mailboxes inside one process.
#include "base/compiler.h"

#include "runtime/actors/actors.h"
#include "runtime/actors/supervise.h"
