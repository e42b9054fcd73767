#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "face/blocking_runner.h"
#include "face/loop.h"
#include "face/session.h"

// The same calls and channels for programs that wait where they stand.
//
// A session is made by connect(), with a loop of its own, or by on(), for a session whose loop another thread turns.
// The loop of connect() is turned by whoever waits, and for one turn by whoever closes, resets, makes a channel or
// drops a handle; what is ready then is served on that thread. Between operations nothing is received. All handles of
// such a session are used by one thread at a time. With on() several threads may use the session and its clients at
// once, and each call or channel by one at a time.
//
// Each operation can also fail with `wrong_thread`, where it would wait for itself: on the loop's own thread, in a
// handler that is served by the loop, or while another thread waits on a loop that connect() made; and with `closed`,
// when the loop is gone. Handles may be dropped on any thread, and may outlive the loop.
namespace parley::blocking {

template <class T, std::uint32_t InitialCredit>
class Tx;
template <class T, std::uint32_t InitialCredit>
class Rx;

namespace detail {

using Runner = std::shared_ptr<face::BlockingRunner>;

// A move-only handle to something on the loop.
template <class T>
class Handle {
 public:
  Handle(Runner runner, face::Kept<T>* kept) : runner_(std::move(runner)), kept_(kept) {}
  Handle(Handle&& other) noexcept : runner_(std::move(other.runner_)), kept_(std::exchange(other.kept_, nullptr)) {}
  Handle& operator=(Handle&& other) noexcept {
    if (this != &other) {
      drop();
      runner_ = std::move(other.runner_);
      kept_ = std::exchange(other.kept_, nullptr);
    }
    return *this;
  }
  ~Handle() { drop(); }

  // For the call that it is given to. take() is for the loop.
  bool is_of(const Runner& runner) const { return kept_ && runner_ == runner; }
  T take() {
    check();
    return std::move(face::Desk::take(std::exchange(kept_, nullptr))->value);
  }

 protected:
  template <class Make>
  Result<void> run(Make make) {
    check();
    return runner_->run([this, &make](face::Desk&) { return make(kept_->value); });
  }
  template <class Work>
  void post(Work work) {
    check();
    runner_->post([kept = kept_, work = std::move(work)](face::Desk&) { work(kept->value); });
  }

 private:
  void check() const { PARLEY_ASSERT(kept_ != nullptr, "this handle was moved from, given to a call, or used up"); }
  void drop() {
    if (kept_) runner_->post([kept = std::exchange(kept_, nullptr)](face::Desk&) { face::Desk::take(kept).reset(); });
  }

  Runner runner_;
  face::Kept<T>* kept_;
};

template <class T>
inline constexpr bool is_handle = false;
template <class T, std::uint32_t InitialCredit>
inline constexpr bool is_handle<Tx<T, InitialCredit>> = true;
template <class T, std::uint32_t InitialCredit>
inline constexpr bool is_handle<Rx<T, InitialCredit>> = true;

// What an argument is for the call beneath. On the loop.
template <class Given>
decltype(auto) unwrap(Given&& given) {
  if constexpr (is_handle<std::remove_cvref_t<Given>>) {
    return given.take();
  } else {
    return std::forward<Given>(given);
  }
}
template <class Given>
struct Unwrapped {
  using type = Given;
};
template <class T, std::uint32_t InitialCredit>
struct Unwrapped<Tx<T, InitialCredit>> {
  using type = parley::Tx<T, InitialCredit>;
};
template <class T, std::uint32_t InitialCredit>
struct Unwrapped<Rx<T, InitialCredit>> {
  using type = parley::Rx<T, InitialCredit>;
};

template <class Given>
bool is_of(const Given& given, const Runner& runner) {
  if constexpr (is_handle<Given>) return given.is_of(runner);
  return true;
}

template <class Tuple, class... Given>
inline constexpr bool gives_handles = false;
template <class... Arguments, class... Given>
  requires(sizeof...(Arguments) == sizeof...(Given))
inline constexpr bool gives_handles<std::tuple<Arguments...>, Given...> =
    ((!codec::has_channels<Arguments> || is_handle<std::remove_cvref_t<Given>>) && ...);

// Stops a call that cannot be made from here, with words of ours alone.
template <auto Method, class... Given>
consteval bool check_call() {
  using Info = service::MethodInfo<Method>;
  static_assert(!codec::has_blocks<typename Info::Value>,
                "parley: a result that another thread may get cannot hold parley::Bytes, which stay on their loop: "
                "std::vector<std::uint8_t> is bytes too");
  constexpr bool has_count = std::tuple_size_v<typename Info::Tuple> == sizeof...(Given);
  static_assert(!has_count || gives_handles<typename Info::Tuple, Given...>,
                "parley: a channel of a blocking call is made by the blocking session's channel(), and its handle is "
                "an argument of its own");
  return runtime::check_arguments<Info, typename Unwrapped<Given>::type...>();
}

// The outcome of an operation that was run, or why it was not.
template <class Outcome>
Outcome outcome_or(std::optional<Outcome> outcome, Result<void> ran) {
  if (outcome) return *std::move(outcome);
  PARLEY_ASSERT(!ran, "an operation that was run has an outcome");
  if constexpr (is_result<Outcome>) {
    return fail(std::move(ran).error());
  } else {
    return Outcome(std::move(ran).error());
  }
}

inline Task<void> done() { co_return; }

}  // namespace detail

// The sending end of a channel. Dropping it without close() shows the receiver an error.
template <class T, std::uint32_t InitialCredit = 16>
class Tx : public detail::Handle<parley::Tx<T, InitialCredit>> {
 public:
  using Async = parley::Tx<T, InitialCredit>;
  using detail::Handle<Async>::Handle;

  // Waits for credit, and while the peer does not read. Errors: those of parley::Tx::send().
  Result<void> send(const T& item) {
    std::optional<Result<void>> outcome;
    Result<void> ran = this->run([&](Async& tx) { return send_one(tx, item, outcome); });
    return detail::outcome_or(std::move(outcome), std::move(ran));
  }
  // No more items. The receiver reads all that was sent before, and gets the metadata.
  void close(Metadata metadata = {}) {
    this->post([metadata = std::move(metadata)](Async& tx) { tx.close(metadata); });
  }

 private:
  static Task<void> send_one(Async& tx, const T& item, std::optional<Result<void>>& outcome) {
    outcome = co_await tx.send(item);
  }
};

// The receiving end of a channel. Dropping it stops the sender.
template <class T, std::uint32_t InitialCredit = 16>
class Rx : public detail::Handle<parley::Rx<T, InitialCredit>> {
 public:
  using Async = parley::Rx<T, InitialCredit>;
  using detail::Handle<Async>::Handle;

  // `while (auto item = rx.recv())`: waits for the next item; nothing when the channel has ended, and error() then
  // tells whether that was in good order.
  std::optional<T> recv() {
    static_assert(!codec::has_views<T>,
                  "parley: an item that is received here cannot borrow (string_view, ByteView, span): it outlives its "
                  "bytes");
    std::optional<T> item;
    Result<void> ran = this->run([&](Async& rx) { return receive(rx, item, *this); });
    if (!item && !ran) error_ = std::move(ran).error();
    return item;
  }
  // The sender is to stop, and gets the metadata; what was not read is dropped.
  void reset(Metadata metadata = {}) {
    this->post([metadata = std::move(metadata)](Async& rx) { rx.reset(metadata); });
  }
  // Why the last recv() gave nothing; null after an item and after the sender's close.
  const Error* error() const { return error_ ? &*error_ : nullptr; }
  // What came with the sender's close, once recv() gave nothing.
  const Metadata& close_metadata() const { return close_metadata_; }

 private:
  static Task<void> receive(Async& rx, std::optional<T>& item, Rx& self) {
    self.error_.reset();
    item = co_await rx.recv();
    if (item) co_return;
    if (rx.error()) self.error_ = *rx.error();
    self.close_metadata_ = rx.close_metadata();
  }

  std::optional<Error> error_;
  Metadata close_metadata_;
};

// A call that has started. Dropping it before get() sends Cancel and lets go.
template <class T>
class [[nodiscard("get() its outcome: a call that is dropped is cancelled")]] Call
    : public detail::Handle<parley::Call<T>> {
 public:
  using Async = parley::Call<T>;
  using Outcome = CallResultOf<T>;
  Call(detail::Runner runner, face::Kept<Async>* kept, Result<void> started)
      : detail::Handle<Async>(std::move(runner), kept), started_(std::move(started)) {}
  Call(Call&&) noexcept = default;
  Call& operator=(Call&&) = delete;

  // Waits for the outcome. Once.
  Outcome get() {
    std::optional<Outcome> outcome;
    Result<void> ran = started_;
    if (ran) ran = this->run([&](Async&) { return wait(this->take(), outcome); });
    return detail::outcome_or(std::move(outcome), std::move(ran));
  }
  // The same with the metadata of the response. Once.
  Detailed<T> detailed() {
    std::optional<Outcome> outcome;
    Metadata metadata;
    Result<void> ran = started_;
    if (ran) ran = this->run([&](Async&) { return wait_detailed(this->take(), outcome, metadata); });
    return {detail::outcome_or(std::move(outcome), std::move(ran)), std::move(metadata)};
  }

 private:
  template <class S>
  friend class Client;
  static Task<void> wait(Async call, std::optional<Outcome>& outcome) { outcome.emplace(co_await call); }
  static Task<void> wait_detailed(Async call, std::optional<Outcome>& outcome, Metadata& metadata) {
    Detailed<T> detailed = co_await call.detailed();
    outcome.emplace(std::move(detailed.result));
    metadata = std::move(detailed.metadata);
  }

  Result<void> started_;
};

// Calls the methods of a service S. Cheap to copy; each copy keeps the session open.
template <class S>
class Client {
  template <auto Method>
  using ValueOf = typename service::MethodInfo<Method>::Value;

 public:
  Client(detail::Runner runner, std::string name) : runner_(std::move(runner)), name_(std::move(name)) {}

  // Starts the call and waits for its outcome.
  template <auto Method, class... Given>
  CallResultOf<ValueOf<Method>> call(Given&&... given) {
    std::optional<CallResultOf<ValueOf<Method>>> outcome;
    Result<void> ran;
    if constexpr (detail::check_call<Method, Given...>()) {
      ran = run(
          [&](face::Desk& desk) {
            return Call<ValueOf<Method>>::wait(begin<Method>(desk, std::forward<Given>(given)...), outcome);
          },
          given...);
    }
    return detail::outcome_or(std::move(outcome), std::move(ran));
  }
  // Starts the call, for one that is fed or read by a channel, or several at once. Channel handles are moved in.
  template <auto Method, class... Given>
  Call<ValueOf<Method>> start(Given&&... given) {
    using Kept = face::Kept<parley::Call<ValueOf<Method>>>;
    Kept* kept = nullptr;
    Result<void> ran;
    if constexpr (detail::check_call<Method, Given...>()) {
      ran = run(
          [&](face::Desk& desk) {
            auto call = std::make_unique<Kept>(begin<Method>(desk, std::forward<Given>(given)...));
            kept = call.get();
            desk.keep(std::move(call));
            return detail::done();
          },
          given...);
    }
    return {runner_, kept, std::move(ran)};
  }
  // A client whose calls carry these options: `client.with({.deadline = 50ms}).call<&S::method>(...)`.
  Client with(CallOptions options) const {
    Client other(*this);
    other.options_ = std::move(options);
    return other;
  }

 private:
  template <class Make, class... Given>
  Result<void> run(Make make, const Given&... given) {
    if (!(detail::is_of(given, runner_) && ...)) {
      return fail(Code::invalid, "a channel handle that was moved from, or belongs to another session");
    }
    return runner_->run(std::move(make));
  }
  // On the loop.
  template <auto Method, class... Given>
  parley::Call<ValueOf<Method>> begin(face::Desk& desk, Given&&... given) const {
    parley::Client<S> client(desk.to_service(name_));
    if (options_) client = client.with(*options_);
    return client.template call<Method>(detail::unwrap(std::forward<Given>(given))...);
  }

  detail::Runner runner_;
  std::string name_;
  std::optional<CallOptions> options_;
};

// A session with a peer, for threads that wait. Cheap to copy; it closes when the last copy, client, call and channel
// is gone, unless something else holds it.
class Session {
 public:
  explicit Session(detail::Runner runner) : runner_(std::move(runner)) {}

  // The name is the provider's at a hub. A peer that is none serves what it has by its methods, whatever the name.
  template <class S>
  Client<S> client(std::string name) {
    return {runner_, std::move(name)};
  }
  // Two ends that belong together: one is given to a call of this session, the other is used here.
  template <class T, std::uint32_t InitialCredit = 16>
  std::pair<Tx<T, InitialCredit>, Rx<T, InitialCredit>> channel() {
    auto tx = std::make_unique<face::Kept<parley::Tx<T, InitialCredit>>>();
    auto rx = std::make_unique<face::Kept<parley::Rx<T, InitialCredit>>>();
    std::pair ends(Tx<T, InitialCredit>(runner_, tx.get()), Rx<T, InitialCredit>(runner_, rx.get()));
    runner_->post([tx = std::move(tx), rx = std::move(rx)](face::Desk& desk) mutable {
      std::tie(tx->value, rx->value) = parley::channel<T, InitialCredit>();
      desk.keep(std::move(tx));
      desk.keep(std::move(rx));
    });
    return ends;
  }

  // Ends all calls and channels, also those that another thread waits for, and refuses new ones. From any thread.
  // Idempotent.
  void close();
  // Waits until it has ended; the error says why, unless it ended in good order. Serves the peer meanwhile.
  Result<void> closed();
  Result<io::Peer> peer();
  const detail::Runner& runner() const { return runner_; }  // for what else waits on its loop

 private:
  detail::Runner runner_;
};

// Dials, shakes hands, and gives a session with a loop of its own. Errors: those of parley::connect(). What the options
// serve to the peer outlives all handles. Dropping the last handle waits until what was sent has left, as long as a
// handshake may take at most.
Result<Session> connect(std::string uri, Options options = {}, const LoopOptions& loop_options = {});

// For a session of a loop that is turned by its own thread. Called there it only makes the handle, for other threads to
// use; called elsewhere it waits for the loop's next turn, and loop and session live until it returns. From then on the
// session is held.
Result<Session> on(parley::Session& session);

}  // namespace parley::blocking
