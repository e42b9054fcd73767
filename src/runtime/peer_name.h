#pragma once

#include <string>

#include "io/stream.h"

namespace parley::runtime {

// What is said of a peer that says nothing of itself: its process, where the system knows it.
inline std::string name_of(const io::Peer& peer) {
  return peer.credentials ? "process " + std::to_string(peer.credentials->pid) : "session";
}

}  // namespace parley::runtime
