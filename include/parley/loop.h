#pragma once

// Loop: what everything runs on.
#include "face/loop.h"
