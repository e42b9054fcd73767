#include "wire/bus/frame.h"

#include <fmt/format.h>

#include <limits>
#include <utility>

#include "wire/bus/big_endian.h"
#include "wire/bus/body_reader.h"
#include "wire/bus/body_writer.h"
#include "wire/bus/layout.h"

namespace parley::wire::bus {
namespace {

constexpr std::string_view names[] = {
    "Connect",
    "ConnectAck",
    "ConnectError",
    "Disconnect",
    "Subscribe",
    "SubscribeAck",
    "SubscribeError",
    "Unsubscribe",
    "Publish",
    "PublishAck",
    "PublishError",
    "ConversationOpen",
    "ConversationMessage",
    "ConversationClose",
    "ConversationError",
    "Accept",
    "Defer",
    "Reject",
    "Ping",
    "Pong",
    "Push",
    "PushReply",
    "WorkerRegister",
    "WorkerRegisterAck",
    "Deliver",
};
static_assert(std::size(names) == type_max);

bool is_known(std::uint8_t type) { return type >= 1 && type <= type_max; }

bool fits_stream(std::uint8_t type, std::uint32_t stream) {
  return !is_known(type) || is_of_session(type) == (stream == 0);
}

template <std::size_t... index>
Body body_of(std::uint8_t type, std::index_sequence<index...>) {
  Body body = Unknown{};
  (void)((type == index + 1 && (body.emplace<index>(), true)) || ...);
  return body;
}

std::unexpected<Malformed> malformed(Fault fault, Code code, std::string note) {
  return std::unexpected(Malformed{{code, std::move(note)}, fault});
}

std::size_t body_size(const Body& body) {
  BodySize size;
  std::visit([&](const auto& known) { layout(size, known); }, body);
  return size.bytes();
}

}  // namespace

std::uint8_t type_of(const Body& body) {
  const auto* unknown = std::get_if<Unknown>(&body);
  PARLEY_ASSERT(!unknown || !is_known(unknown->type), unknown->type);
  return unknown ? unknown->type : static_cast<std::uint8_t>(body.index() + 1);
}

std::string_view name_of(std::uint8_t type) { return is_known(type) ? names[type - 1] : "Unknown"; }

bool is_of_session(std::uint8_t type) {
  switch (type) {
    case 0x01:  // Connect to Disconnect
    case 0x02:
    case 0x03:
    case 0x04:
    case 0x13:  // Ping, Pong
    case 0x14:
    case 0x17:  // WorkerRegister, WorkerRegisterAck
    case 0x18: return true;
    default: return false;
  }
}

std::string_view to_string(Fault fault) {
  switch (fault) {
    case Fault::head_cut_off: return "head_cut_off";
    case Fault::body_cut_off: return "body_cut_off";
    case Fault::frame_too_large: return "frame_too_large";
    case Fault::wrong_stream: return "wrong_stream";
    case Fault::field_cut_off: return "field_cut_off";
    case Fault::option_tag: return "option_tag";
    case Fault::not_utf8: return "not_utf8";
    case Fault::bytes_left: return "bytes_left";
    case Fault::nothing_wanted: return "nothing_wanted";
    case Fault::status: return "status";
    case Fault::too_many: return "too_many";
  }
  return "unknown";
}

Reason reason_of(Fault fault) {
  switch (fault) {
    case Fault::head_cut_off: return Reason::incomplete_head;
    case Fault::body_cut_off: return Reason::truncated_body;
    case Fault::wrong_stream: return Reason::wrong_stream;
    case Fault::frame_too_large:
    case Fault::field_cut_off:
    case Fault::option_tag:
    case Fault::not_utf8:
    case Fault::bytes_left:
    case Fault::nothing_wanted:
    case Fault::status:
    case Fault::too_many: return Reason::malformed;
  }
  return Reason::malformed;
}

std::expected<Head, Malformed> read_head(ByteView bytes, const Bounds& bounds) {
  if (bytes.size() < head_bytes) {
    return malformed(Fault::head_cut_off, Code::frame_truncated, fmt::format("{} bytes of a head", bytes.size()));
  }
  const Head head{bytes[0], bytes[1], get_big_endian<std::uint32_t>(&bytes[2]),
                  get_big_endian<std::uint32_t>(&bytes[6])};
  if (head_bytes + std::size_t{head.body_bytes} > bounds.frame_bytes_max) {
    return malformed(Fault::frame_too_large, Code::frame_too_large,
                     fmt::format("{}: a body of {} bytes, in frames of at most {}", name_of(head.type), head.body_bytes,
                                 bounds.frame_bytes_max));
  }
  if (!fits_stream(head.type, head.stream)) {
    return malformed(Fault::wrong_stream, Code::wrong_connection,
                     fmt::format("{} on stream {}", name_of(head.type), head.stream));
  }
  return head;
}

std::expected<Frame, Malformed> take_frame(ByteView& bytes, const Bounds& bounds) {
  const std::expected<Head, Malformed> head = read_head(bytes, bounds);
  if (!head) return std::unexpected(head.error());
  const ByteView behind = bytes.subspan(head_bytes);
  if (behind.size() < head->body_bytes) {
    return malformed(Fault::body_cut_off, Code::frame_truncated,
                     fmt::format("{}: {} of {} bytes", name_of(head->type), behind.size(), head->body_bytes));
  }
  Frame frame{head->stream, body_of(head->type, std::make_index_sequence<type_max>())};
  BodyReader reader(*head, behind.first(head->body_bytes), bounds);
  std::visit([&](auto& body) { layout(reader, body); }, frame.body);
  reader.finish("body");
  if (reader.malformed()) return std::unexpected(*reader.malformed());
  PARLEY_ASSERT(type_of(frame.body) == head->type, head->type);
  bytes = behind.subspan(head->body_bytes);
  return frame;
}

std::expected<Frame, Malformed> read_frame(ByteView bytes, const Bounds& bounds) {
  std::expected<Frame, Malformed> frame = take_frame(bytes, bounds);
  if (frame && !bytes.empty()) {
    return malformed(Fault::bytes_left, Code::message,
                     fmt::format("{} bytes behind the {}", bytes.size(), name_of(type_of(frame->body))));
  }
  return frame;
}

std::size_t encoded_size(const Frame& frame) { return head_bytes + body_size(frame.body); }

Result<void> put_frame(OutBuffer& out, const Frame& frame, const Bounds& bounds) {
  const std::uint8_t type = type_of(frame.body);
  PARLEY_ASSERT(fits_stream(type, frame.stream), type, frame.stream);
  const std::size_t size = body_size(frame.body);
  if (head_bytes + size > bounds.frame_bytes_max || size > std::numeric_limits<std::uint32_t>::max()) {
    return fail(Code::too_large, fmt::format("{}: a frame of {} bytes, where {} pass", name_of(type), head_bytes + size,
                                             bounds.frame_bytes_max));
  }
  std::uint8_t* const head = out.room(head_bytes + size);
  BodyWriter writer(head + head_bytes);
  std::visit([&](const auto& body) { layout(writer, body); }, frame.body);
  PARLEY_ASSERT(writer.cursor() == head + head_bytes + size, type, size);
  std::uint8_t* cursor = head;
  *cursor++ = type;
  *cursor++ = writer.flags();
  cursor = put_big_endian(cursor, frame.stream);
  cursor = put_big_endian(cursor, static_cast<std::uint32_t>(size));
  PARLEY_ASSERT(cursor == head + head_bytes);
  out.commit(head + head_bytes + size);
  return {};
}

}  // namespace parley::wire::bus
