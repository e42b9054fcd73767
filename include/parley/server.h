#pragma once

// listen(), Server and Services.
#include "face/server.h"
