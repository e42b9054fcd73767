#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "async/frame_pool.h"
#include "async/task.h"
#include "async/wait.h"
#include "codec/postcard_writer.h"
#include "core/channel/channels.h"
#include "runtime/connection.h"

namespace parley::runtime {

// An end of ours that was over before the call that announces its channel was sent: told right behind that.
struct GoneChannel {
  std::uint64_t id;
  bool is_sender;
  Metadata metadata;
};

// What is behind a Tx or an Rx: the channel's end, where it is bound to, and why it ended. Owned by its handle; in the
// tables of its connection by address while it is open. Two that were made together are twins until one of them travels
// as an argument, which binds the other.
class ChannelCore : public ListNode, public async::Pooled {
 public:
  ChannelCore(const ChannelCore&) = delete;
  ChannelCore& operator=(const ChannelCore&) = delete;

  Connection* connection() const { return connection_; }
  // Why it ended, when it was not closed in good order.
  const Error* failure() const { return failure_.get(); }
  // What came with the peer's Close or Reset.
  const Metadata& end_metadata() const;
  bool is_sender() const { return is_sender_; }

  // Made together; nothing is bound yet.
  void join(ChannelCore& twin) {
    twin_ = &twin;
    twin.twin_ = this;
  }
  static ChannelCore& of(core::ChannelEnd& end);
  ChannelCore* take_twin();  // no longer twins of each other
  // To a channel that a call of the peer lists.
  void attach(this auto& self, Connection& connection, std::uint64_t id, std::uint32_t initial_credit) {
    self.bind(connection);
    connection.channels().open_peer(id, self.end, initial_credit);
  }
  // The same where the connection may be over: then the channel is too.
  void attach_or_end(this auto& self, Connection& connection, std::uint64_t id, std::uint32_t initial_credit) {
    if (connection.is_open()) {
      self.attach(connection, id, initial_credit);
    } else {
      self.end_with({Code::closed, "the session"});
    }
  }
  // For a handle that comes to be where its channel cannot.
  void end_with(const Error& error) {
    set_failure(error);
    end_unbound(TwinEnd::dropped);
  }
  std::uint32_t depth_max() const { return depth_max_; }
  enum class TwinEnd : std::uint8_t { none, closed, dropped };
  TwinEnd twin_end() const { return twin_end_; }

 protected:
  explicit ChannelCore(bool is_sender) : is_sender_(is_sender) {}
  ~ChannelCore();

  friend class Connection;
  friend class CallStart;
  void bind(Connection& connection);
  void unbind();
  void wake_and_unbind();
  void leave_twin(TwinEnd how);
  // The same from a handle that stays: it is over for itself too.
  void end_unbound(TwinEnd how) {
    leave_twin(how);
    twin_end_ = how;
  }
  void set_failure(const Error& error) { failure_ = std::make_unique<Error>(error); }
  void set_end_metadata(const wire::roam::MetadataView& metadata);

  Connection* connection_ = nullptr;  // while open there
  ChannelCore* twin_ = nullptr;
  std::unique_ptr<Error> failure_;
  std::unique_ptr<Metadata> end_metadata_;
  std::vector<GoneChannel>* unannounced_ = nullptr;  // of its call, until that is sent
  std::uint32_t depth_max_ = codec::depth_default;   // of items, as the session has it
  bool is_sender_;
  TwinEnd twin_end_ = TwinEnd::none;
};

// A send that waits for credit, or for the link to take what is committed. Whoever gives credit sends the item on its
// behalf, so that credit and item are one step.
class SendWaiter : public ListNode {
 public:
  using Encode = void (*)(SendWaiter&, SendingCore&);

 protected:
  explicit SendWaiter(Encode encode) : encode_(encode) {}
  bool is_sent() const { return promise_ && !is_linked() && is_sent_; }

 private:
  friend class SendingCore;
  Encode encode_;
  async::PromiseBase* promise_ = nullptr;
  bool is_sent_ = false;
};

// A place among the senders that wait for the link.
struct BlockedSender : LinkWaiter {
  explicit BlockedSender(SendingCore& core) : LinkWaiter(&BlockedSender::run), core(core) {}
  static void run(LinkWaiter& waiter);
  SendingCore& core;
};

class SendingCore final : public ChannelCore {
 public:
  SendingCore() : ChannelCore(true) {}
  ~SendingCore();

  struct End final : core::SendingEnd {
    explicit End(SendingCore& core) : core(core) {}
    SendingCore& core;
  };
  End end{*this};
  static SendingCore& of(core::SendingEnd& end) { return static_cast<End&>(end).core; }

  bool may_send() const { return end.may_send() && !connection_->is_outbound_full(); }
  // Of an item: what is no longer fits in a message of the session.
  std::size_t item_bytes_max() const { return connection_->item_bytes_max(); }
  // Starts an item; the caller appends it and calls commit_item(), which takes the credit.
  [[gnu::always_inline]] codec::Writer begin_item() {
    OutBuffer& out = connection_->out();
    std::uint8_t* cursor = wire::begin_frame(out, wire::roam::head_bytes_max);
    return {out, wire::roam::put_channel_head(cursor, connection_->id(), end.id(), wire::roam::ChannelKind::item)};
  }
  [[gnu::always_inline]] Result<void> commit_item(const codec::Writer& writer) {
    if (writer.fault() != codec::Fault::none || !connection_->fits(writer.cursor())) [[unlikely]] {
      return refuse_item(writer.fault());
    }
    end.spend_one();
    ++connection_->counters().items_sent;
    connection_->end_message(writer.cursor());
    return {};
  }
  void wait(SendWaiter& waiter, async::PromiseBase& promise);
  // Sends what waits, as far as credit and link allow; wakes the senders.
  void pump();
  // Wakes all senders, and whoever waits for that: nothing more can be sent.
  void wake_all();
  Event::Wait over() {
    if (is_over()) over_.set();
    return over_.wait();
  }
  bool is_over() const {
    return end.state() == core::ChannelEnd::State::unbound ? twin_end() != TwinEnd::none : !end.is_open();
  }
  Error send_error() const;
  void close(const Metadata& metadata);

 private:
  Result<void> refuse_item(codec::Fault fault) const;
  friend class Connection;
  IntrusiveList<SendWaiter> waiters_;
  BlockedSender blocked_{*this};
  Event over_;
};

class ReceivingCore final : public ChannelCore {
 public:
  ReceivingCore() : ChannelCore(false) {}
  ~ReceivingCore();

  struct End final : core::ReceivingEnd {
    explicit End(ReceivingCore& core) : core(core) {}
    ReceivingCore& core;
  };
  End end{*this};
  static ReceivingCore& of(core::ReceivingEnd& end) { return static_cast<End&>(end).core; }
  std::uint32_t early_credit = 0;  // to grant once its call is sent
  Bytes held;                      // the item whose views were handed out last

  bool has_news() const { return end.has_item() || is_over(); }
  bool is_over() const {
    return end.state() == core::ChannelEnd::State::unbound ? twin_end() != TwinEnd::none : !end.is_open();
  }
  void wait(async::PromiseBase& promise) {
    PARLEY_ASSERT(promise_ == nullptr, "one coroutine receives from a channel at a time");
    promise_ = &promise;
    if (connection_) connection_->expect_peer();
    const std::uint32_t credit = end.ask();
    if (credit != 0) connection_->send_grant(*this, credit);
  }
  bool is_waiting() const { return promise_ != nullptr; }
  void forget_waiter() { promise_ = nullptr; }
  void wake() {
    if (!promise_) return;
    async::PromiseBase& promise = *std::exchange(promise_, nullptr);
    promise.executor().post(promise);
  }
  // The peer is to stop; what was not read is dropped.
  void reset(const Metadata& metadata);
  // The next item's bytes, kept until the one after; false at the end.
  bool take();
  // An item that does not decode: the channel is reset.
  void fail_item(const Error& error);

 private:
  async::PromiseBase* promise_ = nullptr;
};

}  // namespace parley::runtime
