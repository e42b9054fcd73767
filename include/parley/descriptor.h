#pragma once

// Descriptor and own_descriptor(): open files that a session passes.
#include "base/compiler.h"

#include "face/descriptor.h"
