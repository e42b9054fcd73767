#pragma once

#include <optional>
#include <utility>

#include "codec/channels.h"
#include "codec/postcard.h"
#include "runtime/channel_core.h"

namespace parley {

// The sending end of a channel of T. Credit flows from the receiver: InitialCredit items at first (part of the type;
// both sides know it), more as it reads. Move-only, on one loop; used by one coroutine at a time. close() ends it in
// good order; destroying it without shows the receiver an error. When the receiver resets it, or the session ends,
// whoever waits in send() is woken with the reason.
template <class T, std::uint32_t InitialCredit = 16>
class Tx {
 public:
  using parley_channel = codec::Channel<codec::Direction::tx, T, InitialCredit>;

  Tx() = default;  // belongs to no channel

  class [[nodiscard]] Send final : public runtime::SendWaiter {
   public:
    Send(runtime::SendingCore& core, const T& item) : SendWaiter(&Send::encode), core_(core), item_(item) {}
    bool await_ready() {
      if (core_.may_send()) [[likely]] {
        encode(*this, core_);
        return true;
      }
      return core_.is_over();
    }
    template <std::derived_from<async::PromiseBase> P>
    void await_suspend(std::coroutine_handle<P> handle) {
      core_.wait(*this, handle.promise());
    }
    Result<void> await_resume() {
      if (is_tried_) [[likely]]
        return std::move(result_);
      return fail(core_.send_error());
    }

   private:
    static void encode(SendWaiter& waiter, runtime::SendingCore& core) {
      auto& self = static_cast<Send&>(waiter);
      codec::Writer writer = core.begin_item();
      codec::encode(writer, self.item_);
      self.result_ = core.commit_item(writer);
      self.is_tried_ = true;
    }
    runtime::SendingCore& core_;
    const T& item_;
    bool is_tried_ = false;
    Result<void> result_;
  };

  // `co_await tx.send(item)`: waits for credit, and while the peer does not read. The item is encoded when it is sent;
  // until then it is only borrowed. Errors: reset, dropped, closed, invalid and too_large (of this item only), and how
  // the session ended.
  Send send(const T& item) { return Send(core_ref(), item); }
  // No more items. The receiver reads all that was sent before.
  void close(const Metadata& metadata = {}) { core_ref().close(metadata); }

  bool is_open() const { return core_ && !core_->is_over(); }
  // How many items may be sent without waiting.
  std::uint64_t credit() const { return core_ ? core_->end.credit() : 0; }
  // Why it ended early; null while it is open and after close().
  const Error* error() const { return core_ ? core_->failure() : nullptr; }
  // What came with the receiver's reset.
  const Metadata& reset_metadata() const { return core_ref().end_metadata(); }

  // For the runtime.
  runtime::SendingCore& core() { return core_ref(); }
  void adopt(std::unique_ptr<runtime::SendingCore> core) { core_ = std::move(core); }

 private:
  runtime::SendingCore& core_ref() const {
    PARLEY_ASSERT(core_ != nullptr, "this Tx belongs to no channel: it was moved from or never made by channel()");
    return *core_;
  }
  std::unique_ptr<runtime::SendingCore> core_;
};

// The receiving end of a channel of T. Its credit, the window, starts at InitialCredit and adapts to what is under way.
// Move-only, on one loop; one coroutine receives at a time. Destroying it resets the channel: the sender stops.
template <class T, std::uint32_t InitialCredit = 16>
class Rx {
 public:
  using parley_channel = codec::Channel<codec::Direction::rx, T, InitialCredit>;

  Rx() = default;  // belongs to no channel

  class [[nodiscard]] Receive {
   public:
    explicit Receive(runtime::ReceivingCore& core) : core_(core) {}
    Receive(const Receive&) = delete;
    Receive& operator=(const Receive&) = delete;
    ~Receive() {
      if (is_waiting_) core_.forget_waiter();
    }
    bool await_ready() const { return core_.has_news(); }
    template <std::derived_from<async::PromiseBase> P>
    void await_suspend(std::coroutine_handle<P> handle) {
      is_waiting_ = true;
      core_.wait(handle.promise());
    }
    std::optional<T> await_resume() {
      is_waiting_ = false;
      if (!core_.take()) return std::nullopt;
      std::optional<T> item(std::in_place);
      codec::Reader reader(core_.held.view());
      if (codec::decode(reader, *item) && reader.finish()) [[likely]]
        return item;
      core_.fail_item(reader.error(Code::response));
      return std::nullopt;
    }

   private:
    runtime::ReceivingCore& core_;
    bool is_waiting_ = false;
  };

  // `while (auto item = co_await rx.recv())`: the next item, or nothing when the channel has ended; error() then tells
  // whether that was in good order. Views in an item (string_view, ByteView) end with the next recv().
  Receive recv() { return Receive(core_ref()); }

  // Why it ended early; null while it is open and after the sender's close.
  const Error* error() const { return core_ ? core_->failure() : nullptr; }
  // What came with the sender's close.
  const Metadata& close_metadata() const { return core_ref().end_metadata(); }
  // The items that its sender may have under way.
  std::uint32_t window() const { return core_ ? core_->end.window() : 0; }

  // For the runtime.
  runtime::ReceivingCore& core() { return core_ref(); }
  void adopt(std::unique_ptr<runtime::ReceivingCore> core) { core_ = std::move(core); }

 private:
  runtime::ReceivingCore& core_ref() const {
    PARLEY_ASSERT(core_ != nullptr, "this Rx belongs to no channel: it was moved from or never made by channel()");
    return *core_;
  }
  std::unique_ptr<runtime::ReceivingCore> core_;
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
