#pragma once

#include <memory>
#include <utility>

#include "io/link.h"
#include "io/loop.h"

namespace parley::runtime {

// Two ends of a link inside one loop. What one end has encoded is handed to the other with its memory, when the ready
// queue has drained; nothing is copied. Destroying one end ends the other.
std::pair<std::unique_ptr<io::Link>, std::unique_ptr<io::Link>> make_memory_links(io::Loop& loop);

}  // namespace parley::runtime
