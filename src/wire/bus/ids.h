#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

// Ids that both ends of the bus derive from what they know. Source: docs/WIRE.md, section 17.
namespace parley::wire::bus {

// FNV-1a of 64 bits. It keeps nobody out: who wants two texts with one hash finds them.
class Fnv1a64 {
 public:
  constexpr Fnv1a64& add(std::uint8_t byte) {
    hash_ = (hash_ ^ byte) * prime;
    return *this;
  }
  constexpr Fnv1a64& add(std::string_view text) {
    for (const char letter : text) add(static_cast<std::uint8_t>(letter));
    return *this;
  }
  // Its eight bytes, the highest first.
  constexpr Fnv1a64& add(std::uint64_t number) {
    for (int shift = 56; shift >= 0; shift -= 8) add(static_cast<std::uint8_t>(number >> shift));
    return *this;
  }
  constexpr std::uint64_t hash() const { return hash_; }

 private:
  static constexpr std::uint64_t prime = 0x100000001b3;
  std::uint64_t hash_ = 0xcbf29ce484222325;
};

// Of the schema of a topic's payloads; all zero where nothing is said of it.
using SchemaId = std::array<std::uint8_t, 32>;

// Four hashes: of the bytes of the schema as they stand, then each of the one before it.
constexpr SchemaId schema_id_of(std::string_view schema) {
  SchemaId id{};
  std::uint64_t hash = Fnv1a64().add(schema).hash();
  for (std::size_t at = 0; at < id.size(); ++at) {
    if (at != 0 && at % sizeof hash == 0) hash = Fnv1a64().add(hash).hash();
    id[at] = static_cast<std::uint8_t>(hash >> (56 - 8 * (at % sizeof hash)));
  }
  return id;
}

// Of a topic without a schema: the id of the one that takes everything.
inline constexpr SchemaId any_schema_id = schema_id_of("{}");

// By which clients number a conversation that they know by a label.
constexpr std::uint64_t conversation_id_of(std::string_view label) { return Fnv1a64().add(label).hash(); }

}  // namespace parley::wire::bus
