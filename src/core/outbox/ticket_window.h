#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>

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
    const std::size_t before = window_.size();
    const ByteView tickets = window_.unacknowledged();
    if (window_.holds(last)) {
      const std::size_t count = std::size_t{last - (window_.next() - static_cast<std::uint32_t>(before))} + 1;
      for (std::size_t i = 0; i < count; ++i) taken(ticket_at(tickets, i));
    }
    return window_.acknowledge(last);
  }
  // taken(ticket) as above; then again(number, ticket) of each that is to be sent again, in order.
  template <class Taken, class Again>
  Result<void> resume(std::optional<std::uint32_t> last, Taken taken, Again again) {
    if (last && window_.holds(*last)) PARLEY_TRY(acknowledge(*last, taken));
    PARLEY_TRY(window_.resume(last));
    for_each(again);
    return {};
  }
  // visit(number, ticket) of each that is not acknowledged, in order. It may not add.
  template <class Visit>
  void for_each(Visit visit) const {
    const ByteView tickets = window_.unacknowledged();
    const std::uint32_t first = window_.next() - static_cast<std::uint32_t>(window_.size());
    for (std::size_t i = 0; i < window_.size(); ++i)
      visit(first + static_cast<std::uint32_t>(i), ticket_at(tickets, i));
  }
  bool empty() const { return window_.size() == 0; }
  std::size_t size() const { return window_.size(); }

 private:
  static Ticket ticket_at(ByteView tickets, std::size_t index) {
    Ticket ticket = 0;
    std::memcpy(&ticket, tickets.data() + index * sizeof(Ticket), sizeof(Ticket));
    return ticket;
  }
  SendWindow window_{{.items = SIZE_MAX, .bytes = SIZE_MAX}};
};

}  // namespace parley::core
