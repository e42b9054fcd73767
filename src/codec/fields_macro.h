#pragma once

#include "codec/fields_notes.h"
#include "codec/for_each_macro.h"

// PARLEY_FIELDS(T, (count, default_(3), describe("how many")), (x, name_("X")));
// PARLEY_FIELDS((Circle2, name_("Circle"), describe("round")));
// PARLEY_FIELDS(Color, (red, name_("Red")), (green, name_("Green")), blue);
//
// Says of a struct or an enum class what the compiler cannot read: defaults, descriptions, other names. It stands in
// the namespace of the type, before the first use of the type as a message. A struct lists the fields it has something
// to say about. An enum lists all its enumerators or none; their order in the list is their position on the wire.
#define PARLEY_FIELDS(type, ...)                                                                                   \
  [[maybe_unused]] constexpr auto parley_fields(PARLEY_FIRST_OF(PARLEY_OPENED(type))*) {                           \
    using ParleyFieldsType [[maybe_unused]] = PARLEY_FIRST_OF(PARLEY_OPENED(type));                                \
    using ::parley::codec::words::default_;                                                                        \
    using ::parley::codec::words::describe;                                                                        \
    using ::parley::codec::words::name_;                                                                           \
    return ::parley::codec::detail::make_notes(::parley::codec::detail::type_note(PARLEY_REST_OF(                  \
        PARLEY_OPENED(type))) __VA_OPT__(, PARLEY_FOR_EACH(PARLEY_FIELDS_MEMBER, ParleyFieldsType, __VA_ARGS__))); \
  }                                                                                                                \
  static_assert(::parley::codec::detail::HasNotes<PARLEY_FIRST_OF(PARLEY_OPENED(type))>,                           \
                "parley: PARLEY_FIELDS stands in the namespace of its type, before the first use of it as a message")

#define PARLEY_FIELDS_MEMBER(type, member, ...) \
  ::parley::codec::detail::member_note<type>(   \
      #member, []<class ParleyMemberOf>() { return ParleyMemberOf::member; } __VA_OPT__(, ) __VA_ARGS__)
