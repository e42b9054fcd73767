#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "async/executor.h"
#include "async/task.h"
#include "async/wait.h"
#include "base/error.h"
#include "core/call/calls.h"
#include "core/channel/channels.h"
#include "io/link.h"
#include "runtime/connection_user.h"
#include "runtime/interceptor.h"
#include "runtime/keepalive.h"
#include "runtime/watched_call.h"
#include "wire/frame.h"
#include "wire/roam/message.h"
#include "wire/roam/names.h"

namespace parley::runtime {

class ChannelCore;
class Connection;
class InboundCall;
class MethodTable;
class OpenedConnection;
class PendingCall;
class ReceivingCore;
class SendingCore;
class Session;

// A call of the peer's as it came in; views into the received block.
struct InboundHead {
  std::uint64_t id;
  wire::roam::ChannelList channels;
  wire::roam::MetadataView metadata;
  ByteView arguments;
  Block* block;
};

// What a call of ours ended with, for the one who decodes it: a response, or an error made here.
struct Completion {
  const Error* error = nullptr;        // set: no response came
  const Error* never_began = nullptr;  // set: no handler saw the call, so its channels end with this
  wire::roam::MetadataView metadata;
  ByteView result;  // postcard of Result<T, RoamError<E>>
  Block* block = nullptr;
  Connection* connection = nullptr;  // of a response
};

// The RoamError of the 7.x wire, as the byte behind `01`.
enum class RoamError : std::uint8_t { user = 0, unknown_method = 1, invalid_payload = 2, cancelled = 3 };

// How a call is refused that no handler was started for. A peer that does not know our codes takes "cancelled" for the
// end of a handler, which tells of the channels itself; of other kinds it knows that nobody took them.
inline RoamError refusal_of(const wire::roam::ChannelList& of_the_call) {
  return of_the_call.size() != 0 ? RoamError::invalid_payload : RoamError::cancelled;
}

// The calls and channels of one connection: carries what the machines decide between the link and the user's
// coroutines. Owned by its session, on its loop; everything here ends when the session does. Kept open by its callers:
// the root keeps its session open by them, and any other connection is closed when the last one goes.
class Connection {
 public:
  explicit Connection(Session& session);                  // the root
  Connection(Session& session, OpenedConnection& owner);  // any other
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  struct Opening {
    std::uint64_t id = 0;
    wire::roam::Parity parity = wire::roam::Parity::odd;  // of our ids in it
    std::uint32_t peer_requests_max = 64;
    std::uint32_t requests_max = ~0u;  // that we accept at once, where it is less than the limit
    bool is_peer_foreign = false;      // whoever is at its other end: a proxy may be between
    const MethodTable* methods = nullptr;
  };
  // Once that is known. Also again, after its end.
  void open(const Opening& opening);
  bool is_open() const { return is_open_; }
  // Opens it again where it is over and can be: a connection to a service, on a session that lives.
  Result<void> reopen();
  // What becomes of what was committed before the end.
  enum class Committed : std::uint8_t {
    may_leave,
    is_dropped,
    was_refused,  // the peer did not look at it
  };
  // Ends every call and channel: those of ours that were not sent and never will be are provably not done, and the rest
  // ends with `error`.
  // `reason` is for closed(): nothing where it ended in good order.
  void end(const Error& error, Committed committed, std::optional<Error> reason);
  // Waits until it is over, holding it open meanwhile; the error says why, unless it ended in good order.
  Task<Result<void>> closed();
  // What the peer accepts at once, as it turned out.
  void set_peer_requests_max(std::uint32_t max);

  Session& session() { return session_; }
  std::uint64_t id() const { return id_; }
  void add_caller() { ++*callers_; }
  // Callers that stay while the connection is over: they keep the session too.
  void add_client();
  void drop_client();
  void drop_caller() {
    PARLEY_ASSERT(*callers_ > 0);
    if (--*callers_ == 0) [[unlikely]]
      on_last_caller_gone();
  }
  Executor& executor() { return *executor_; }
  const Limits& limits() const;
  std::uint32_t depth_max() const { return depth_max_; }
  core::Counters& counters() { return *counters_; }
  bool is_peer_foreign() const { return is_peer_foreign_; }
  Metadata describe(const Error& error) const;  // for Parley peers; nothing for others
  // The metadata; where no peer would take it, a `refusal` that says so.
  const Metadata& fit_or_refused(const Metadata& metadata, Metadata& refusal) const;

  // Something waits for the peer from now on.
  void expect_peer() { keepalive_->expect(); }
  // Whether something does: a call that is not answered, or a channel that is open.
  bool waits() const {
    return is_open_ && (calls_->in_flight() != 0 || calls_->in_line() != 0 || channels_->size() != 0);
  }

  // --- what came from the link. False: the peer broke the rules; fault() says how.
  // A request or channel message behind its connection id and kind: the common forms at once, the rest by a decoder.
  bool on_request_bytes(ByteView message, const std::uint8_t* body, Block* block);
  bool on_channel_bytes(ByteView message, const std::uint8_t* body, Block* block);
  bool on_request(wire::roam::Decoder& decoder, Block* block);
  bool on_channel(wire::roam::Decoder& decoder, Block* block);
  const Error& fault() const { return fault_; }

  // --- our calls, for PendingCall
  // The code that the peer's error has, or what stands for one that is missing or no code.
  static Code said_code(const wire::roam::MetadataView& metadata, Code otherwise);
  static Error said_error(const wire::roam::MetadataView& metadata, Code otherwise);
  // The error in a response that has one of Parley's instead of a value or an own error.
  static Error error_of(const Completion& completion);
  // Of the calls that are made here; null where there are none.
  const Interceptors* interceptors() const { return interceptors_; }
  core::Calls& calls() { return *calls_; }
  const core::Calls& calls() const { return *calls_; }
  // Tells the peer, if it knows of the call; the call is not finished by this. Metadata that no peer would take becomes
  // an error there.
  void withdraw(PendingCall& call, const Metadata& metadata = {});
  void give_up(PendingCall& call);
  // A call that has its slot and was encoded aside.
  void send_aside(PendingCall& call);
  // The call has been committed: its channels may be used.
  void announce_channels(PendingCall& call);
  void fail_channels(IntrusiveList<ChannelCore>& channels, const Error& error);

  // --- the peer's calls, for InboundCall
  // Cleanups of stopped handlers that are under way.
  std::uint32_t cleanups() const;
  void respond_with_error(std::uint64_t id, RoamError kind, const Error* error);
  // To a call that is one too many, whatever there are too many of.
  void refuse_for_overload(const InboundHead& head, std::string_view what);
  // Starts a response up to its envelope; the caller appends that and the value and ends the message.
  [[gnu::always_inline]] std::uint8_t* begin_response(std::uint64_t id, const Metadata* metadata) {
    return begin_response(*out_, id, metadata);
  }
  // Ends the response begun in out(), which is under the limit for one.
  void end_response(std::uint64_t id, std::uint8_t* cursor) {
    if (interceptors_of_served_) [[unlikely]]
      note_response(id, cursor);
    end_message(cursor);
  }

  // --- channels
  core::Channels& channels() { return *channels_; }
  // Whether a sender of ours may start with that credit. A foreign receiver is sent what it can hold, and grants more
  // when it has read half of the initial credit: were that beyond what it holds, both would wait for ever.
  bool may_send_with(std::uint32_t initial_credit) const {
    return initial_credit <= 2 * core::Channels::foreign_receiver_items || !is_peer_foreign();
  }
  // Counts the attempt.
  Error unsupported_credit(std::uint32_t initial_credit);
  void send_close(SendingCore& end, const Metadata& metadata);
  void send_reset(ReceivingCore& end, const Error& why) { send_reset(end, describe(why)); }
  void send_reset(ReceivingCore& end, const Metadata& metadata);
  void send_grant(ReceivingCore& end, std::uint32_t additional);

  // --- bytes
  OutBuffer& out() { return *out_; }
  // More is committed than items may wait behind; twice that: new calls are refused.
  bool is_outbound_full() const { return out_->size() > outbound_bytes_max_; }
  bool is_overfull() const { return out_->size() > 2 * outbound_bytes_max_; }
  // Where the message begun in out() will end. Taken before it is ended, which may write it, or fail to.
  std::uint64_t position_behind(const std::uint8_t* cursor) const {
    return out_->committed() + static_cast<std::uint64_t>(cursor - out_->back());
  }
  // Ends the message begun in out(), which is under the limit for one.
  void end_message(std::uint8_t* cursor) {
    wire::end_frame(*out_, cursor);
    link_->committed();
  }
  std::size_t item_bytes_max() const {
    return std::max(frame_bytes_max_, wire::roam::head_bytes_max) - wire::roam::head_bytes_max;
  }
  bool fits_aside(const OutBuffer& out, const std::uint8_t* cursor) const {
    return wire::roam::head_bytes_max + static_cast<std::size_t>(cursor - out.back()) <= frame_bytes_max_;
  }
  bool fits(const std::uint8_t* cursor) const { return wire::frame_size(*out_, cursor) <= frame_bytes_max_; }

 private:
  void on_last_caller_gone();
  bool broken(Code code, std::string_view note = {});
  bool broken(const Error& error);
  bool on_call(std::uint64_t id, wire::roam::Decoder& decoder, Block* block);
  bool start_call(std::uint64_t method, const InboundHead& head);
  bool finish_call(std::uint64_t id, Completion& completion);
  bool take_odd_call(core::Calls::Arrival arrival, std::uint64_t method, const InboundHead& head);
  [[gnu::always_inline]] std::uint8_t* begin_response(OutBuffer& out, std::uint64_t id, const Metadata* metadata) {
    ++counters_->responses_sent;
    std::uint8_t* cursor = wire::begin_frame(out, wire::roam::head_bytes_max + 2);
    cursor = wire::roam::put_request_head(cursor, id_, id, wire::roam::RequestKind::response);
    *cursor++ = 0;  // no channels
    if (!metadata || metadata->empty()) [[likely]] {
      *cursor++ = 0;
      return cursor;
    }
    return out.more(wire::roam::put_metadata(out, cursor, *metadata), 2);
  }
  void put_error(OutBuffer& out, std::uint64_t id, RoamError kind, const Error* error);
  void start_watched(std::uint64_t method, InboundHead head);
  std::unique_ptr<WatchedCall> watch(std::uint64_t method, const InboundHead& head) const;
  void note_response(std::uint64_t id, const std::uint8_t* cursor);
  void note_error(std::uint64_t id, RoamError kind, const Error* error);
  void refuse_method(std::uint64_t method, const InboundHead& head);
  bool finish_odd_call(core::Calls::Match match, std::uint64_t id, const Completion& completion);
  void finish_withdrawn(std::uint64_t id, const Completion& completion);
  void finish_refused_call(PendingCall& call, Completion& completion);
  bool on_response(std::uint64_t id, wire::roam::Decoder& decoder, Block* block);
  bool on_cancel(std::uint64_t id, wire::roam::Decoder& decoder);
  bool on_item(std::uint64_t id, ByteView bytes, Block* block);
  bool on_close(std::uint64_t id, wire::roam::Decoder& decoder);
  bool on_reset(std::uint64_t id, wire::roam::Decoder& decoder);
  bool on_grant(std::uint64_t id, wire::roam::Decoder& decoder);
  void put_channel_end(OutBuffer& out, std::uint64_t id, wire::roam::ChannelKind kind, const Metadata& metadata);
  void put_reset(ReceivingCore& core, const Metadata& metadata);
  // The control buffer, unless what the message is about still waits in out().
  OutBuffer& control_for(std::uint64_t announced_at, const Metadata& metadata = {});
  void send_waiting();

  Session& session_;
  OpenedConnection* const owner_ = nullptr;  // null: the root
  std::uint64_t id_ = 0;
  bool is_open_ = false;
  bool is_peer_foreign_ = true;
  io::Link* link_ = nullptr;
  OutBuffer* out_ = nullptr;
  core::Counters* counters_ = nullptr;
  Executor* executor_ = nullptr;
  Keepalive* keepalive_ = nullptr;
  std::uint32_t* callers_ = nullptr;
  std::size_t outbound_bytes_max_ = 0;
  std::size_t frame_bytes_max_ = 0;
  std::uint32_t depth_max_ = 0;
  const MethodTable* methods_ = nullptr;
  const Interceptors* const interceptors_;
  const Interceptors* interceptors_of_served_ = nullptr;
  std::map<std::uint64_t, std::unique_ptr<WatchedCall>> watched_;  // of the peer, not answered yet, where there are any
  std::optional<core::Calls> calls_;
  std::optional<core::Channels> channels_;
  // Channels of sent calls that nobody waits for any more, by the ids of these: should the response say that no handler
  // took them, whoever uses their ends here is told.
  std::unordered_map<std::uint64_t, IntrusiveList<ChannelCore>> withdrawn_;
  Error fault_;
  Event over_;  // set while it is not open
  std::optional<Error> end_reason_;
};

}  // namespace parley::runtime
