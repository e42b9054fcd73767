#pragma once

// blocking::connect(), blocking::on() and the handles that wait where they stand.
#include "base/compiler.h"

#include "face/blocking.h"
