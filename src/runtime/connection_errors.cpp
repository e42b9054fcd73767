#include "runtime/connection.h"

#include <fmt/format.h>

#include "codec/utf8.h"
#include "runtime/session.h"

// Errors on their way to the peer and back.
namespace parley::runtime {

namespace names = wire::roam::names;
using wire::roam::MetadataView;

static constexpr std::size_t note_bytes_max = 4096;  // of an error on its way to the peer, or from it

Metadata Connection::describe(const Error& error) const {
  Metadata metadata;
  if (is_peer_foreign()) return metadata;
  metadata.add(std::string(names::error), static_cast<std::uint64_t>(error.code));
  // Whatever the note is made of, it does not break the peer's rules.
  if (!error.note.empty()) metadata.add(std::string(names::note), codec::to_utf8(error.note, note_bytes_max));
  return metadata;
}

Code Connection::said_code(const MetadataView& metadata, Code otherwise) {
  std::uint64_t code = 0;
  const bool is_code = metadata.find_number(names::error, code) && code >= 1000 && code <= 0xffffffffu;
  return is_code ? static_cast<Code>(code) : otherwise;
}

Error Connection::said_error(const MetadataView& metadata, Code otherwise) {
  Error error{said_code(metadata, otherwise), {}};
  const Metadata entries = metadata.to_metadata();
  if (const std::string* note = entries.find_text(names::note)) error.note = codec::to_line(*note, note_bytes_max);
  return error;
}

Error Connection::error_of(const Completion& completion) {
  Error error;
  switch (static_cast<RoamError>(completion.result[1])) {
    case RoamError::unknown_method: error.code = Code::method; break;
    case RoamError::invalid_payload: error.code = Code::arguments; break;
    case RoamError::cancelled: error.code = Code::cancelled; break;
    default: return {Code::response, "unknown kind of error"};
  }
  if (!completion.metadata.has(names::error)) return error;
  return said_error(completion.metadata, error.code);
}

Error Connection::unsupported_credit(std::uint32_t initial_credit) {
  ++counters().channels_unsupported;
  static constexpr std::uint32_t held = core::Channels::foreign_receiver_items;
  return {Code::unsupported, fmt::format("an initial credit of {} toward a foreign receiver, which holds {} items and "
                                         "grants after half: at most {}",
                                         initial_credit, held, 2 * held)};
}

}  // namespace parley::runtime
