#pragma once

// Task, Scope, Sleep, Event and Queue.
#include "base/compiler.h"

#include "async/scope.h"
#include "async/task.h"
#include "async/wait.h"
