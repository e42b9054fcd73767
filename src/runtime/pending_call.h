#pragma once

#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "async/frame_pool.h"
#include "async/task.h"
#include "codec/postcard_writer.h"
#include "runtime/call_options.h"
#include "runtime/channel_core.h"
#include "runtime/connection.h"
#include "runtime/repeats.h"
#include "runtime/watched_call.h"

namespace parley::runtime {

// A call of ours from its start to its end: takes a slot and is sent, or waits in line, and is completed exactly once,
// by its response or by an error made here. Dropped before that, it tells the peer. Movable while nobody awaits it.
class PendingCall : public core::OutgoingCall {
 public:
  // Takes the result out of a completion, whose views end with the call of this function. The error that the caller is
  // given, or null.
  using Complete = const Error* (*)(PendingCall&, const Completion&);

  bool is_pending() const { return connection_ != nullptr; }
  // For calls that never come to be: finishes at once.
  void finish_with(const Error& error) { finish({.error = &error}); }
  // Ends it as `cancelled` at once, also for whoever awaits it, and tells the peer, whose handler may look at the
  // metadata. Nothing where it is over. Dropping a call does the same without metadata.
  void cancel(const Metadata& metadata = {});

 protected:
  explicit PendingCall(Complete complete) : complete_(complete) {}
  PendingCall(PendingCall&& other) noexcept;
  ~PendingCall() {
    if (connection_) abandon();
  }
  void set_waiter(async::PromiseBase& waiter) {
    PARLEY_ASSERT(waiter_ == nullptr, "one coroutine awaits a call");
    waiter_ = &waiter;
  }

 private:
  friend class Connection;
  friend class CallStart;
  friend class Repeats;

  // What few calls have.
  struct Extra final : async::Pooled {
    struct Deadline final : Timer {
      explicit Deadline(PendingCall& call) : Timer(&Deadline::fire), call(&call) {}
      static void fire(Timer& timer);
      PendingCall* call;
    };
    explicit Extra(PendingCall& call) : deadline(call) {}
    ~Extra() {
      if (repeats) repeats->forget(body.view().size());
    }
    Deadline deadline;
    Bytes body;                  // of a call in line, and of one that may be repeated: everything behind its id
    Repeats* repeats = nullptr;  // who counts what is kept of it; null: it is not repeated
    std::uint32_t times_repeated = 0;
    bool may_have_happened = false;  // on a session before this one
    // What of the body says how long the call has, in microseconds: its end there and its size, 0 where nothing does.
    std::size_t remaining_end = 0;
    std::size_t remaining_size = 0;
    // Of a channel that the peer's receiver could never serve.
    std::uint32_t unsupported_credit = 0;
    IntrusiveList<ChannelCore> channels;  // of its arguments, to end when no handler ever saw them
    std::vector<GoneChannel> gone;
    std::unique_ptr<WatchedCall> watched;  // by interceptors
  };
  Extra& extra() {
    if (!extra_) extra_ = std::make_unique<Extra>(*this);
    return *extra_;
  }
  void abandon();
  void finish(const Completion& completion);
  void finish_in_doubt(const Error& never_began);
  static void end_watched(std::unique_ptr<WatchedCall> watched, const Completion& completion, const Error* error);

  Connection* connection_ = nullptr;  // while pending
  Complete complete_;
  async::PromiseBase* waiter_ = nullptr;
  std::unique_ptr<Extra> extra_;
};

// Encodes one call: begin(), then channels and metadata, then the arguments behind `cursor`, then end(). A call that
// may be sent is encoded where it leaves from; one that waits in line, aside.
class CallStart {
 public:
  CallStart(Connection& connection, PendingCall& call) : connection_(connection), call_(call) {}

  // Where the connection has interceptors, before begin(): what they make of the options, which live as long as the
  // call. Null: one refused it, and the call has been finished with that.
  const CallOptions* intercept(const WatchedCall::About& about, const CallOptions* options);
  // False: the call has been finished with an error. `is_idempotent`: its method is, and has no channels.
  [[gnu::always_inline]] bool begin(const CallOptions* options, bool is_idempotent = false) {
    if (!connection_.is_open() || connection_.is_overfull() || options || (is_idempotent && repeats())) [[unlikely]]
      return begin_slowly(options, is_idempotent);
    return take_slot();
  }
  OutBuffer& out() { return *out_; }
  std::uint8_t* cursor = nullptr;

  void put_method(const codec::VarintConstant& method) { cursor = method.put(cursor); }
  void put_method(std::uint64_t method) { cursor = codec::put_varint(cursor, method); }
  void put_no_channels() { *cursor++ = 0; }
  // Gives a channel of the arguments its place in the list; in the order of the arguments.
  template <class Handle>
  void bind(Handle& handle) {
    bind_core(handle.core(), Handle::parley_channel::initial_credit);
  }
  void bind(ChannelCore& core, std::uint32_t initial_credit) { bind_core(core, initial_credit); }
  static constexpr std::size_t channels_max = 64;
  void put_channels();
  void put_metadata(const CallOptions* options) {
    if (!options) [[likely]] {
      *cursor++ = 0;
    } else {
      put_some_metadata(*options);
    }
  }
  // False: the call has been finished with an error and nothing of it is sent.
  [[gnu::always_inline]] void end(const codec::Writer& writer) {
    cursor = writer.cursor();
    if (!is_direct_ || writer.fault() != codec::Fault::none || !connection_.fits(cursor)) [[unlikely]] {
      return end_slowly(writer.fault());
    }
    call_.announced_at = connection_.position_behind(cursor);
    connection_.end_message(cursor);
    if (channel_count_ != 0) connection_.announce_channels(call_);
  }

 private:
  bool begin_slowly(const CallOptions* options, bool is_idempotent);
  bool repeats() const;
  bool begin_kept();
  void go_aside();
  [[gnu::always_inline]] bool take_slot() {
    if (connection_.calls().begin(call_) != core::Calls::Admission::send) [[unlikely]]
      return line_up();
    own();
    out_ = &connection_.out();
    cursor = wire::begin_frame(*out_, wire::roam::head_bytes_max + codec::VarintConstant::room);
    cursor = wire::roam::put_request_head(cursor, connection_.id(), call_.id(), wire::roam::RequestKind::call);
    return true;
  }
  bool line_up();
  void own() {
    call_.connection_ = &connection_;
    connection_.add_caller();
    connection_.expect_peer();
  }
  void end_slowly(codec::Fault fault);
  void put_some_metadata(const CallOptions& options);
  void bind_core(ChannelCore& core, std::uint32_t initial_credit);

  Connection& connection_;
  PendingCall& call_;
  OutBuffer* out_ = nullptr;
  std::optional<OutBuffer> aside_;
  bool is_direct_ = true;
  bool is_kept_ = false;
  std::array<std::uint64_t, channels_max> channel_ids_;
  std::uint32_t channel_count_ = 0;
};

}  // namespace parley::runtime
