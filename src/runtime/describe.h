#pragma once

#include <array>
#include <tuple>
#include <type_traits>

#include "codec/describe.h"
#include "runtime/service.h"

namespace parley {

namespace runtime {

template <class Tuple>
inline constexpr std::array<const codec::DescribedType*, 0> described_elements{};
template <class... Elements>
inline constexpr std::array<const codec::DescribedType*, sizeof...(Elements)>
    described_elements<std::tuple<Elements...>>{codec::described_type<Elements>...};

template <auto Pointer>
constexpr codec::DescribedMethod described_method(const service::Method<Pointer>& method) {
  using Info = service::MethodInfo<Pointer>;
  codec::DescribedMethod described;
  described.name = method.name;
  described.id = Info::id;
  described.description = method.notes.description;
  described.is_idempotent = method.notes.is_idempotent;
  described.argument_names = method.notes.argument_names;
  described.arguments = described_elements<typename Info::Tuple>;
  if constexpr (is_either<typename Info::Value>) {
    described.result = codec::described_type<typename Info::Value::value_type>;
    described.own_error = codec::described_type<typename Info::Value::error_type>;
  } else {
    described.result = codec::described_type<typename Info::Value>;
  }
  return described;
}

}  // namespace runtime

// What a service says of itself, as PARLEY_SERVICE and PARLEY_FIELDS have it and the compiler sees it: methods in their
// order, with the ids by which they are called.
template <class S>
codec::ServiceDescription describe() {
  static constexpr auto methods = std::apply(
      [](const auto&... each) { return std::array{runtime::described_method(each)...}; }, service::methods_of<S>());
  return codec::make_description(service::service_name<S>, methods);
}

}  // namespace parley
