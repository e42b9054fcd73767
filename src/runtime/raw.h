#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "runtime/channel_handles.h"
#include "runtime/client.h"
#include "runtime/hold.h"
#include "runtime/inbound_call.h"
#include "runtime/pending_call.h"

// Calls, channels and handlers over encoded bytes, without types: what a proxy, a recorder or a bridge to another
// encoding is made of. They follow the same rules as the typed ones and mix with them: one end of a call may be raw and
// the other typed. Everything here is on its session's loop.
namespace parley {

namespace runtime {

class MethodTable;
class RawInbound;

struct RawItems {
  using Given = ByteView;
  using Taken = Bytes;
  static void encode(codec::Writer& writer, ByteView item) { writer.put_raw(item); }
  static std::optional<Bytes> decode(ReceivingCore& core) { return std::move(core.held); }
};

}  // namespace runtime

// The id by which a method is called.
template <auto Method>
inline constexpr std::uint64_t method_id = service::MethodInfo<Method>::id;

// The response to a call as it travels.
struct RawResponse {
  bool is_own_error = false;  // the payload is the method's own error, not its value
  Bytes payload;              // postcard
  Metadata metadata;
};

// A Tx of encoded items: see there for errors, credit, close and drop.
class RawTx : public runtime::SendingHandle {
 public:
  using Send = runtime::SendOf<runtime::RawItems>;

  RawTx() = default;  // belongs to no channel
  explicit RawTx(std::uint32_t initial_credit) : initial_credit_(initial_credit) {}

  // `co_await tx.send(bytes)`: one item, borrowed until it is sent.
  Send send(ByteView item) { return Send(core_ref(), item); }
  std::uint32_t initial_credit() const { return initial_credit_; }

 private:
  std::uint32_t initial_credit_ = 0;
};

// An Rx of encoded items.
class RawRx : public runtime::ReceivingHandle {
 public:
  using Receive = runtime::ReceiveOf<runtime::RawItems>;

  RawRx() = default;  // belongs to no channel
  explicit RawRx(std::uint32_t initial_credit) : initial_credit_(initial_credit) {}

  // `while (auto item = co_await rx.recv())`: Bytes keep their memory alive, however long they are kept; that memory
  // is a received block, so what is kept for long is better copied.
  Receive recv() { return Receive(core_ref()); }
  std::uint32_t initial_credit() const { return initial_credit_; }

 private:
  std::uint32_t initial_credit_ = 0;
};

// A channel in the arguments of a raw call: the handle that the handler will have. Its twin stays here.
using RawChannel = std::variant<RawTx, RawRx>;

// Two ends that belong together. Both sides of a call must know the initial credit; in typed calls it is part of the
// handle's type.
std::pair<RawTx, RawRx> raw_channel(std::uint32_t initial_credit = 16);

// A call that has started. `co_await` it for the response, or for the error that came instead; dropping it before that
// sends Cancel and lets go. Movable while nobody awaits it.
class [[nodiscard]] RawCall final : public runtime::PendingCall {
 public:
  // `arguments` is the postcard of all arguments, one behind the other; they are encoded or copied before this returns.
  // The channels are those inside of the arguments, in their order; they are given away, whatever becomes of the call.
  // Errors beyond those of the peer: not_sent, closed, too_many_calls, outbound_full, deadline, too_large, invalid.
  static RawCall start(runtime::Connection& connection, std::uint64_t method, ByteView arguments,
                       std::vector<RawChannel> channels = {}, const CallOptions& options = {});
  // On the root.
  static RawCall start(runtime::Session& session, std::uint64_t method, ByteView arguments,
                       std::vector<RawChannel> channels = {}, const CallOptions& options = {});

  RawCall(RawCall&&) noexcept = default;
  RawCall& operator=(RawCall&&) = delete;

  bool is_done() const { return result_.has_value(); }
  // What came beside the response, also where that was an error.
  const Metadata& metadata() const { return metadata_; }

  bool await_ready() const { return result_.has_value(); }
  template <std::derived_from<async::PromiseBase> P>
  void await_suspend(std::coroutine_handle<P> handle) {
    PARLEY_ASSERT(is_pending(), "a call is awaited once");
    set_waiter(handle.promise());
  }
  Result<RawResponse> await_resume();

 private:
  RawCall() : PendingCall(&RawCall::complete) {}
  static const Error* complete(PendingCall& call, const runtime::Completion& completion);

  std::optional<Result<RawResponse>> result_;
  Metadata metadata_;
};

// A call of a method that is in no table, for the handler that takes it. Lives as long as the handler runs.
class RawRequest {
 public:
  RawRequest(const RawRequest&) = delete;
  RawRequest& operator=(const RawRequest&) = delete;

  std::uint64_t method() const { return method_; }
  // Postcard of the arguments, one behind the other.
  const Bytes& arguments() const { return arguments_; }
  const Metadata& metadata() const { return context_.metadata(); }
  const io::Peer& peer() const { return context_.peer(); }
  // When the caller stops waiting, if it said so; the handler is cancelled then.
  std::optional<Instant> deadline() const { return context_.deadline(); }
  template <class S>
  Client<S> client(std::string_view name) const {
    return context_.client<S>(name);
  }
  Hold hold() const { return context_.hold(); }
  // See Context::forward().
  CallOptions forward(CallOptions more = {}) const { return context_.forward(std::move(more)); }
  // See Context::on_cancel().
  template <class Work>
  void on_cancel(Work work) {
    context_.on_cancel(std::move(work));
  }
  runtime::Session& session() const { return context_.session(); }

  // Which way a channel goes is not on the wire: whoever knows the method says it, for every channel, before the
  // handler first waits or answers - items may follow the call at once. A handler that leaves one out is stopped, and
  // the call answered with `bug`; an answer that is an Error needs none. A sender whose initial credit a foreign
  // receiver could never serve is over from the beginning, and the call is answered with `unsupported`. The caller says
  // how many channels there are: one that is not listed has the id 0 and an end that is over from the beginning, and
  // the call is answered with `arguments`.
  std::size_t channel_count() const { return channels_.size(); }
  std::uint64_t channel_id(std::size_t index) const { return index < channels_.size() ? channels_[index].id : 0; }
  RawTx as_sender(std::size_t index, std::uint32_t initial_credit = 16);
  RawRx as_receiver(std::size_t index, std::uint32_t initial_credit = 16);

 private:
  friend class runtime::RawInbound;
  struct Listed {
    std::uint64_t id = 0;
    bool is_bound = false;
  };
  RawRequest() = default;
  // Nothing, and the core ended with the reason, where the caller lists no such channel.
  std::optional<std::uint64_t> bind(std::size_t index, runtime::ChannelCore& core);
  std::optional<Error> fault() const;  // for which the handler is stopped

  Context context_;
  runtime::Connection* connection_ = nullptr;  // until the handler first waits
  std::uint64_t method_ = 0;
  Bytes arguments_;
  std::vector<Listed> channels_;
  std::optional<Error> refusal_;  // of a channel
};

// Takes the calls of a session that no typed service takes; see Services::serve_rest(). Outlives the sessions.
class RawHandler {
 public:
  // Runs as the handler of a typed method does: answers when it ends, is cancelled by destruction of its frame, and
  // what it throws becomes an error of this call. Of errors, `method` and `arguments` reach foreign peers as
  // UnknownMethod and InvalidPayload, any other as Cancelled.
  virtual Task<Result<RawResponse>> handle(RawRequest& request) = 0;

 protected:
  ~RawHandler() = default;
};

namespace runtime {

Result<void> set_rest(MethodTable& table, RawHandler& handler);

}  // namespace runtime

}  // namespace parley
