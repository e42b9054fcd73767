#include "wire/roam/blank.h"

#include <algorithm>

#include "codec/varint.h"
#include "wire/roam/message.h"

namespace parley::wire::roam {

namespace {

constexpr std::uint8_t blank = '*';

// Walks to the metadata of a message, and over it. Every step is false where it cannot be read.
class Blanker {
 public:
  explicit Blanker(std::span<std::uint8_t> message)
      : cursor_(message.data()), end_(cursor_ + message.size()), first_(message.data()) {}

  // What a message is without metadata holds no secret either.
  bool message() {
    std::uint64_t connection = 0;
    std::uint64_t kind = 0;
    if (!number(connection) || !number(kind) || kind > static_cast<std::uint64_t>(Kind::pong)) return false;
    switch (static_cast<Kind>(kind)) {
      case Kind::hello: {
        std::uint64_t version = 0;
        return number(version) && version == protocol_version && numbers(2) && metadata();
      }
      case Kind::hello_yourself:
      case Kind::connection_open:
      case Kind::connection_accept: return numbers(2) && metadata();
      case Kind::connection_reject:
      case Kind::connection_close: return metadata();
      case Kind::request: return request();
      case Kind::channel: return channel();
      case Kind::protocol_error:
      case Kind::ping:
      case Kind::pong: return true;
    }
    return false;
  }
  void blank_rest() { std::fill(at(cursor_), at(end_), blank); }

 private:
  bool request() {
    std::uint64_t id = 0;
    std::uint64_t kind = 0;
    if (!number(id) || !number(kind)) return false;
    if (kind == static_cast<std::uint64_t>(RequestKind::cancel)) return metadata();
    if (kind == static_cast<std::uint64_t>(RequestKind::response)) return list() && metadata();
    return kind == static_cast<std::uint64_t>(RequestKind::call) && numbers(1) && list() && metadata();
  }
  bool channel() {
    std::uint64_t id = 0;
    std::uint64_t kind = 0;
    if (!number(id) || !number(kind)) return false;
    const auto is = [&](ChannelKind one) { return kind == static_cast<std::uint64_t>(one); };
    if (is(ChannelKind::item) || is(ChannelKind::grant_credit)) return true;
    return (is(ChannelKind::close) || is(ChannelKind::reset)) && metadata();
  }
  bool list() {
    std::uint64_t count = 0;
    return number(count) && numbers(count);
  }
  bool metadata() {
    std::uint64_t count = 0;
    if (!number(count)) return false;
    for (; count != 0; --count) {
      MetadataView::Entry entry;
      const std::uint8_t* const behind = MetadataView::read_entry(cursor_, end_, entry);
      if (!behind) return false;
      if (is_secret(entry)) blank_value(entry);
      cursor_ = behind;
    }
    return true;
  }
  void blank_value(const MetadataView::Entry& entry) {
    if (entry.type != MetadataView::Entry::Type::number) {
      std::fill_n(at(entry.bytes.data()), entry.bytes.size(), blank);
      return;
    }
    // Behind the key, and the byte that says what the value is.
    const auto* cursor = reinterpret_cast<const std::uint8_t*>(entry.key.data() + entry.key.size());
    std::uint64_t type = 0;
    cursor = codec::get_varint(cursor, end_, type);
    std::uint8_t* byte = at(cursor);
    for (; (*byte & 0x80) != 0; ++byte) *byte = 0x80;
    *byte = 0;
  }
  bool number(std::uint64_t& value) {
    const std::uint8_t* const behind = codec::get_varint(cursor_, end_, value);
    if (behind) cursor_ = behind;
    return behind != nullptr;
  }
  bool numbers(std::uint64_t count) {
    std::uint64_t value = 0;
    for (; count != 0; --count) {
      if (!number(value)) return false;
    }
    return true;
  }
  std::uint8_t* at(const std::uint8_t* cursor) const { return first_ + (cursor - first_); }

  const std::uint8_t* cursor_;
  const std::uint8_t* end_;
  std::uint8_t* first_;
};

}  // namespace

void blank_secrets(std::span<std::uint8_t> message) {
  Blanker blanker(message);
  if (!blanker.message()) blanker.blank_rest();
}

}  // namespace parley::wire::roam
