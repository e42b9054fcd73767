#pragma once

// Descriptor and own_descriptor(): open files that a session passes.
#include "face/descriptor.h"
