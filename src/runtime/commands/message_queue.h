#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <optional>

#include "async/wait.h"
#include "io/loop.h"
#include "runtime/commands/carrier.h"

namespace parley::runtime {

// One direction of a carrier: messages that any thread puts in, in order, and one task takes out on its own loop.
// Bounded. Shared by both sides, each of which says when it goes; the loop of a side is not touched after that.
class MessageQueue : public std::enable_shared_from_this<MessageQueue> {
 public:
  MessageQueue(io::Loop& reading, io::Loop& writing, const CarrierLimits& limits)
      : reading_(&reading), writing_(&writing), limits_(limits) {}

  // From any thread; what is refused is left as it was. Errors: closed, link_lost, overloaded, too_large.
  Result<void> push(CommandMessage&& message) { return put(std::move(message)); }
  Result<void> push(ReceivedCommand&& received) { return put(std::move(received)); }
  // On the reading loop. Nothing: it is over, and read to its end.
  Task<std::optional<ReceivedCommand>> pop();
  // On the writing loop: until half of the bound is free, or it is over.
  Task<void> writable();

  // Nothing more is written; what is in it will be read. From any thread.
  void end_writing();
  // Nothing more is read, at once; writing goes on for nothing.
  void end_reading();
  // The reader, or writer, is gone with its loop. Whoever writes to a reader that is gone gets an error.
  void forget_reader();
  void forget_writer();

  std::size_t size() const;

 private:
  struct Side {
    Event event;
    bool waits = false;
  };
  template <class T>
  Result<void> put(T&& message);
  static std::size_t bytes_of(const CommandMessage& message);
  static std::size_t bytes_of(const ReceivedCommand& received);
  bool has_room() const { return messages_.size() * 2 <= limits_.messages_max && bytes_ * 2 <= limits_.bytes_max; }
  bool is_full() const { return messages_.size() >= limits_.messages_max || bytes_ >= limits_.bytes_max; }
  void wake(io::Loop* loop, Side& side);

  mutable std::mutex mutex_;
  io::Loop* reading_;  // null: gone
  io::Loop* writing_;
  const CarrierLimits limits_;
  std::deque<ReceivedCommand> messages_;
  std::size_t bytes_ = 0;
  bool is_writing_over_ = false;
  bool is_reading_over_ = false;
  Side reader_;
  Side writer_;
};

}  // namespace parley::runtime
