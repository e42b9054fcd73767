#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/out_buffer.h"
#include "wire/bus/ids.h"

// Frames of the bus, as liminal 0.2.3 speaks it: ten bytes of head and a body. Source:
// docs/WIRE.md, section 17. A frame looks into the bytes that it was read from, its lists alone are its own.
namespace parley::wire::bus {

inline constexpr std::size_t head_bytes = 10;

// What a reader takes, whatever lengths and counts a peer announces.
struct Bounds {
  std::size_t frame_bytes_max = std::size_t{16} << 20;  // with the head; the door takes no longer opening (WIRE 10)
  std::uint32_t schemas_max = 256;                      // accepted by one Subscribe
  std::uint32_t names_max = 1024;                       // in each list of a WorkerRegister
};

struct Version {
  std::uint16_t major = 0;
  std::uint16_t minor = 0;
  friend auto operator<=>(const Version&, const Version&) = default;
};

// Why something is refused, as frames say it. Peers may send others.
enum class Reason : std::uint16_t {
  incomplete_head = 1,
  truncated_body = 2,
  unknown_frame = 3,
  wrong_stream = 4,
  wrong_state = 5,
  authentication = 6,
  version = 7,
  schema = 8,
  malformed = 9,
  unknown_topic = 0x0101,
  quiesced = 0x0102,
  // Ours, which the origin leaves to the text.
  conversation_not_open = 0x0180,
  conversation_open = 0x0181,  // already
  participant_crashed = 0x0182,
  timed_out = 0x0183,
  limit = 0x0184,
  overloaded = 0x0185,
  key_conflict = 0x0186,  // one idempotency key for two payloads
  other = 0xffff,
};

// What caused a message: the message before it, and where in its chain it stands.
struct Causality {
  std::optional<std::string_view> parent = {};
  std::optional<std::uint64_t> clock = {};
  friend bool operator==(const Causality&, const Causality&) = default;
};
struct Envelope {
  SchemaId schema = {};  // of the payload
  Causality causality = {};
  ByteView payload = {};
  friend bool operator==(const Envelope& a, const Envelope& b) {
    return a.schema == b.schema && a.causality == b.causality && as_text(a.payload) == as_text(b.payload);
  }
};

// The session. A client speaks first.
struct Connect {
  Version lowest = {};
  Version highest = {};
  ByteView token = {};
  friend bool operator==(const Connect& a, const Connect& b) {
    return a.lowest == b.lowest && a.highest == b.highest && as_text(a.token) == as_text(b.token);
  }
};
struct ConnectAck {
  Version selected = {};
  std::uint32_t capabilities = 0;
  friend bool operator==(const ConnectAck&, const ConnectAck&) = default;
};
struct ConnectError {
  Reason reason = {};
  std::optional<std::string_view> text = {};
  friend bool operator==(const ConnectError&, const ConnectError&) = default;
};
struct Disconnect {
  friend bool operator==(const Disconnect&, const Disconnect&) = default;
};
struct Ping {
  friend bool operator==(const Ping&, const Ping&) = default;
};
struct Pong {
  friend bool operator==(const Pong&, const Pong&) = default;
};

// Topics.
struct Subscribe {
  std::string_view topic = {};
  std::vector<SchemaId> schemas = {};  // that are understood; empty: whatever the topic has
  std::uint32_t in_flight_max = 1;     // never 0
  friend bool operator==(const Subscribe&, const Subscribe&) = default;
};
struct SubscribeAck {
  std::uint64_t subscription = 0;
  SchemaId schema = {};
  friend bool operator==(const SubscribeAck&, const SubscribeAck&) = default;
};
struct SubscribeError {
  Reason reason = {};
  std::optional<std::string_view> text = {};
  friend bool operator==(const SubscribeError&, const SubscribeError&) = default;
};
struct Unsubscribe {
  std::uint64_t subscription = 0;
  friend bool operator==(const Unsubscribe&, const Unsubscribe&) = default;
};
struct Publish {
  std::string_view topic = {};
  Envelope envelope = {};
  std::optional<std::string_view> key = {};  // of idempotency
  friend bool operator==(const Publish&, const Publish&) = default;
};
struct PublishAck {
  std::uint64_t message = 0;
  bool is_delivered = false;  // to at least one subscriber
  friend bool operator==(const PublishAck&, const PublishAck&) = default;
};
struct PublishError {
  Reason reason = {};
  std::optional<std::string_view> text = {};
  friend bool operator==(const PublishError&, const PublishError&) = default;
};
struct Deliver {
  std::uint64_t sequence = 0;  // of its subscription, from 1
  Envelope envelope = {};
  friend bool operator==(const Deliver&, const Deliver&) = default;
};
struct Accept {
  std::string_view message = {};
  friend bool operator==(const Accept&, const Accept&) = default;
};
struct Defer {
  std::string_view message = {};
  std::optional<std::string_view> reason = {};
  friend bool operator==(const Defer&, const Defer&) = default;
};
struct Reject {
  std::string_view message = {};
  std::optional<std::string_view> reason = {};
  friend bool operator==(const Reject&, const Reject&) = default;
};

// Conversations; their ids are the client's, and his alone.
struct ConversationOpen {
  std::uint64_t conversation = 0;
  std::string_view subject = {};
  friend bool operator==(const ConversationOpen&, const ConversationOpen&) = default;
};
struct ConversationMessage {
  std::uint64_t conversation = 0;
  Envelope envelope = {};
  bool is_about_reply = false;  // of a client: it wants one; of a server: this is one
  friend bool operator==(const ConversationMessage&, const ConversationMessage&) = default;
};
struct ConversationClose {
  std::uint64_t conversation = 0;
  std::optional<Reason> reason = {};
  std::optional<std::string_view> text = {};
  friend bool operator==(const ConversationClose&, const ConversationClose&) = default;
};
struct ConversationError {
  std::uint64_t conversation = 0;
  Reason reason = {};
  std::optional<std::string_view> text = {};
  friend bool operator==(const ConversationError&, const ConversationError&) = default;
};

// Work that a server hands to clients.
struct Push {
  std::uint64_t correlation = 0;
  ByteView payload = {};
  friend bool operator==(const Push& a, const Push& b) {
    return a.correlation == b.correlation && as_text(a.payload) == as_text(b.payload);
  }
};
struct PushReply {
  std::uint64_t correlation = 0;
  ByteView payload = {};
  friend bool operator==(const PushReply& a, const PushReply& b) {
    return a.correlation == b.correlation && as_text(a.payload) == as_text(b.payload);
  }
};
// What an activity of a worker takes and gives, as JSON Schema.
struct Activity {
  std::string_view name = {};
  std::string_view input = {};
  std::string_view output = {};
  friend bool operator==(const Activity&, const Activity&) = default;
};
struct WorkerRegister {
  std::vector<std::string_view> namespaces = {};
  std::string_view task_queue = {};
  std::optional<std::string_view> node = {};
  std::vector<std::string_view> activity_types = {};
  std::string_view identity = {};
  std::optional<std::vector<Activity>> activities = {};  // nothing: the body ended before them
  friend bool operator==(const WorkerRegister&, const WorkerRegister&) = default;
};
struct WorkerRegisterAck {
  std::optional<std::string_view> rejected = {};  // why; nothing: accepted
  friend bool operator==(const WorkerRegisterAck&, const WorkerRegisterAck&) = default;
};

// A type that this version does not know; to be ignored.
struct Unknown {
  std::uint8_t type = 0;
  std::uint8_t flags = 0;
  ByteView bytes = {};
  friend bool operator==(const Unknown& a, const Unknown& b) {
    return a.type == b.type && a.flags == b.flags && as_text(a.bytes) == as_text(b.bytes);
  }
};

// In the order of their types, which count from 1.
using Body = std::variant<Connect, ConnectAck, ConnectError, Disconnect, Subscribe, SubscribeAck, SubscribeError,
                          Unsubscribe, Publish, PublishAck, PublishError, ConversationOpen, ConversationMessage,
                          ConversationClose, ConversationError, Accept, Defer, Reject, Ping, Pong, Push, PushReply,
                          WorkerRegister, WorkerRegisterAck, Deliver, Unknown>;
inline constexpr std::uint8_t type_max = 0x19;
static_assert(std::variant_size_v<Body> == type_max + 1);

struct Frame {
  std::uint32_t stream = 0;  // what belongs together: 0 is the session's own, others are numbered by the client
  Body body = {};
  friend bool operator==(const Frame&, const Frame&) = default;
};

std::uint8_t type_of(const Body& body);
std::string_view name_of(std::uint8_t type);  // "Connect"; "Unknown"
// Whether frames of a type go on stream 0; other known ones go on any but 0, unknown ones anywhere.
bool is_of_session(std::uint8_t type);

// Which check of the layout bytes do not pass.
enum class Fault : std::uint8_t {
  head_cut_off,  // fewer than ten bytes: more may come
  body_cut_off,  // fewer bytes than the head announces: more may come
  frame_too_large,
  wrong_stream,
  field_cut_off,  // a field does not end before what it lies in
  option_tag,     // neither 0 nor 1
  not_utf8,
  bytes_left,      // behind the last field
  nothing_wanted,  // a Subscribe with in_flight_max 0
  status,          // of a WorkerRegisterAck: neither 0 nor 1
  too_many,        // elements in a list
};
std::string_view to_string(Fault fault);  // "head_cut_off"
struct Malformed : Error {                // its note names frame and field
  Fault fault = {};
};
Reason reason_of(Fault fault);

struct Head {
  std::uint8_t type = 0;
  std::uint8_t flags = 0;
  std::uint32_t stream = 0;
  std::uint32_t body_bytes = 0;
};

// What ten bytes show by themselves: head_cut_off, frame_too_large, wrong_stream.
[[nodiscard]] std::expected<Head, Malformed> read_head(ByteView bytes, const Bounds& bounds);
// The first frame, which is taken off the front of `bytes`. After an error nothing is.
[[nodiscard]] std::expected<Frame, Malformed> take_frame(ByteView& bytes, const Bounds& bounds);
// Bytes that are exactly one frame, as a message of a WebSocket is.
[[nodiscard]] std::expected<Frame, Malformed> read_frame(ByteView bytes, const Bounds& bounds);

std::size_t encoded_size(const Frame& frame);
// Commits the frame. Its texts are UTF-8 and its stream fits its type. Errors: too_large, and nothing is committed.
Result<void> put_frame(OutBuffer& out, const Frame& frame, const Bounds& bounds);

}  // namespace parley::wire::bus
