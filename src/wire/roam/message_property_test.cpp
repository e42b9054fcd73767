#include <deque>
#include <string>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "wire/roam/message_suite.h"

namespace parley::wire::roam {
namespace {

// Numbers whose encoding has any length.
std::uint64_t any_number() { return *rc::gen::arbitrary<std::uint64_t>() >> *rc::gen::inRange(0, 64); }
std::uint32_t any_u32() { return *rc::gen::arbitrary<std::uint32_t>() >> *rc::gen::inRange(0, 32); }

std::string any_text() {
  std::string text;
  for (const auto letter : *rc::gen::arbitrary<std::vector<std::uint8_t>>()) {
    constexpr std::string_view letters[] = {"a", "Z", "-", " ", "\n", "é", "漢", "🦀"};
    text += letters[letter % std::size(letters)];
  }
  return text;
}

Metadata any_metadata() {
  Metadata metadata;
  const int count = *rc::gen::inRange(0, 5);
  for (int i = 0; i < count; ++i) {
    MetadataEntry::Value value;
    switch (*rc::gen::inRange(0, 3)) {
      case 0: value = any_text(); break;
      case 1: value = *rc::gen::arbitrary<Octets>(); break;
      default: value = any_number(); break;
    }
    metadata.add(any_text(), std::move(value), any_number());
  }
  return metadata;
}

// Makes messages, and keeps the bytes that they look into.
class Maker {
 public:
  Message any() {
    Message message{.connection = any_number(), .payload = {}};
    switch (*rc::gen::inRange<std::size_t>(0, std::variant_size_v<Payload>)) {
      case 0: message.payload = Hello{protocol_version, settings(), metadata()}; break;
      case 1: message.payload = HelloYourself{settings(), metadata()}; break;
      case 2: message.payload = ProtocolError{as_text(keep(octets(as_bytes(any_text()))))}; break;
      case 3: message.payload = ConnectionOpen{settings(), metadata()}; break;
      case 4: message.payload = ConnectionAccept{settings(), metadata()}; break;
      case 5: message.payload = ConnectionReject{metadata()}; break;
      case 6: message.payload = ConnectionClose{metadata()}; break;
      case 7: message.payload = Call{any_number(), any_number(), channels(), metadata(), opaque()}; break;
      case 8: message.payload = Response{any_number(), channels(), metadata(), opaque()}; break;
      case 9: message.payload = Cancel{any_number(), metadata()}; break;
      case 10: message.payload = Item{any_number(), opaque()}; break;
      case 11: message.payload = Close{any_number(), metadata()}; break;
      case 12: message.payload = Reset{any_number(), metadata()}; break;
      case 13: message.payload = GrantCredit{any_number(), any_u32()}; break;
      case 14: message.payload = Ping{any_number()}; break;
      default: message.payload = Pong{any_number()}; break;
    }
    return message;
  }

 private:
  ByteView keep(Octets bytes) { return kept_.emplace_back(std::move(bytes)); }
  ByteView opaque() { return keep(*rc::gen::arbitrary<Octets>()); }
  Settings settings() { return {*rc::gen::arbitrary<bool>() ? Parity::even : Parity::odd, any_u32()}; }
  ChannelList channels() {
    const auto count = *rc::gen::inRange<std::uint32_t>(0, 6);
    Octets bytes;
    for (std::uint32_t i = 0; i < count; ++i) bytes = octets({bytes, varint(any_number())});
    return {count, keep(std::move(bytes))};
  }
  MetadataView metadata() {
    const Metadata metadata = any_metadata();
    BlockPool pool(32);
    OutBuffer out(pool);
    std::uint8_t* cursor = put_metadata(out, out.room(0), metadata);
    const ByteView entries(out.back() + 1, cursor);  // fewer than 128: the count is one byte
    return {static_cast<std::uint32_t>(metadata.size()), keep(octets(entries))};
  }

  std::deque<Octets> kept_;
};

// Whether bytes may follow: arguments, a result or an item then grow.
bool runs_to_its_end(const Message& message) {
  return std::holds_alternative<Call>(message.payload) || std::holds_alternative<Response>(message.payload) ||
         std::holds_alternative<Item>(message.payload);
}
std::size_t opaque_size(const Message& message) {
  if (const auto* call = std::get_if<Call>(&message.payload)) return call->arguments.size();
  if (const auto* response = std::get_if<Response>(&message.payload)) return response->result.size();
  if (const auto* item = std::get_if<Item>(&message.payload)) return item->item.size();
  return 0;
}

RC_GTEST_PROP(RoamMessage, any_of_them_comes_back_as_it_was, ()) {
  // rule: calls/session.message
  Maker maker;
  const Message message = maker.any();
  const Octets frame = framed(message, *rc::gen::inRange<std::size_t>(1, 300));
  const FrameScan scan = scan_frame(frame, default_limits.frame_bytes_max);
  RC_ASSERT(scan.status == FrameScan::Status::whole);
  RC_ASSERT(scan.size == frame.size());
  const Result<Message> read = decode_message(scan.message, default_limits);
  RC_ASSERT(read.has_value());
  RC_ASSERT(same(*read, message));
  RC_ASSERT(framed(*read) == frame);
}

RC_GTEST_PROP(RoamMessage, every_part_of_it_that_is_missing_is_noticed, ()) {
  Maker maker;
  const Message message = maker.any();
  const Octets bytes = encoded(message);
  const std::size_t fixed = bytes.size() - opaque_size(message);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const Octets part(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    const Result<Message> read = decode_message(part, default_limits);
    RC_ASSERT(read.has_value() == (size >= fixed));
    if (!read) RC_ASSERT(read.error().code == Code::message);
  }
}

RC_GTEST_PROP(RoamMessage, bytes_behind_it_are_refused_unless_they_belong_to_it, ()) {
  Maker maker;
  const Message message = maker.any();
  Octets bytes = encoded(message);
  const Octets more = *rc::gen::nonEmpty<Octets>();
  bytes.insert(bytes.end(), more.begin(), more.end());
  const Result<Message> read = decode_message(bytes, default_limits);
  RC_ASSERT(read.has_value() == runs_to_its_end(message));
  if (read) {
    RC_ASSERT(opaque_size(*read) == opaque_size(message) + more.size());
  } else {
    RC_ASSERT(read.error().code == Code::message);
    RC_ASSERT(read.error().note == "bytes after the end of the message");
  }
}

// What decodes can be passed on: it is encoded to bytes that say the same.
void can_be_read_by_all(const Octets& bytes) {
  const Result<Message> read = decode_message(bytes, default_limits);
  if (!read) {
    RC_ASSERT(kind(read.error()) == parley::Kind::protocol);
    RC_ASSERT(!read.error().note.empty());
    return;
  }
  const Octets again = encoded(*read);
  const Result<Message> second = decode_message(again, default_limits);
  RC_ASSERT(second.has_value());
  RC_ASSERT(same(*read, *second));
}

RC_GTEST_PROP(RoamMessage, damaged_ones_are_refused_or_read_as_something_else, ()) {
  Maker maker;
  Octets bytes = encoded(maker.any());
  const int damages = *rc::gen::inRange(1, 4);
  for (int i = 0; i < damages; ++i) {
    const auto at = *rc::gen::inRange<std::size_t>(0, bytes.size());
    bytes[at] = *rc::gen::element<std::uint8_t>(0, 1, 3, 0x7f, 0x80, 0xff, static_cast<std::uint8_t>(bytes[at] ^ 1));
  }
  can_be_read_by_all(bytes);
}

RC_GTEST_PROP(RoamMessage, any_bytes_are_refused_or_read_and_never_read_beyond, ()) {
  Octets bytes = *rc::gen::arbitrary<Octets>();
  for (std::size_t i = 0; i < bytes.size() && i < 4; ++i) bytes[i] %= 12;  // past the kinds, often
  can_be_read_by_all(Octets(bytes));
}

}  // namespace
}  // namespace parley::wire::roam
