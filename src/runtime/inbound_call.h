#pragma once

#include <concepts>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "async/frame_pool.h"
#include "async/task.h"
#include "codec/either.h"
#include "codec/postcard_writer.h"
#include "runtime/call_options.h"
#include "runtime/cleanup.h"
#include "runtime/connection.h"

namespace parley {

template <class S>
class Client;
class Hold;

// What a handler may know about its call, and say beside its result. Lives as long as the handler runs.
class Context {
 public:
  const io::Peer& peer() const { return *peer_; }
  // The way back: calls what the caller serves on the connection that this call came by, by the methods of S; the name
  // says nothing there.
  template <class S>
  Client<S> client(std::string_view name) const {
    static_cast<void>(name);
    return Client<S>(*connection_);
  }
  // Keeps the session open, for what outlives the handler.
  Hold hold() const;
  runtime::Session& session() const { return *session_; }
  // Open files that travel beside arguments and results, known by numbers in these: see Session::pass().
  Result<std::uint64_t> pass(std::vector<io::Descriptor> descriptors) const;
  Result<io::Descriptor> claim_descriptor(std::uint64_t number) const;

  // What the caller said beside its arguments.
  const Metadata& metadata() const { return metadata_; }
  // When the caller stops waiting, if it said so, by the clock of this loop (`(co_await this_executor()).now()`); the
  // handler is cancelled then.
  std::optional<Instant> deadline() const { return deadline_; }
  // What goes beside the result: of a value and of an own error, and not of an Error.
  Metadata& reply_metadata() { return reply_; }
  // For a call that is made on behalf of this one, `client.with(context.forward()).call<...>(...)`: what is left of
  // its deadline, or that of `more` where it is sooner; and its metadata, the trace that it belongs to included, except
  // for what is marked NO_PROPAGATE and what Parley says itself. Entries of `more` replace those of their keys.
  CallOptions forward(CallOptions more = {}) const;

  // What is to be done if the handler is stopped before it ends by itself: `work(Error why, Metadata metadata)`, which
  // returns Task<void>, or void. `why` is `cancelled` for the caller's Cancel, with the metadata of that, `deadline`,
  // how the session ended, or what else the call was answered with. By then the call has been answered, the handler's
  // frame and this Context are gone; the work may use what it has captured by value and the served object. It keeps
  // that object and the session in memory, but the session not open: a client or a hold that it captured does, while
  // the handler runs too. What it throws is counted (`cleanups_threw`) and goes nowhere. When the loop is destroyed
  // first, it is dropped where it stands. A later one takes its place; null takes it back.
  template <class Work>
    requires std::invocable<Work&, Error, Metadata>
  void on_cancel(Work work) {
    using Returned = std::invoke_result_t<Work&, Error, Metadata>;
    static_assert(std::is_void_v<Returned> || std::is_same_v<Returned, Task<void>>,
                  "parley: what is to be done on cancel returns Task<void> or void");
    cleanup_ = std::make_unique<runtime::Cleanup>(
        [work = std::move(work)](Error why, Metadata metadata) mutable -> std::optional<Task<void>> {
          if constexpr (std::is_void_v<Returned>) {
            work(std::move(why), std::move(metadata));
            return std::nullopt;
          } else {
            return work(std::move(why), std::move(metadata));
          }
        });
  }
  void on_cancel(std::nullptr_t) { cleanup_.reset(); }

 private:
  friend class runtime::InboundCall;
  runtime::Session* session_ = nullptr;
  runtime::Connection* connection_ = nullptr;
  const io::Peer* peer_ = nullptr;
  std::optional<Instant> deadline_;
  Metadata metadata_;
  Metadata reply_;
  std::unique_ptr<runtime::Cleanup> cleanup_;
};

}  // namespace parley

namespace parley::runtime {

// A call of the peer's whose handler was started: owns the handler's task until its one response is made. Owned by
// itself; when it ends early (cancelled, deadline, connection over) the frame is destroyed by the executor afterwards.
class InboundCall : public Mortal, public async::Pooled, public core::IncomingCall {
 public:
  using Pooled::operator new;
  using Pooled::operator delete;

  // Responds with the error and stops the handler; the metadata is that of the Cancel.
  void cancel(const Error& error, const wire::roam::MetadataView& metadata = {});
  // The connection is over, for that reason: stops the handler; there is nobody to respond to.
  void drop(const Error& why) { stop(why, {}); }

 protected:
  InboundCall(Connection& connection, const InboundHead& head);

  // The handler has suspended: the call owns itself until it ends.
  template <class T>
  static void keep(std::unique_ptr<InboundCall> call, Task<T>& task) {
    task.promise().set_continuation(call->ended_);
    keep(std::move(call));
  }
  virtual void respond(Connection& connection) = 0;
  void fill(Context& context, const InboundHead& head) const;
  // Of a handler that has not ended: what is to be done because it was stopped.
  virtual std::unique_ptr<Cleanup> take_cleanup() { return nullptr; }
  template <class T>
  static std::unique_ptr<Cleanup> take_cleanup(Context& context, const std::optional<Task<T>>& task) {
    return task && !task->is_done() ? std::move(context.cleanup_) : nullptr;
  }
  // For calls whose handlers may leave something to be done. False: so much of that is under way that the call has been
  // refused.
  [[gnu::always_inline]] static bool admit(Connection& connection, const InboundHead& head) {
    return connection.cleanups() == 0 || admit_beside_cleanups(connection, head);
  }
  void stop(const Error& why, const wire::roam::MetadataView& metadata);
  bool has_connection() const { return connection_ != nullptr; }

 private:
  struct Ended final : Ready {
    explicit Ended(InboundCall& call) : Ready(&Ended::run), call(call) {}
    static void run(Ready& node) { finish(std::unique_ptr<InboundCall>(&static_cast<Ended&>(node).call)); }
    InboundCall& call;
  };
  struct Deadline final : Timer, async::Pooled {
    explicit Deadline(InboundCall& call) : Timer(&Deadline::fire), call(call) {}
    static void fire(Timer& timer);
    InboundCall& call;
  };
  static void finish(std::unique_ptr<InboundCall> call);
  static void keep(std::unique_ptr<InboundCall> call);
  static bool admit_beside_cleanups(Connection& connection, const InboundHead& head);

  Connection* connection_;
  Ended ended_{*this};
  std::unique_ptr<Deadline> deadline_;
};

// Arguments that are used where they lie keep their block while the handler runs. When so many calls run that their
// blocks may be above the limit, small ones get memory of their own size: the head looks there then.
BlockHandle unpin(const Connection& connection, InboundHead& head);

// Refuses a call whose arguments do not decode.
void refuse_arguments(Connection& connection, const InboundHead& head, const Error& error);
// Refuses a call that no handler takes: channels that it lists end at the caller.
void refuse_call(Connection& connection, const InboundHead& head, const Error& error);
// Refuses a call whose handler would send with so much initial credit; a foreign peer has no way to be told why.
void refuse_credit(Connection& connection, const InboundHead& head, std::uint32_t initial_credit);
// User code that threw: what it said goes to the caller as the note of the error.
Error error_of_throw(Connection& connection, std::exception_ptr thrown);
// What a function of the user's says; what it throws is an error too.
template <class Function>
Result<void> behind_barrier(Connection& connection, Function function) {
  try {
    return function();
  } catch (...) {
    return fail(error_of_throw(connection, std::current_exception()));
  }
}
void respond_to_throw(Connection& connection, std::uint64_t id, std::exception_ptr thrown);
// False: the metadata is above the limits, and the call has been answered with that.
bool check_reply(Connection& connection, std::uint64_t id, const Metadata& metadata);
void respond_unfit(Connection& connection, std::uint64_t id, codec::Fault fault);

// The response for each form of what a handler returns.
template <class T>
[[gnu::always_inline]] inline void respond_with(Connection& connection, std::uint64_t id, const Metadata* metadata,
                                                const T& value) {
  if constexpr (is_result<T>) {
    if (!value) {
      connection.respond_with_error(id, RoamError::cancelled, &value.error());
    } else if constexpr (std::is_void_v<typename T::value_type>) {
      respond_with(connection, id, metadata, std::monostate());
    } else {
      respond_with(connection, id, metadata, *value);
    }
  } else {
    std::uint8_t* cursor = connection.begin_response(id, metadata);
    codec::Writer writer(connection.out(), cursor);
    if constexpr (is_either<T>) {
      *cursor++ = value.is_ok() ? 0 : 1;
      if (!value.is_ok()) *cursor++ = static_cast<std::uint8_t>(RoamError::user);
      writer.move_to(cursor);
      if (value.is_ok()) {
        codec::encode(writer, value.value());
      } else {
        codec::encode(writer, value.error());
      }
    } else {
      *cursor++ = 0;
      writer.move_to(cursor);
      codec::encode(writer, value);
    }
    if (writer.fault() != codec::Fault::none || !connection.fits(writer.cursor())) [[unlikely]] {
      respond_unfit(connection, id, writer.fault());
      return;
    }
    connection.end_response(id, writer.cursor());
  }
}

}  // namespace parley::runtime
