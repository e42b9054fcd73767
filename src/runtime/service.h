#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "codec/for_each_macro.h"
#include "codec/method_id.h"
#include "codec/type_text.h"
#include "runtime/channel.h"
#include "runtime/inbound_call.h"

// What a class says of itself as a service. Calculator may be abstract; the macro stands in its namespace, once, for
// server and client:
//
//   PARLEY_SERVICE(Calculator, (add, args(a, b), describe("Adds")), (divide, args(a, b), idempotent), sum, generate);
//
// Each entry is `name` or `(name, args(...), describe("..."), idempotent)`; up to 64 methods; overloaded methods stop
// with a message.
namespace parley::service {

struct Args {
  std::string_view names;
};  // "a, b"
struct Describe {
  std::string_view text;
};
struct Idempotent {};  // may be repeated when nobody knows whether it was done; see CallOptions::idempotent

struct Notes {
  std::string_view argument_names;
  std::string_view description;
  bool is_idempotent = false;

  constexpr void take(Args args) { argument_names = args.names; }
  constexpr void take(Describe describe) { description = describe.text; }
  constexpr void take(Idempotent) { is_idempotent = true; }
};

template <auto Pointer>
struct Method {
  static constexpr auto pointer = Pointer;
  std::string_view name;
  Notes notes;
};

template <auto Pointer, class... Note>
constexpr Method<Pointer> make_method(std::string_view name, Note... note) {
  Method<Pointer> method{name, {}};
  (method.notes.take(note), ...);
  return method;
}

template <class... Methods>
constexpr std::tuple<Methods...> make_methods(Methods... methods) {
  static_assert(sizeof...(Methods) <= 64, "parley: a service has at most 64 methods; split it");
  return {methods...};
}

template <class S>
concept Described = requires { parley_service(static_cast<S*>(nullptr)); };

template <class S>
consteval auto methods_of() {
  static_assert(Described<S>,
                "parley: this class is no service yet: put PARLEY_SERVICE(Class, method, ...) into its namespace");
  return parley_service(static_cast<S*>(nullptr));
}

// --- what a method's type says

template <class T>
struct Stripped {
  using type = T;
};
template <class T>
struct Stripped<Result<T>> {
  using type = T;
};

template <class Pointer>
struct Signature {
  static_assert(!std::is_same_v<Pointer, Pointer>,
                "parley: a method of a service is a member function that returns Task<...>");
};
template <class S, class T, class... Arguments>
struct Signature<Task<T> (S::*)(Arguments...)> {
  using Service = S;
  using Returned = T;                        // by the handler
  using Value = typename Stripped<T>::type;  // on the wire
  using Tuple = std::tuple<std::decay_t<Arguments>...>;
  static constexpr bool takes_context = false;
};
template <class S, class T, class... Arguments>
struct Signature<Task<T> (S::*)(Context&, Arguments...)> : Signature<Task<T> (S::*)(Arguments...)> {
  static constexpr bool takes_context = true;
};
template <class S, class T, class... Arguments>
struct Signature<Task<T> (S::*)(Arguments...) const> : Signature<Task<T> (S::*)(Arguments...)> {};
template <class S, class T, class... Arguments>
struct Signature<Task<T> (S::*)(Context&, Arguments...) const> : Signature<Task<T> (S::*)(Context&, Arguments...)> {};

template <auto Pointer>
using SignatureOf = Signature<std::remove_cv_t<decltype(Pointer)>>;

template <auto A, auto B>
inline constexpr bool is_same_method = false;
template <auto A>
inline constexpr bool is_same_method<A, A> = true;

template <auto Pointer>
consteval std::string_view method_name() {
  std::string_view name;
  std::apply(
      [&]<class... Methods>(Methods... methods) {
        ((is_same_method<Methods::pointer, Pointer> ? void(name = methods.name) : void()), ...);
      },
      methods_of<typename SignatureOf<Pointer>::Service>());
  return name;
}

template <auto Pointer>
consteval bool is_method_idempotent() {
  bool is_idempotent = false;
  std::apply(
      [&]<class... Methods>(Methods... methods) {
        ((is_same_method<Methods::pointer, Pointer> ? void(is_idempotent = methods.notes.is_idempotent) : void()), ...);
      },
      methods_of<typename SignatureOf<Pointer>::Service>());
  return is_idempotent;
}

template <class S>
inline constexpr std::string_view service_name = codec::detail::unqualified(codec::detail::type_text<S>());

template <auto Pointer>
struct MethodInfo : SignatureOf<Pointer> {
  using typename SignatureOf<Pointer>::Service;
  using typename SignatureOf<Pointer>::Tuple;
  using typename SignatureOf<Pointer>::Value;
  static constexpr std::string_view name = method_name<Pointer>();
  static_assert(!name.empty(), "parley: this method is not listed in the PARLEY_SERVICE of its class");
  static constexpr bool has_channels = codec::has_channels<Tuple>;
  static constexpr bool is_idempotent = is_method_idempotent<Pointer>();
  static constexpr std::uint64_t id = []<class... Arguments>(std::type_identity<std::tuple<Arguments...>>) {
    codec::check_returned<Value>();
    return codec::method_id<Value, Arguments...>(service_name<Service>, name);
  }(std::type_identity<Tuple>());
  static constexpr codec::VarintConstant encoded_id{id};
};

}  // namespace parley::service

#define PARLEY_SERVICE(type, ...)                                                                                   \
  [[maybe_unused]] constexpr auto parley_service(type*) {                                                           \
    using ParleyServiceType [[maybe_unused]] = type;                                                                \
    return ::parley::service::make_methods(PARLEY_FOR_EACH(PARLEY_SERVICE_METHOD, ParleyServiceType, __VA_ARGS__)); \
  }                                                                                                                 \
  static_assert(true)

#define PARLEY_SERVICE_METHOD(type, method, ...)                                                             \
  ::parley::service::make_method<::parley::service::pointer_of<type>(                                        \
      []<class ParleyMemberOf>() -> decltype(&ParleyMemberOf::method) { return &ParleyMemberOf::method; })>( \
      #method __VA_OPT__(, PARLEY_SERVICE_NOTES_1(__VA_ARGS__)))
#define PARLEY_SERVICE_NOTES_1(note, ...) PARLEY_SERVICE_NOTE_##note __VA_OPT__(, PARLEY_SERVICE_NOTES_2(__VA_ARGS__))
#define PARLEY_SERVICE_NOTES_2(note, ...) PARLEY_SERVICE_NOTE_##note __VA_OPT__(, PARLEY_SERVICE_NOTES_3(__VA_ARGS__))
#define PARLEY_SERVICE_NOTES_3(note) PARLEY_SERVICE_NOTE_##note
#define PARLEY_SERVICE_NOTE_args(...) \
  ::parley::service::Args { #__VA_ARGS__ }
#define PARLEY_SERVICE_NOTE_describe(...) \
  ::parley::service::Describe { __VA_ARGS__ }
#define PARLEY_SERVICE_NOTE_idempotent \
  ::parley::service::Idempotent {}

namespace parley::service {

// The pointer to a method that is not overloaded.
template <class S, class Get>
consteval auto pointer_of(Get get) {
  static_assert(
      requires { get.template operator()<S>(); },
      "parley: this method does not exist, is overloaded or not accessible; a service needs one public method per "
      "name");
  return get.template operator()<S>();
}

}  // namespace parley::service
