#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "async/wait.h"
#include "core/outbox/ticket.h"

namespace parley {

using TicketResult = core::TicketResult;

// One command that an outbox has taken. Cheap to copy, and dropping it changes nothing: the command stands. On the loop
// of the outbox, which it may outlive.
class Ticket {
 public:
  std::uint64_t number() const { return slot_->number; }
  // Ends once there is a result, which there is by the deadline and a second, or when the outbox is destroyed. Any
  // number of times.
  Task<TicketResult> result() const { return result_of(slot_); }
  // Null: there is none yet.
  const TicketResult* peek() const { return slot_->ended.is_set() ? &slot_->result : nullptr; }

 private:
  friend class Outbox;
  struct Slot {
    std::uint64_t number = 0;
    Event ended = {};
    TicketResult result = {};
  };
  explicit Ticket(std::shared_ptr<Slot> slot) : slot_(std::move(slot)) {}
  static Task<TicketResult> result_of(std::shared_ptr<Slot> slot) {
    co_await slot->ended.wait();
    co_return slot->result;
  }
  std::shared_ptr<Slot> slot_;
};

}  // namespace parley
