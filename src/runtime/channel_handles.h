#pragma once

#include <concepts>
#include <memory>
#include <optional>
#include <utility>

#include "codec/nesting.h"
#include "codec/postcard.h"
#include "codec/views.h"
#include "runtime/channel_core.h"

// What Tx, Rx and their raw twins have in common. Items is how items look in bytes: TypedItems<T>, or the bytes as they
// are.
namespace parley::runtime {

template <class T>
struct TypedItems {
  using Given = const T&;  // borrowed until it is sent
  using Taken = T;
  static void encode(codec::Writer& writer, Given item) { codec::encode(writer, item); }
  // The item in core.held; what is wrong with it has been told to the core if there is none.
  static std::optional<T> decode(ReceivingCore& core) {
    std::optional<T> item(std::in_place);
    codec::Reader reader(core.held.view());
    if constexpr (codec::may_nest<T>) reader.set_depth_max(core.depth_max());
    if (codec::decode(reader, *item) && reader.finish()) [[likely]] {
      // A reader that waits for the next one keeps no block alive that nobody looks into.
      if constexpr (!codec::has_views<T>) core.held = {};
      return item;
    }
    core.fail_item(reader.error(Code::response));
    return std::nullopt;
  }
};

template <class Items>
class [[nodiscard("co_await it: nothing is sent before")]] SendOf final : public SendWaiter {
 public:
  SendOf(SendingCore& core, typename Items::Given item) : SendWaiter(&SendOf::encode), core_(core), item_(item) {}
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
  static void encode(SendWaiter& waiter, SendingCore& core) {
    auto& self = static_cast<SendOf&>(waiter);
    codec::Writer writer = core.begin_item();
    Items::encode(writer, self.item_);
    self.result_ = core.commit_item(writer);
    self.is_tried_ = true;
  }
  SendingCore& core_;
  typename Items::Given item_;
  bool is_tried_ = false;
  Result<void> result_;
};

template <class Items>
class [[nodiscard("co_await it: nothing is received before")]] ReceiveOf {
 public:
  explicit ReceiveOf(ReceivingCore& core) : core_(core) {}
  ReceiveOf(const ReceiveOf&) = delete;
  ReceiveOf& operator=(const ReceiveOf&) = delete;
  ~ReceiveOf() {
    if (is_waiting_) core_.forget_waiter();
  }
  bool await_ready() const { return core_.has_news(); }
  template <std::derived_from<async::PromiseBase> P>
  void await_suspend(std::coroutine_handle<P> handle) {
    is_waiting_ = true;
    core_.wait(handle.promise());
  }
  std::optional<typename Items::Taken> await_resume() {
    is_waiting_ = false;
    if (!core_.take()) return std::nullopt;
    return Items::decode(core_);
  }

 private:
  ReceivingCore& core_;
  bool is_waiting_ = false;
};

// A Tx without its type of items.
class SendingHandle {
 public:
  // No more items. The receiver reads all that was sent before, and gets the metadata.
  void close(const Metadata& metadata = {}) { core_ref().close(metadata); }

  bool is_open() const { return core_ && !core_->is_over(); }
  // `co_await tx.over()`: until nothing can be sent any more, whoever has ended it. In another task than who sends,
  // too.
  Event::Wait over() { return core_ref().over(); }
  // How many items may be sent without waiting.
  std::uint64_t credit() const { return core_ ? core_->end.credit() : 0; }
  // Why it ended early; null while it is open and after close().
  const Error* error() const { return core_ ? core_->failure() : nullptr; }
  // What came with the receiver's reset.
  const Metadata& reset_metadata() const { return core_ref().end_metadata(); }

  // For the runtime.
  SendingCore& core() { return core_ref(); }
  void adopt(std::unique_ptr<SendingCore> core) { core_ = std::move(core); }

 protected:
  SendingHandle() = default;
  SendingCore& core_ref() const {
    PARLEY_ASSERT(core_ != nullptr, "this Tx belongs to no channel: it was moved from or never made by channel()");
    return *core_;
  }

 private:
  std::unique_ptr<SendingCore> core_;
};

// An Rx without its type of items.
class ReceivingHandle {
 public:
  // The sender is to stop, and gets the metadata; what was not read is dropped. Destroying the handle does it too.
  void reset(const Metadata& metadata = {}) { core_ref().reset(metadata); }

  // Why it ended early; null while it is open and after the sender's close.
  const Error* error() const { return core_ ? core_->failure() : nullptr; }
  // What came with the sender's close.
  const Metadata& close_metadata() const { return core_ref().end_metadata(); }
  // The items that its sender may have under way.
  std::uint32_t window() const { return core_ ? core_->end.window() : 0; }

  // For the runtime.
  ReceivingCore& core() { return core_ref(); }
  void adopt(std::unique_ptr<ReceivingCore> core) { core_ = std::move(core); }

 protected:
  ReceivingHandle() = default;
  ReceivingCore& core_ref() const {
    PARLEY_ASSERT(core_ != nullptr, "this Rx belongs to no channel: it was moved from or never made by channel()");
    return *core_;
  }

 private:
  std::unique_ptr<ReceivingCore> core_;
};

}  // namespace parley::runtime
