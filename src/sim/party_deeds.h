#pragma once

#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "sim/party.h"

namespace parley::sim {

// A handler's frame as the book sees it.
class Party::HandlerGuard {
 public:
  HandlerGuard(Party& party, std::uint64_t ticket) : party_(party), ticket_(ticket) {
    party_.scene_.calls.on_handler_started(ticket_);
  }
  ~HandlerGuard() {
    party_.scene_.calls.on_handler_ended(ticket_, has_finished_, party_.is_session_over(), party_.world().now());
  }
  HandlerGuard(const HandlerGuard&) = delete;
  HandlerGuard& operator=(const HandlerGuard&) = delete;
  void finish() { has_finished_ = true; }

 private:
  Party& party_;
  std::uint64_t ticket_;
  bool has_finished_ = false;
};

// A call from its start to what it came to, which is recorded once. Declared before the call, so that it ends behind.
class Party::Calling {
 public:
  Calling(Party& party, std::string_view method, const Patience& patience, std::optional<Code> expected = std::nullopt)
      : party_(party) {
    std::optional<Instant> deadline;
    if (patience.deadline) deadline = party.world().now() + *patience.deadline;
    deadline_ = deadline.value_or(Instant::never());
    ticket_ = party.scene_.calls.start({.method = method, .way = &party, .deadline = deadline, .expected = expected});
  }
  ~Calling() {
    if (!is_over_) party_.scene_.calls.drop(ticket_, CallBook::Drop::with_task);
  }
  Calling(const Calling&) = delete;
  Calling& operator=(const Calling&) = delete;

  std::uint64_t ticket() const { return ticket_; }
  void drop() {
    is_over_ = true;
    party_.scene_.calls.drop(ticket_, CallBook::Drop::by_choice);
  }
  // A call that was done before anybody looked ended at some time until now.
  template <class R, class IsRight>
  void end(const R& result, bool was_done_before, IsRight is_right) {
    Ending ending;
    if constexpr (is_result<R>) {
      if (result) {
        ending.is_right = is_right(*result);
      } else {
        ending = {Ending::What::error, true, result.error().code};
      }
    } else if (result.has_value()) {
      ending.is_right = is_right(result.value(), nullptr);
    } else if (result.own()) {
      ending = {Ending::What::own_error, is_right(0, result.own()), Code::bug};
    } else {
      ending = {Ending::What::error, true, result.error()->code};
    }
    is_over_ = true;
    const Instant now = party_.world().now();
    party_.scene_.calls.end(ticket_, ending, was_done_before ? std::min(now, deadline_) : now);
  }

 private:
  Party& party_;
  std::uint64_t ticket_ = 0;
  Instant deadline_;
  bool is_over_ = false;
};

// What a sender comes to. Ends before its Tx.
class Party::Sending {
 public:
  Sending(FlowBook& book, std::uint64_t flow) : book_(book), flow_(flow) {}
  ~Sending() {
    if (!is_over_) book_.end_sender(flow_, FlowBook::SenderEnd::dropped);
  }
  Sending(const Sending&) = delete;
  Sending& operator=(const Sending&) = delete;
  void end(FlowBook::SenderEnd end) {
    is_over_ = true;
    book_.end_sender(flow_, end);
  }

 private:
  FlowBook& book_;
  std::uint64_t flow_;
  bool is_over_ = false;
};

// What a receiver comes to. Ends before its Rx.
class Party::Receiving {
 public:
  Receiving(Party& party, std::uint64_t flow) : party_(party), book_(party.scene_.flows), flow_(flow) {
    book_.begin_receiver(flow_);
  }
  ~Receiving() {
    if (!is_over_) book_.drop_receiver(flow_);
  }
  Receiving(const Receiving&) = delete;
  Receiving& operator=(const Receiving&) = delete;
  void end(const Error* error) {
    is_over_ = true;
    book_.end_receiver(flow_, error, party_.has_link_died() ? FlowBook::Link::died : FlowBook::Link::lived);
  }

 private:
  Party& party_;
  FlowBook& book_;
  std::uint64_t flow_;
  bool is_over_ = false;
};

// A task, and what it has spawned; they die together.
struct Party::Actor {
  explicit Actor(Party& party) : party(party), scope(party.executor()) {}
  void die() {
    party.world().trace().note("actor.killed");
    scope.cancel_all();
  }
  Party& party;
  SimEventOf<Actor, &Actor::die> death{*this};
  Scope scope;
};

template <class S>
Client<S> Party::client(const Patience& patience) const {
  Client<S> client(*session_);
  if (!patience.deadline) return client;
  return client.with({.deadline = *patience.deadline, .metadata = {}});
}

template <class T, class IsRight>
Task<void> Party::see_through(Calling& calling, Call<T> call, Patience patience, IsRight is_right) {
  if (patience.drop_after) {
    if (*patience.drop_after > Duration()) {
      co_await Sleep(executor(), *patience.drop_after);
    } else {
      scene_.coverage().hit(Spot::call_dropped_at_once);
    }
    if (!call.is_done()) {
      calling.drop();
      co_return;
    }
  }
  const bool was_done = call.is_done();
  auto result = co_await call;
  calling.end(result, was_done, is_right);
}

// Sends items, some slower than others; closes the channel, or lets go of it.
template <std::uint32_t N>
Task<void> Party::feed(Tx<Item, N> items, std::uint64_t flow, std::uint64_t count, std::uint64_t bytes, Duration pace,
                       bool closes) {
  FlowBook& book = scene_.flows;
  Sending sending(book, flow);
  std::uint64_t index = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    if (pace > Duration()) co_await Sleep(executor(), pace);
    const Item item = make_item(flow, index, bytes);
    if (items.is_open() && items.credit() == 0) scene_.coverage().hit(Spot::channel_waited_for_credit);
    if (items.credit() != 0 && !items.core().may_send()) scene_.coverage().hit(Spot::channel_waited_for_link);
    book.on_sending(flow);
    auto sent = co_await items.send(item);
    if (sent) {
      book.on_sent(flow);
      ++index;
      continue;
    }
    book.on_not_sent(flow, sent.error());
    if (items.is_open()) continue;
    sending.end(FlowBook::SenderEnd::stopped);
    co_return;
  }
  if (!items.is_open()) {
    sending.end(FlowBook::SenderEnd::stopped);
  } else if (closes) {
    sending.end(FlowBook::SenderEnd::closed);
    items.close();
  }
}

// Receives items until the end, or until it has enough.
template <std::uint32_t N>
Task<void> Party::drain(Rx<Item, N> items, std::uint64_t flow, std::uint64_t items_max, Duration pace) {
  FlowBook& book = scene_.flows;
  Receiving receiving(*this, flow);
  for (std::uint64_t i = 0; i < items_max; ++i) {
    auto item = co_await items.recv();
    if (!item) {
      receiving.end(items.error());
      co_return;
    }
    book.on_item(flow, item->flow, item->index, is_whole(*item));
    if (items.core().end.queued() > items.window()) {
      scene_.verdicts.fail("bounds", "more items are queued than the window has");
    }
    if (pace > Duration()) co_await Sleep(executor(), pace);
  }
}

}  // namespace parley::sim
