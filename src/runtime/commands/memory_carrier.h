#pragma once

#include <memory>
#include <string>
#include <utility>

#include "io/loop.h"
#include "runtime/commands/carrier.h"

namespace parley {

// What one end of a pair is called by its owner: the id is that of the other side.
struct MemoryCarrierEnd {
  io::Loop& loop;
  std::string id;
};

// Two ends that are connected in memory, each on its own loop, which may be the same: messages pass as they are. An end
// dies before its loop.
std::pair<std::shared_ptr<Carrier>, std::shared_ptr<Carrier>> carrier_pair(MemoryCarrierEnd first,
                                                                           MemoryCarrierEnd second,
                                                                           const CarrierLimits& limits = {});

}  // namespace parley
