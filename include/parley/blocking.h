#pragma once

// blocking::connect(), blocking::on() and the handles that wait where they stand.
#include "face/blocking.h"
