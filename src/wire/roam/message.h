#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <variant>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/out_buffer.h"
#include "codec/varint.h"
#include "wire/roam/metadata.h"

// The eleven messages of the roam 7.x wire: `connection_id:varint payload`, postcard. Source: the wire reference,
// section 2a.3. Arguments, results and items run to the end of the message.
namespace parley::wire::roam {

inline constexpr std::uint32_t protocol_version = 7;

enum class Parity : std::uint8_t { odd = 0, even = 1 };
constexpr Parity opposite(Parity parity) { return parity == Parity::odd ? Parity::even : Parity::odd; }
constexpr std::uint64_t first_id(Parity parity) { return parity == Parity::odd ? 1 : 2; }
constexpr bool has_parity(std::uint64_t id, Parity parity) { return (id & 1) == (parity == Parity::odd ? 1u : 0u); }

struct Settings {
  Parity parity = Parity::odd;
  std::uint32_t max_concurrent_requests = 64;
  friend bool operator==(const Settings&, const Settings&) = default;
};

enum class Kind : std::uint8_t {
  hello = 0,
  hello_yourself = 1,
  protocol_error = 2,
  connection_open = 3,
  connection_accept = 4,
  connection_reject = 5,
  connection_close = 6,
  request = 7,
  channel = 8,
  ping = 9,
  pong = 10,
};
enum class RequestKind : std::uint8_t { call = 0, response = 1, cancel = 2 };
enum class ChannelKind : std::uint8_t { item = 0, close = 1, reset = 2, grant_credit = 3 };

// The channel ids that a call lists, as they lie in the message; checked when it was decoded.
class ChannelList {
 public:
  ChannelList() = default;
  // The bytes are count numbers: a decoder read them, or we wrote them.
  ChannelList(std::uint32_t count, ByteView encoded) : count_(count), encoded_(encoded) {}
  std::uint32_t size() const { return count_; }
  ByteView encoded() const { return encoded_; }  // without the count

  class Cursor {
   public:
    explicit Cursor(const ChannelList& list)
        : left_(list.count_), at_(list.encoded_.data()), end_(at_ + list.encoded_.size()) {}
    bool any() const { return left_ != 0; }
    std::uint64_t next() {
      PARLEY_ASSERT(any());
      std::uint64_t id = 0;
      at_ = codec::get_varint(at_, end_, id);
      PARLEY_ASSERT(at_ != nullptr, left_);
      --left_;
      return id;
    }

   private:
    std::uint32_t left_;
    const std::uint8_t* at_;
    const std::uint8_t* end_;
  };

 private:
  std::uint32_t count_ = 0;
  ByteView encoded_;
};

struct Hello {
  std::uint32_t version = 0;
  Settings settings{};
  MetadataView metadata{};
};
struct HelloYourself {
  Settings settings{};
  MetadataView metadata{};
};
struct ProtocolError {
  std::string_view description{};
};
struct ConnectionOpen {
  Settings settings{};
  MetadataView metadata{};
};
struct ConnectionAccept {
  Settings settings{};
  MetadataView metadata{};
};
struct ConnectionReject {
  MetadataView metadata{};
};
struct ConnectionClose {
  MetadataView metadata{};
};
struct Call {
  std::uint64_t id = 0;
  std::uint64_t method = 0;
  ChannelList channels{};
  MetadataView metadata{};
  ByteView arguments{};
};
struct Response {
  std::uint64_t id = 0;
  ChannelList channels{};
  MetadataView metadata{};
  ByteView result{};
};
struct Cancel {
  std::uint64_t id = 0;
  MetadataView metadata{};
};
struct Item {
  std::uint64_t id = 0;
  ByteView item{};
};
struct Close {
  std::uint64_t id = 0;
  MetadataView metadata{};
};
struct Reset {
  std::uint64_t id = 0;
  MetadataView metadata{};
};
struct GrantCredit {
  std::uint64_t id = 0;
  std::uint32_t additional = 0;
};
struct Ping {
  std::uint64_t nonce = 0;
};
struct Pong {
  std::uint64_t nonce = 0;
};

using Payload = std::variant<Hello, HelloYourself, ProtocolError, ConnectionOpen, ConnectionAccept, ConnectionReject,
                             ConnectionClose, Call, Response, Cancel, Item, Close, Reset, GrantCredit, Ping, Pong>;
struct Message {
  std::uint64_t connection = 0;
  Payload payload;
};

// Reads one message piece by piece, so that a hot path can take the pieces it needs. Every read returns false on
// malformed input; fault() and what() then say why.
class Decoder {
 public:
  Decoder(ByteView message, const Limits& limits)
      : cursor_(message.data()), end_(cursor_ + message.size()), limits_(limits) {}

  bool head(std::uint64_t& connection, Kind& kind) {
    std::uint64_t variant = 0;
    if (!varint(connection) || !varint(variant)) return false;
    if (variant > static_cast<std::uint64_t>(Kind::pong)) return wrong("unknown message kind");
    kind = static_cast<Kind>(variant);
    return true;
  }
  bool request_head(std::uint64_t& id, RequestKind& kind) {
    std::uint64_t variant = 0;
    if (!varint(id) || !varint(variant)) return false;
    if (variant > 2) return wrong("unknown request kind");
    kind = static_cast<RequestKind>(variant);
    return true;
  }
  bool channel_head(std::uint64_t& id, ChannelKind& kind) {
    std::uint64_t variant = 0;
    if (!varint(id) || !varint(variant)) return false;
    if (variant > 3) return wrong("unknown channel message kind");
    kind = static_cast<ChannelKind>(variant);
    return true;
  }
  bool method(std::uint64_t& id) {
    cursor_ = codec::get_long_varint(cursor_, end_, id);
    return cursor_ != nullptr || wrong("method id cut off");
  }
  bool channels(ChannelList& list) {
    if (cursor_ != end_ && *cursor_ == 0) [[likely]] {
      ++cursor_;
      list = {};
      return true;
    }
    return channels_slow(list);
  }
  bool metadata(MetadataView& view) {
    if (cursor_ != end_ && *cursor_ == 0) [[likely]] {
      ++cursor_;
      view = {};
      return true;
    }
    return metadata_slow(view);
  }
  bool grant(std::uint32_t& additional);
  ByteView rest() const { return {cursor_, static_cast<std::size_t>(end_ - cursor_)}; }

  // The whole message, whatever it is; what follows a message that does not run to its end is refused.
  bool message(Message& message);
  // The same for what follows head().
  bool payload(Kind kind, Payload& payload);

  Code fault() const { return fault_; }
  std::string_view what() const { return what_; }

 private:
  bool varint(std::uint64_t& value) {
    cursor_ = codec::get_varint(cursor_, end_, value);
    return cursor_ != nullptr || wrong("number cut off");
  }
  bool wrong(std::string_view what, Code code = Code::message) {
    fault_ = code;
    what_ = what;
    cursor_ = end_;
    return false;
  }
  bool settings(Settings& settings);
  bool at_end() { return cursor_ == end_ || wrong("bytes after the end of the message"); }
  bool channels_slow(ChannelList& list);
  bool metadata_slow(MetadataView& view);
  bool hello(Payload& payload);
  bool protocol_error(Payload& payload);
  bool request(Payload& payload);
  bool channel(Payload& payload);
  template <class T>
  bool settings_and_metadata(Payload& payload);
  template <class T>
  bool metadata_alone(Payload& payload);
  template <class T>
  bool nonce_alone(Payload& payload);

  const std::uint8_t* cursor_;
  const std::uint8_t* end_;
  const Limits& limits_;
  Code fault_ = Code::message;
  std::string_view what_;
};

Result<Message> decode_message(ByteView message, const Limits& limits);

// Bytes that the fixed part of any message may need: two varints, a method id that may be put as a VarintConstant, two
// kinds, an empty list and empty metadata.
inline constexpr std::size_t head_bytes_max = 2 * codec::varint_bytes_max + codec::VarintConstant::room + 4;

inline std::uint8_t* put_head(std::uint8_t* cursor, std::uint64_t connection, Kind kind) {
  cursor = codec::put_varint(cursor, connection);
  *cursor++ = static_cast<std::uint8_t>(kind);
  return cursor;
}
inline std::uint8_t* put_request_head(std::uint8_t* cursor, std::uint64_t connection, std::uint64_t id,
                                      RequestKind kind) {
  cursor = codec::put_varint(put_head(cursor, connection, Kind::request), id);
  *cursor++ = static_cast<std::uint8_t>(kind);
  return cursor;
}
inline std::uint8_t* put_channel_head(std::uint8_t* cursor, std::uint64_t connection, std::uint64_t id,
                                      ChannelKind kind) {
  cursor = codec::put_varint(put_head(cursor, connection, Kind::channel), id);
  *cursor++ = static_cast<std::uint8_t>(kind);
  return cursor;
}
// The count and the entries; makes its own room. The cursor lies in out's uncommitted area.
std::uint8_t* put_metadata(OutBuffer& out, std::uint8_t* cursor, const Metadata& metadata);
std::uint8_t* put_metadata(OutBuffer& out, std::uint8_t* cursor, const MetadataView& metadata);
std::uint8_t* put_bytes(OutBuffer& out, std::uint8_t* cursor, ByteView bytes);

// Commits a whole message with its frame.
void put_message(OutBuffer& out, const Message& message);

}  // namespace parley::wire::roam
