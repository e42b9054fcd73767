#include "wire/roam/message.h"

#include <algorithm>
#include <type_traits>

#include "codec/utf8.h"
#include "wire/frame.h"

namespace parley::wire::roam {

bool Decoder::settings(Settings& settings) {
  std::uint64_t parity = 0;
  std::uint64_t requests = 0;
  if (!varint(parity) || !varint(requests)) return false;
  if (parity > 1) return wrong("unknown parity");
  if (requests > 0xffffffffu) return wrong("max_concurrent_requests beyond 32 bits");
  settings = {static_cast<Parity>(parity), static_cast<std::uint32_t>(requests)};
  return true;
}

bool Decoder::channels_slow(ChannelList& list) {
  std::uint64_t count = 0;
  if (!varint(count)) return false;
  if (count > static_cast<std::uint64_t>(end_ - cursor_)) return wrong("channel list cut off");
  if (count > limits_.channels_per_call_max) return wrong("too many channels in one call", Code::too_many_channels);
  const std::uint8_t* first = cursor_;
  for (std::uint64_t i = 0; i < count; ++i) {
    std::uint64_t id = 0;
    if (!varint(id)) return false;
  }
  list = ChannelList(static_cast<std::uint32_t>(count), {first, cursor_});
  return true;
}

bool Decoder::metadata_slow(MetadataView& view) {
  std::uint64_t count = 0;
  if (!varint(count)) return false;
  if (count > static_cast<std::uint64_t>(end_ - cursor_)) return wrong("metadata cut off");
  if (count > limits_.metadata_entries_max) return wrong("too many metadata entries", Code::metadata_limit);
  const std::uint8_t* first = cursor_;
  for (std::uint64_t i = 0; i < count; ++i) {
    MetadataView::Entry entry;
    cursor_ = MetadataView::read_entry(cursor_, end_, entry);
    if (!cursor_) return wrong("malformed metadata");
    if (static_cast<std::size_t>(cursor_ - first) > limits_.metadata_bytes_max) {
      return wrong("metadata too large", Code::metadata_limit);
    }
  }
  view = MetadataView(static_cast<std::uint32_t>(count), {first, cursor_});
  return true;
}

bool Decoder::grant(std::uint32_t& additional) {
  std::uint64_t value = 0;
  if (!varint(value)) return false;
  if (value > 0xffffffffu) return wrong("credit beyond 32 bits");
  additional = static_cast<std::uint32_t>(value);
  return at_end();
}

bool Decoder::request(Payload& payload) {
  std::uint64_t id = 0;
  RequestKind kind{};
  if (!request_head(id, kind)) return false;
  switch (kind) {
    case RequestKind::call: {
      Call call{.id = id};
      if (!method(call.method) || !channels(call.channels) || !metadata(call.metadata)) return false;
      call.arguments = rest();
      payload = call;
      return true;
    }
    case RequestKind::response: {
      Response response{.id = id};
      if (!channels(response.channels) || !metadata(response.metadata)) return false;
      response.result = rest();
      payload = response;
      return true;
    }
    case RequestKind::cancel: {
      Cancel cancel{.id = id};
      if (!metadata(cancel.metadata) || !at_end()) return false;
      payload = cancel;
      return true;
    }
  }
  return wrong("unknown request kind");
}

bool Decoder::channel(Payload& payload) {
  std::uint64_t id = 0;
  ChannelKind kind{};
  if (!channel_head(id, kind)) return false;
  switch (kind) {
    case ChannelKind::item: payload = Item{.id = id, .item = rest()}; return true;
    case ChannelKind::close: {
      Close close{.id = id};
      if (!metadata(close.metadata) || !at_end()) return false;
      payload = close;
      return true;
    }
    case ChannelKind::reset: {
      Reset reset{.id = id};
      if (!metadata(reset.metadata) || !at_end()) return false;
      payload = reset;
      return true;
    }
    case ChannelKind::grant_credit: {
      GrantCredit grant_credit{.id = id};
      if (!grant(grant_credit.additional)) return false;
      payload = grant_credit;
      return true;
    }
  }
  return wrong("unknown channel message kind");
}

bool Decoder::hello(Payload& payload) {
  std::uint64_t version = 0;
  if (!varint(version)) return false;
  if (version > 0xffffffffu) return wrong("version beyond 32 bits");
  Hello hello{.version = static_cast<std::uint32_t>(version)};
  // Another version may look different from here on.
  if (version == protocol_version && !(settings(hello.settings) && metadata(hello.metadata) && at_end())) return false;
  payload = hello;
  return true;
}

bool Decoder::protocol_error(Payload& payload) {
  std::uint64_t size = 0;
  if (!varint(size)) return false;
  if (size > static_cast<std::uint64_t>(end_ - cursor_)) return wrong("description cut off");
  const ByteView text(cursor_, static_cast<std::size_t>(size));
  if (!codec::is_utf8(text)) return wrong("description is not UTF-8");
  cursor_ += size;
  if (!at_end()) return false;
  payload = ProtocolError{as_text(text)};
  return true;
}

template <class T>
bool Decoder::settings_and_metadata(Payload& payload) {
  T value{};
  if (!settings(value.settings) || !metadata(value.metadata) || !at_end()) return false;
  payload = value;
  return true;
}

template <class T>
bool Decoder::metadata_alone(Payload& payload) {
  T value{};
  if (!metadata(value.metadata) || !at_end()) return false;
  payload = value;
  return true;
}

template <class T>
bool Decoder::nonce_alone(Payload& payload) {
  T value{};
  if (!varint(value.nonce) || !at_end()) return false;
  payload = value;
  return true;
}

bool Decoder::payload(Kind kind, Payload& payload) {
  switch (kind) {
    case Kind::hello: return hello(payload);
    case Kind::hello_yourself: return settings_and_metadata<HelloYourself>(payload);
    case Kind::protocol_error: return protocol_error(payload);
    case Kind::connection_open: return settings_and_metadata<ConnectionOpen>(payload);
    case Kind::connection_accept: return settings_and_metadata<ConnectionAccept>(payload);
    case Kind::connection_reject: return metadata_alone<ConnectionReject>(payload);
    case Kind::connection_close: return metadata_alone<ConnectionClose>(payload);
    case Kind::request: return request(payload);
    case Kind::channel: return channel(payload);
    case Kind::ping: return nonce_alone<Ping>(payload);
    case Kind::pong: return nonce_alone<Pong>(payload);
  }
  return wrong("unknown message kind");
}

bool Decoder::message(Message& message) {
  Kind kind{};
  return head(message.connection, kind) && payload(kind, message.payload);
}

Result<Message> decode_message(ByteView bytes, const Limits& limits) {
  Decoder decoder(bytes, limits);
  Message message;
  if (!decoder.message(message)) return fail(decoder.fault(), std::string(decoder.what()));
  return message;
}

std::uint8_t* put_bytes(OutBuffer& out, std::uint8_t* cursor, ByteView bytes) {
  cursor = out.more(cursor, codec::varint_bytes_max + bytes.size());
  cursor = codec::put_varint(cursor, bytes.size());
  return std::copy(bytes.begin(), bytes.end(), cursor);
}

// The alternative's index is its number on the wire.
static_assert(
    std::is_same_v<MetadataEntry::Value, std::variant<std::string, std::vector<std::uint8_t>, std::uint64_t>>);

std::uint8_t* put_metadata(OutBuffer& out, std::uint8_t* cursor, const Metadata& metadata) {
  cursor = codec::put_varint(out.more(cursor, codec::varint_bytes_max), metadata.size());
  for (const MetadataEntry& entry : metadata) {
    cursor = put_bytes(out, cursor, as_bytes(entry.key));
    cursor = out.more(cursor, 1 + 2 * codec::varint_bytes_max);
    *cursor++ = static_cast<std::uint8_t>(entry.value.index());
    if (const auto* number = std::get_if<std::uint64_t>(&entry.value)) {
      cursor = codec::put_varint(cursor, *number);
    } else if (const auto* text = std::get_if<std::string>(&entry.value)) {
      cursor = put_bytes(out, cursor, as_bytes(*text));
    } else {
      cursor = put_bytes(out, cursor, std::get<std::vector<std::uint8_t>>(entry.value));
    }
    cursor = codec::put_varint(out.more(cursor, codec::varint_bytes_max), entry.flags);
  }
  return cursor;
}

std::uint8_t* put_metadata(OutBuffer& out, std::uint8_t* cursor, const MetadataView& metadata) {
  const ByteView entries = metadata.encoded();
  cursor = out.more(cursor, codec::varint_bytes_max + entries.size());
  cursor = codec::put_varint(cursor, metadata.size());
  return std::copy(entries.begin(), entries.end(), cursor);
}

namespace {

// Writes the part of a message behind its head.
struct Put {
  OutBuffer& out;
  std::uint8_t* cursor;
  std::uint64_t connection;

  void begin(Kind kind) { cursor = put_head(cursor, connection, kind); }
  void number(std::uint64_t value) { cursor = codec::put_varint(out.more(cursor, codec::varint_bytes_max), value); }
  void settings(const Settings& settings) {
    number(static_cast<std::uint64_t>(settings.parity));
    number(settings.max_concurrent_requests);
  }
  void metadata(const MetadataView& view) { cursor = put_metadata(out, cursor, view); }
  void channels(const ChannelList& list) {
    number(list.size());
    raw(list.encoded());
  }
  void raw(ByteView bytes) {
    cursor = out.more(cursor, bytes.size());
    cursor = std::copy(bytes.begin(), bytes.end(), cursor);
  }

  void operator()(const Hello& hello) {
    begin(Kind::hello);
    number(hello.version);
    settings(hello.settings);
    metadata(hello.metadata);
  }
  void operator()(const HelloYourself& hello) {
    begin(Kind::hello_yourself);
    settings(hello.settings);
    metadata(hello.metadata);
  }
  void operator()(const ProtocolError& error) {
    begin(Kind::protocol_error);
    cursor = put_bytes(out, cursor, as_bytes(error.description));
  }
  void operator()(const ConnectionOpen& open) {
    begin(Kind::connection_open);
    settings(open.settings);
    metadata(open.metadata);
  }
  void operator()(const ConnectionAccept& accept) {
    begin(Kind::connection_accept);
    settings(accept.settings);
    metadata(accept.metadata);
  }
  void operator()(const ConnectionReject& reject) {
    begin(Kind::connection_reject);
    metadata(reject.metadata);
  }
  void operator()(const ConnectionClose& close) {
    begin(Kind::connection_close);
    metadata(close.metadata);
  }
  void operator()(const Call& call) {
    cursor = put_request_head(cursor, connection, call.id, RequestKind::call);
    number(call.method);
    channels(call.channels);
    metadata(call.metadata);
    raw(call.arguments);
  }
  void operator()(const Response& response) {
    cursor = put_request_head(cursor, connection, response.id, RequestKind::response);
    channels(response.channels);
    metadata(response.metadata);
    raw(response.result);
  }
  void operator()(const Cancel& cancel) {
    cursor = put_request_head(cursor, connection, cancel.id, RequestKind::cancel);
    metadata(cancel.metadata);
  }
  void operator()(const Item& item) {
    cursor = put_channel_head(cursor, connection, item.id, ChannelKind::item);
    raw(item.item);
  }
  void operator()(const Close& close) {
    cursor = put_channel_head(cursor, connection, close.id, ChannelKind::close);
    metadata(close.metadata);
  }
  void operator()(const Reset& reset) {
    cursor = put_channel_head(cursor, connection, reset.id, ChannelKind::reset);
    metadata(reset.metadata);
  }
  void operator()(const GrantCredit& grant) {
    cursor = put_channel_head(cursor, connection, grant.id, ChannelKind::grant_credit);
    number(grant.additional);
  }
  void operator()(const Ping& ping) {
    begin(Kind::ping);
    number(ping.nonce);
  }
  void operator()(const Pong& pong) {
    begin(Kind::pong);
    number(pong.nonce);
  }
};

}  // namespace

void put_message(OutBuffer& out, const Message& message) {
  Put put{out, begin_frame(out, head_bytes_max), message.connection};
  std::visit(put, message.payload);
  end_frame(out, put.cursor);
}

}  // namespace parley::wire::roam
