#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>

#include "base/assert.h"
#include "core/outbox/ticket.h"
#include "core/window/send_window.h"

namespace parley::core {

// A send window of tickets: what is said of them is where they are, and may have changed when it is said again. Bounded
// by its user.
class TicketWindow {
 public:
  // The number under which it is sent.
  std::uint32_t add(Ticket ticket) {
    const std::uint32_t number = window_.next();
    std::uint8_t bytes[sizeof(Ticket)];
    std::memcpy(bytes, &ticket, sizeof(Ticket));
    window_.add(bytes, {});
    return number;
  }
  // taken(ticket) of each that the peer has now and had not before. Errors: as of SendWindow.
  template <class Taken>
  Result<void> acknowledge(std::uint32_t last, Taken taken) {
    if (holds(last)) {
      for (std::uint32_t number = first(); number != last + 1; ++number) taken(ticket_at(number));
    }
    return window_.acknowledge(last);
  }
  // The same for a new session, whose other end says what it has; what is left is to be sent again.
  template <class Taken>
  Result<void> resume(std::optional<std::uint32_t> last, Taken taken) {
    if (last && holds(*last)) PARLEY_TRY(acknowledge(*last, taken));
    PARLEY_TRY(window_.resume(last));
    return {};
  }
  bool holds(std::uint32_t number) const { return window_.holds(number); }
  Ticket ticket_at(std::uint32_t number) const {
    PARLEY_ASSERT(holds(number), number);
    Ticket ticket = 0;
    std::memcpy(&ticket, window_.unacknowledged().data() + std::size_t{number - first()} * sizeof(Ticket),
                sizeof(Ticket));
    return ticket;
  }
  // The oldest that is not acknowledged, or else the next one.
  std::uint32_t first() const { return window_.next() - static_cast<std::uint32_t>(window_.size()); }
  bool empty() const { return window_.size() == 0; }
  std::size_t size() const { return window_.size(); }

 private:
  SendWindow window_{{.items = SIZE_MAX, .bytes = SIZE_MAX}};
};

}  // namespace parley::core
