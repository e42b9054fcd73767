#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/directory/directory.h"
#include "runtime/client.h"

// The services that a hub has itself: client<builtin::Directory>("parley.Directory"),
// client<builtin::Hub>("parley.Hub").
namespace parley::builtin {

// One provider of one name.
struct DirectoryEntry {
  std::string name;
  std::string service;  // the name of its class
  bool exclusive = false;
  std::uint64_t session = 0;        // of the provider at this hub
  std::optional<std::int64_t> pid;  // as the system says, on Unix sockets
  std::uint64_t calls_in_flight = 0;
};

class Directory {
 public:
  virtual ~Directory() = default;
  // By name, then as they came.
  virtual Task<std::vector<DirectoryEntry>> list() = 0;
  // The caller provides this from now on, until it withdraws it or its session ends. Errors: invalid (a name that is
  // none, reserved, or offered by the caller already), in_use (exclusive, or of another class), overloaded.
  virtual Task<Result<void>> offer(Context& context, core::Offer offer) = 0;
  // False: the caller did not provide it. Connections that are bound to it stay.
  virtual Task<bool> withdraw(Context& context, std::string name) = 0;
};
PARLEY_SERVICE(Directory, (list, describe("who provides what")), (offer, args(offer)), (withdraw, args(name)));

// One session of a hub.
struct SessionEntry {
  std::uint64_t id = 0;
  std::string address;
  std::optional<std::int64_t> pid;
  std::optional<std::uint32_t> uid;
  bool is_foreign = false;
  std::vector<std::string> offers;
  std::uint32_t connections = 0;      // that it has as a client
  std::uint64_t calls_in_flight = 0;  // that it is to answer
  std::uint64_t bytes_queued = 0;     // that it has not taken yet
};

struct Count {
  std::string name;
  std::uint64_t value = 0;
};

class Hub {
 public:
  virtual ~Hub() = default;
  // Every session that has shaken hands, the caller's own too.
  virtual Task<std::vector<SessionEntry>> who() = 0;
  // docs/OPERATING.md, section 6.
  virtual Task<std::vector<Count>> counters() = 0;
};
PARLEY_SERVICE(Hub, (who, describe("the sessions of this hub")), (counters, describe("what happened at its door")));

}  // namespace parley::builtin
