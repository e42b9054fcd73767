#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "async/task.h"
#include "base/error.h"
#include "wire/command/message.h"

namespace parley {

using CommandMessage = wire::command::Message;
// What came: a message, or what should have been one, which the registry counts, and answers where somebody waits. What
// wire::command::parse() gives.
using ReceivedCommand = std::variant<CommandMessage, wire::command::Malformed>;

struct CarrierLimits {
  // Sent and not taken by the peer: beyond, send() refuses.
  std::size_t messages_max = 16384;
  std::size_t bytes_max = std::size_t{4} << 20;
  // One message: beyond, it is `too_large`, and nothing else is harmed.
  std::size_t message_bytes_max = std::size_t{4} << 20;
};

// Ordered messages of commands and events between two registries: what a registry is attached to its peers by. Parley
// has those in memory, of lines over a stream, over HTTP and over a session; users write others, which
// testing::carrier_rules() of parley/testing.h tests. Held by shared_ptr; used on the loop of its registry, except for
// send() and close(), which any thread may call.
//
// Rules C1 to C12 of the reference of cmd-ipc's channels.
class Carrier {
 public:
  // The id names the peer, here alone: what the two ends call each other need not be the same. `is_extended`: the peer
  // is Parley, and may be sent what only Parley knows (docs/WIRE.md, section 16).
  explicit Carrier(std::string id, bool is_extended = false) : id_(std::move(id)), is_extended_(is_extended) {}
  virtual ~Carrier() = default;
  Carrier(const Carrier&) = delete;
  Carrier& operator=(const Carrier&) = delete;

  const std::string& id() const { return id_; }
  bool is_extended() const { return is_extended_; }

  // Connects or shakes hands, as far as there is any of that. Once, by the registry, before anything else. An error
  // says why there is no carrier; after close() it is `closed`.
  virtual Task<Result<void>> start() = 0;
  // Queues the message, in order, and never waits. Errors: closed (this end was), link_lost (there is no other end),
  // overloaded (the peer takes nothing, and the bound is reached), too_large.
  virtual Result<void> send(const CommandMessage& message) = 0;
  // The same of a message that nobody else needs: a carrier that passes messages as they are takes it. One that is
  // refused is left as it was.
  virtual Result<void> give(CommandMessage&& message) { return send(message); }
  // Waits until send() has room again: once half of the bound is free, or there is nothing to wait for any more.
  virtual Task<void> writable() = 0;
  // The next message; nothing, once close() was called, or the peer is gone and all is read that it sent before. One
  // task at a time.
  virtual Task<std::optional<ReceivedCommand>> receive() = 0;
  // Ends both directions: what is waited for here ends at once. The peer reads what was sent before, and then the end.
  // Idempotent.
  virtual void close() = 0;

 private:
  const std::string id_;
  const bool is_extended_;
};

}  // namespace parley
