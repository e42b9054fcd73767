#include "wire/roam/metadata.h"

#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include "codec/utf8.h"
#include "codec/varint.h"

namespace parley {

const MetadataEntry* Metadata::find(std::string_view key) const {
  for (const MetadataEntry& entry : entries_) {
    if (entry.key == key) return &entry;
  }
  return nullptr;
}

const std::string* Metadata::find_text(std::string_view key) const {
  const MetadataEntry* entry = find(key);
  return entry ? std::get_if<std::string>(&entry->value) : nullptr;
}

const std::uint64_t* Metadata::find_number(std::string_view key) const {
  const MetadataEntry* entry = find(key);
  return entry ? std::get_if<std::uint64_t>(&entry->value) : nullptr;
}

namespace {

// Keys that people choose are bare; any other is quoted, so that it cannot pass for something else.
bool is_plain(std::string_view key) {
  return !key.empty() && std::ranges::all_of(key, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
  });
}

}  // namespace

std::string to_string(const MetadataEntry& entry) {
  std::string text = is_plain(entry.key) ? entry.key : fmt::format("{:?}", entry.key);
  text += '=';
  if (entry.flags & Metadata::sensitive) {
    text += "(sensitive)";
  } else if (const auto* value = std::get_if<std::string>(&entry.value)) {
    text += fmt::format("{:?}", *value);
  } else if (const auto* number = std::get_if<std::uint64_t>(&entry.value)) {
    text += fmt::format("{}", *number);
  } else {
    text += fmt::format("({} bytes)", std::get<std::vector<std::uint8_t>>(entry.value).size());
  }
  return text;
}

std::string to_string(const Metadata& metadata) {
  std::string text;
  for (const MetadataEntry& entry : metadata) {
    if (!text.empty()) text += ' ';
    text += to_string(entry);
  }
  return text;
}

void PrintTo(const Metadata& metadata, std::ostream* out) { *out << '[' << to_string(metadata) << ']'; }
void PrintTo(const MetadataEntry& entry, std::ostream* out) { *out << to_string(entry); }

namespace wire::roam {

namespace {

const std::uint8_t* read_run(const std::uint8_t* cursor, const std::uint8_t* end, ByteView& bytes) {
  std::uint64_t size = 0;
  cursor = codec::get_varint(cursor, end, size);
  if (!cursor || size > static_cast<std::uint64_t>(end - cursor)) return nullptr;
  bytes = {cursor, static_cast<std::size_t>(size)};
  return cursor + size;
}

}  // namespace

std::size_t bytes_bound(const Metadata& metadata) {
  static constexpr std::size_t numbers_bytes = 1 + 3 * codec::varint_bytes_max;
  std::size_t size = 0;
  for (const MetadataEntry& entry : metadata) {
    size += entry.key.size() + numbers_bytes;
    if (const auto* text = std::get_if<std::string>(&entry.value)) size += text->size();
    if (const auto* bytes = std::get_if<std::vector<std::uint8_t>>(&entry.value)) size += bytes->size();
  }
  return size;
}

std::string_view unfit(const Metadata& metadata, const Limits& limits, std::size_t reserved) {
  if (metadata.size() + reserved > limits.metadata_entries_max) return "too many metadata entries";
  for (const MetadataEntry& entry : metadata) {
    if (!codec::is_utf8(as_bytes(entry.key))) return "a metadata key is no UTF-8";
    const auto* text = std::get_if<std::string>(&entry.value);
    if (text && !codec::is_utf8(as_bytes(*text))) return "a metadata text is no UTF-8";
  }
  static constexpr std::size_t reserved_bytes = 64;  // of one entry of ours, a number
  if (bytes_bound(metadata) + reserved * reserved_bytes > limits.metadata_bytes_max) return "metadata too large";
  return {};
}

const std::uint8_t* MetadataView::read_entry(const std::uint8_t* cursor, const std::uint8_t* end, Entry& entry) {
  ByteView key;
  cursor = read_run(cursor, end, key);
  if (!cursor || !codec::is_utf8(key)) return nullptr;
  entry.key = as_text(key);
  std::uint64_t type = 0;
  cursor = codec::get_varint(cursor, end, type);
  if (!cursor || type > 2) return nullptr;
  entry.type = static_cast<Entry::Type>(type);
  entry.number = 0;
  entry.bytes = {};
  cursor = entry.type == Entry::Type::number ? codec::get_varint(cursor, end, entry.number)
                                             : read_run(cursor, end, entry.bytes);
  if (!cursor || (entry.type == Entry::Type::text && !codec::is_utf8(entry.bytes))) return nullptr;
  return codec::get_varint(cursor, end, entry.flags);
}

const std::uint64_t* MetadataView::find_number(std::string_view key, std::uint64_t& storage) const {
  bool seen = false;
  const std::uint64_t* found = nullptr;
  for_each([&](const Entry& entry) {
    if (seen || entry.key != key) return;
    seen = true;
    if (entry.type != Entry::Type::number) return;
    storage = entry.number;
    found = &storage;
  });
  return found;
}

bool MetadataView::has(std::string_view key) const {
  bool found = false;
  for_each([&](const Entry& entry) { found |= entry.key == key; });
  return found;
}

Metadata MetadataView::to_metadata() const {
  Metadata metadata;
  for_each([&](const Entry& entry) {
    MetadataEntry::Value value;
    switch (entry.type) {
      case Entry::Type::text: value = std::string(entry.text()); break;
      case Entry::Type::bytes: value = std::vector<std::uint8_t>(entry.bytes.begin(), entry.bytes.end()); break;
      case Entry::Type::number: value = entry.number; break;
    }
    metadata.add(std::string(entry.key), std::move(value), entry.flags);
  });
  return metadata;
}

}  // namespace wire::roam

}  // namespace parley
