// expect: parley: an item that is received here cannot borrow
#include "parley/blocking.h"

auto receive(parley::blocking::Rx<std::string_view>& words) { return words.recv(); }
