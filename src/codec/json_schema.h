#pragma once

#include <cstdint>
#include <string>
#include <type_traits>

#include "base/error.h"
#include "codec/channels.h"
#include "codec/describe.h"
#include "codec/description.h"

// JSON Schema of described types, in what draft 7 and 2020-12 have in common: which JSON the reader takes for a value,
// for people, agents and validators that know nothing of Parley. Compact text. A type that is used several times or
// contains itself stands once in "$defs", and references are to the whole text: it cannot be a part of another schema.
namespace parley::codec {

// Of one type of a description that is good (check()). A channel fits nothing.
std::string json_schema(const ServiceDescription& description, std::uint32_t type);

// Of a type of ours.
std::string json_schema(const DescribedType& type);

// Of the object that stands for the arguments of a method, as Transcoder::arguments() takes it: the arguments by name,
// of which options may be left out; or, where they are not named and the only one is a struct, the object is this. An
// error (`invalid`) says why a method has none: its arguments have no names, or a channel is among them.
Result<std::string> arguments_schema(const ServiceDescription& description, const MethodDescription& method);

// Of a C++ type; nothing of void.
template <class T>
std::string json_schema_of() {
  if constexpr (std::is_void_v<T>) {
    return {};
  } else {
    static_assert(!has_channels<T>, "parley: a channel handle (Tx, Rx) has no JSON, and so no schema");
    return json_schema(*described_type<std::remove_cvref_t<T>>);
  }
}

}  // namespace parley::codec
