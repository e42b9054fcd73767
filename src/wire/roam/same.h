#pragma once

#include <string_view>
#include <type_traits>
#include <variant>

#include "codec/fields.h"
#include "wire/roam/message.h"

namespace parley::wire::roam {

// Whether two messages say the same: every field, lists and metadata by what they hold and not by how it is padded.
// For those who check the wire; what runs on it compares nothing.
inline bool same(ByteView a, ByteView b) { return as_text(a) == as_text(b); }
inline bool same(const MetadataView& a, const MetadataView& b) { return a.to_metadata() == b.to_metadata(); }
inline bool same(const ChannelList& a, const ChannelList& b) {
  if (a.size() != b.size()) return false;
  for (ChannelList::Cursor left(a), right(b); left.any();) {
    if (left.next() != right.next()) return false;
  }
  return true;
}

template <class T>
bool same_fields(const T& a, const T& b) {
  return codec::with_fields(a, [&](const auto&... left) {
    return codec::with_fields(b, [&](const auto&... right) {
      const auto field = []<class Field>(const Field& x, const Field& y) {
        if constexpr (requires { same(x, y); }) {
          return same(x, y);
        } else {
          return x == y;
        }
      };
      return (field(left, right) && ...);
    });
  });
}

inline bool same(const Message& a, const Message& b) {
  if (a.connection != b.connection || a.payload.index() != b.payload.index()) return false;
  return std::visit(
      [&](const auto& payload) { return same_fields(payload, std::get<std::decay_t<decltype(payload)>>(b.payload)); },
      a.payload);
}

}  // namespace parley::wire::roam
