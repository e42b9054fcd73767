// expect: co_await a task as an rvalue: std::move(task)
#include "parley/parley.h"

parley::Task<int> twice(parley::Task<int> task) { co_return co_await task; }
