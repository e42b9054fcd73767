#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "codec/channels.h"
#include "runtime/channel_handles.h"

namespace parley {

// The sending end of a channel of T. Credit flows from the receiver: InitialCredit items at first (part of the type;
// both sides know it), more as it reads. Move-only, on one loop; used by one coroutine at a time. close() ends it in
// good order; destroying it without shows the receiver an error. When the receiver resets it, or the session ends,
// whoever waits in send() is woken with the reason.
template <class T, std::uint32_t InitialCredit = 16>
class Tx : public runtime::SendingHandle {
 public:
  using parley_channel = codec::Channel<codec::Direction::tx, T, InitialCredit>;
  using Send = runtime::SendOf<runtime::TypedItems<T>>;

  Tx() = default;  // belongs to no channel

  // `co_await tx.send(item)`: waits for credit, and while the peer does not read. The item is encoded when it is sent;
  // until then it is only borrowed. Errors: reset, dropped, closed, invalid and too_large (of this item only), and how
  // the session ended.
  Send send(const T& item) { return Send(core_ref(), item); }
};

// The receiving end of a channel of T. Its credit, the window, starts at InitialCredit and adapts to what is under way.
// Move-only, on one loop; one coroutine receives at a time. Destroying it resets the channel: the sender stops.
template <class T, std::uint32_t InitialCredit = 16>
class Rx : public runtime::ReceivingHandle {
 public:
  using parley_channel = codec::Channel<codec::Direction::rx, T, InitialCredit>;
  using Receive = runtime::ReceiveOf<runtime::TypedItems<T>>;

  Rx() = default;  // belongs to no channel

  // `while (auto item = co_await rx.recv())`: the next item, or nothing when the channel has ended; error() then tells
  // whether that was in good order. Views in an item (string_view, ByteView) end with the next recv().
  Receive recv() { return Receive(core_ref()); }
};

// Two ends that belong together. One of them travels as an argument of a call, which binds the other to its session;
// until then a send or recv at the other waits.
template <class T, std::uint32_t InitialCredit = 16>
std::pair<Tx<T, InitialCredit>, Rx<T, InitialCredit>> channel() {
  codec::check_returned<T>();
  auto sending = std::make_unique<runtime::SendingCore>();
  auto receiving = std::make_unique<runtime::ReceivingCore>();
  sending->join(*receiving);
  std::pair<Tx<T, InitialCredit>, Rx<T, InitialCredit>> ends;
  ends.first.adopt(std::move(sending));
  ends.second.adopt(std::move(receiving));
  return ends;
}

}  // namespace parley
