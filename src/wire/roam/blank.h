#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "wire/roam/metadata.h"
#include "wire/roam/names.h"

// Keeps secrets out of what is recorded and shown.
namespace parley::wire::roam {

// The token by which somebody comes is a secret whatever its flags say.
inline bool is_secret(const MetadataView::Entry& entry) {
  return (entry.flags & Metadata::sensitive) != 0 || entry.key == names::token;
}

// Overwrites the values of secret metadata in a message: texts and bytes with `*`, numbers with zero; nothing changes
// its length. So is everything from where a message cannot be read up to its metadata, because secrets may lie there:
// of unknown kinds, of a Hello of another version, from a malformed entry on.
void blank_secrets(std::span<std::uint8_t> message);

}  // namespace parley::wire::roam
