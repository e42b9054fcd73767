#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/limits.h"

namespace parley {

// One entry beside a call, a response or another message. Keys are case-sensitive, kebab-case by habit; the same key
// may occur more than once, and the order is kept.
struct MetadataEntry {
  using Value = std::variant<std::string, std::vector<std::uint8_t>, std::uint64_t>;

  std::string key;
  Value value;
  std::uint64_t flags = 0;

  friend bool operator==(const MetadataEntry&, const MetadataEntry&) = default;
};

// Entries for one message. Unknown flags are kept when a message is passed on.
class Metadata {
 public:
  static constexpr std::uint64_t sensitive = 1;     // never logged, shown or put into an error
  static constexpr std::uint64_t no_propagate = 2;  // not copied into calls made while handling this one

  Metadata() = default;
  Metadata(std::initializer_list<MetadataEntry> entries) : entries_(entries) {}

  void add(std::string key, MetadataEntry::Value value, std::uint64_t flags = 0) {
    entries_.push_back({std::move(key), std::move(value), flags});
  }
  void append(const Metadata& other) { entries_.insert(entries_.end(), other.entries_.begin(), other.entries_.end()); }
  // One entry with this key, in the place of all that have it.
  void set(std::string key, MetadataEntry::Value value, std::uint64_t flags = 0) {
    erase(key);
    add(std::move(key), std::move(value), flags);
  }
  // How many there were.
  std::size_t erase(std::string_view key) {
    return std::erase_if(entries_, [key](const MetadataEntry& entry) { return entry.key == key; });
  }
  // The first entry with this key, or null; the typed ones also where its value has another type.
  const MetadataEntry* find(std::string_view key) const;
  const std::string* find_text(std::string_view key) const;
  const std::uint64_t* find_number(std::string_view key) const;

  bool empty() const { return entries_.empty(); }
  std::size_t size() const { return entries_.size(); }
  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }

  friend bool operator==(const Metadata&, const Metadata&) = default;

 private:
  std::vector<MetadataEntry> entries_;
};

// For people: `trace-id="abc123" auth=(sensitive) attempt=2`. What a peer chose is escaped: it stays on its line.
std::string to_string(const Metadata& metadata);
std::string to_string(const MetadataEntry& entry);

// How googletest shows them. Left to itself it shows every byte, those of secrets too.
void PrintTo(const Metadata& metadata, std::ostream* out);
void PrintTo(const MetadataEntry& entry, std::ostream* out);

namespace wire::roam {

// At least as many bytes as it takes on the wire.
std::size_t bytes_bound(const Metadata& metadata);

// Why a peer with these limits would refuse a message with this metadata, beside `reserved` entries of ours; empty
// where it would not.
std::string_view unfit(const Metadata& metadata, const Limits& limits, std::size_t reserved);

// Metadata as it lies in a received message, checked when the message was decoded. Valid as long as the message.
class MetadataView {
 public:
  struct Entry {
    enum class Type : std::uint8_t { text, bytes, number };
    std::string_view key;
    Type type = Type::text;
    ByteView bytes;  // of a text too
    std::uint64_t number = 0;
    std::uint64_t flags = 0;
    std::string_view text() const { return as_text(bytes); }
  };

  MetadataView() = default;
  // The bytes are count well-formed entries: a decoder read them, or put_metadata wrote them.
  MetadataView(std::uint32_t count, ByteView encoded) : count_(count), encoded_(encoded) {}

  bool empty() const { return count_ == 0; }
  std::uint32_t size() const { return count_; }
  ByteView encoded() const { return encoded_; }  // the entries without their count
  template <class Visit>
  void for_each(Visit visit) const {
    const std::uint8_t* cursor = encoded_.data();
    const std::uint8_t* const end = cursor + encoded_.size();
    for (std::uint32_t i = 0; i < count_; ++i) {
      Entry entry;
      cursor = read_entry(cursor, end, entry);
      PARLEY_ASSERT(cursor != nullptr, i, count_);
      visit(entry);
    }
  }
  // As those of Metadata: the first entry with this key counts, whatever its type.
  const std::uint64_t* find_number(std::string_view key, std::uint64_t& storage) const;
  bool has(std::string_view key) const;
  Metadata to_metadata() const;

  // Null if the bytes are not an entry. Strings are checked to be UTF-8.
  static const std::uint8_t* read_entry(const std::uint8_t* cursor, const std::uint8_t* end, Entry& entry);

 private:
  std::uint32_t count_ = 0;
  ByteView encoded_;
};

}  // namespace wire::roam

}  // namespace parley
