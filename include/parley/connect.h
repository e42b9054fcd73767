#pragma once

// connect(), Session, Hold and Options.
#include "face/session.h"
