#pragma once

// listen(), Server and Services.
#include "base/compiler.h"

#include "face/server.h"
