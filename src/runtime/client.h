#pragma once

#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>

#include "codec/views.h"
#include "runtime/call.h"
#include "runtime/service.h"
#include "runtime/session.h"

namespace parley {

namespace runtime {

// How an argument reaches the encoder: a channel handle is given away, also where the call comes to nothing; anything
// else is only looked at.
template <class T>
using Parameter = std::conditional_t<codec::has_channels<T>, T, const T&>;

template <class Info, class Tuple = typename Info::Tuple>
struct Starter;
template <class Info, class... Arguments>
struct Starter<Info, std::tuple<Arguments...>> {
 public:
  template <class... Given>
  static constexpr bool fits = (std::is_convertible_v<Given, Arguments> && ...);

  static void start(Connection& connection, PendingCall& call, const CallOptions* options,
                    Parameter<Arguments>... arguments) {
    static_assert((codec::channels_max_in<Arguments> + ... + 0) <= CallStart::channels_max,
                  "parley: a call carries at most 64 channel handles (Tx, Rx) in its arguments");
    CallStart start(connection, call);
    if (connection.interceptors()) [[unlikely]]
      return start_intercepted(start, connection, options, arguments...);
    if (!begin(start, options, arguments...)) return;
    codec::Writer writer(start.out(), start.cursor);
    codec::encode_each(writer, arguments...);
    start.end(writer);
  }

 private:
  // What stands before the arguments.
  template <class... Given>
  [[gnu::always_inline]] static bool begin(CallStart& start, const CallOptions* options, Given&... arguments) {
    if (!start.begin(options, Info::is_idempotent && !Info::has_channels)) return false;
    start.put_method(Info::encoded_id);
    if constexpr (Info::has_channels) {
      const auto bind = [&start](auto& handle) { start.bind(handle); };
      (codec::for_each_channel(arguments, bind), ...);
      start.put_channels();
    } else {
      start.put_no_channels();
    }
    start.put_metadata(options);
    return true;
  }

  // The arguments come first: interceptors see how large they are. Those that cannot be encoded they do not see.
  template <class... Given>
  [[gnu::noinline]] static void start_intercepted(CallStart& start, Connection& connection, const CallOptions* options,
                                                  Given&... arguments) {
    OutBuffer aside(connection.session().loop().blocks());
    codec::Writer encoded(aside, aside.room(codec::varint_bytes_max));
    codec::encode_each(encoded, arguments...);
    const ByteView bytes(aside.back(), static_cast<std::size_t>(encoded.cursor() - aside.back()));
    const bool is_well = encoded.fault() == codec::Fault::none;
    if (is_well) {
      options = start.intercept({.method = Info::id,
                                 .service = service::service_name<typename Info::Service>,
                                 .name = Info::name,
                                 .argument_bytes = bytes.size()},
                                options);
      if (!options) return;
    }
    if (!begin(start, options, arguments...)) return;
    codec::Writer writer(start.out(), start.cursor);
    if (is_well) {
      writer.put_raw(bytes);
    } else {
      codec::encode_each(writer, arguments...);
    }
    start.end(writer);
  }
};

// Named so that the compiler, which shows what did not hold, tells both numbers.
template <std::size_t Taken>
struct MethodTakes {
  template <std::size_t Given>
  static constexpr bool and_given_are = Taken == Given;
};

// Stops a call whose arguments do not fit the method, with words of ours alone.
template <class Info, class... Given>
consteval bool check_arguments() {
  static_assert(MethodTakes<std::tuple_size_v<typename Info::Tuple>>::template and_given_are<sizeof...(Given)>,
                "parley: the number of arguments differs from what the method takes: MethodTakes<..>::and_given_are<..>"
                " says both");
  if constexpr (std::tuple_size_v<typename Info::Tuple> == sizeof...(Given)) {
    constexpr bool fits = Starter<Info>::template fits<Given...>;
    static_assert(fits, "parley: these arguments do not fit the method: a type differs (a channel handle is moved in)");
    return fits;
  } else {
    return false;
  }
}

}  // namespace runtime

// Calls the methods of a service S at the other end of a session. Cheap to copy; each copy is a caller that keeps the
// session open. Behind a hub it has a connection of its own, which its first call opens and, when the provider has
// gone, the next call opens again. On the session's loop.
template <class S>
class Client {
 public:
  explicit Client(runtime::Session& session) : Client(session.root()) {}
  explicit Client(runtime::Connection& connection) : connection_(&connection) { connection_->add_client(); }
  Client(const Client& other) : connection_(other.connection_), options_(other.options_) {
    if (connection_) connection_->add_client();
  }
  Client(Client&& other) noexcept
      : connection_(std::exchange(other.connection_, nullptr)), options_(std::move(other.options_)) {}
  Client& operator=(Client other) noexcept {
    std::swap(connection_, other.connection_);
    std::swap(options_, other.options_);
    return *this;
  }
  ~Client() {
    if (connection_) connection_->drop_client();
  }

  // Starts the call now; see Call. Arguments are encoded before this returns; channel handles are moved in.
  template <auto Method, class... Given>
  Call<typename service::MethodInfo<Method>::Value> call(Given&&... given) {
    using Info = service::MethodInfo<Method>;
    static_assert(std::is_base_of_v<typename Info::Service, S>, "parley: this method belongs to another service");
    static_assert(!codec::has_views<typename Info::Value>,
                  "parley: a result cannot borrow (string_view, ByteView, span): nobody keeps its bytes");
    Call<typename Info::Value> call;
    if constexpr (runtime::check_arguments<Info, Given...>()) {
      const CallOptions* options = options_ ? &*options_ : nullptr;
      runtime::Starter<Info>::start(*connection_, call, options, std::forward<Given>(given)...);
    }
    return call;
  }

  // Whether the connection is open: behind a hub its first call opens it.
  bool is_connected() const { return connection_->is_open(); }
  // Waits until it is over, holding it and the session open meanwhile; the error says why, unless it was closed in good
  // order. At once where it is not open.
  Task<Result<void>> closed() const { return connection_->closed(); }

  // A client whose calls carry these options: `client.with({.deadline = 50ms}).call<&S::method>(...)`.
  Client with(CallOptions options) const {
    Client other(*this);
    other.options_ = std::move(options);
    return other;
  }

 private:
  runtime::Connection* connection_;
  std::optional<CallOptions> options_;
};

}  // namespace parley
