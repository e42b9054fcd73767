#include "hub/hub_suite.h"

#include "runtime/dispatch.h"

template parley::Result<void> parley::runtime::add_service<parley::runtime::suite::Probe>(MethodTable& table,
                                                                                          suite::Probe& object);
