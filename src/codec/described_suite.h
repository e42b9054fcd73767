#pragma once

#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include "codec/describe.h"

// Descriptions of types and of methods that no service has, for tests of codec.
namespace parley::codec {

// A service "Service" with one method, `method`.
template <class T, class... Arguments>
ServiceDescription describe_method(std::string_view argument_names = {}) {
  static constexpr std::array<const DescribedType*, sizeof...(Arguments)> arguments = {described_type<Arguments>...};
  DescribedMethod method;
  method.name = "method";
  method.id = 7;
  method.argument_names = argument_names;
  method.arguments = arguments;
  if constexpr (is_either<T>) {
    method.result = described_type<typename T::value_type>;
    method.own_error = described_type<typename T::error_type>;
  } else {
    method.result = described_type<T>;
  }
  return make_description("Service", {&method, 1});
}

// A stand-in for the handles of runtime.
template <Direction Way, class T, std::uint32_t N = 16>
struct TestHandle {
  using parley_channel = Channel<Way, T, N>;
};

}  // namespace parley::codec
