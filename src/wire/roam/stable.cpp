#include "wire/roam/stable.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <limits>
#include <string_view>

#include "codec/varint.h"

namespace parley::wire::roam::stable {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are written as they lie in memory");

constexpr std::string_view client_magic = "ROCH";
constexpr std::string_view server_magic = "ROSH";

constexpr std::uint8_t has_key = 1;      // of a client
constexpr std::uint8_t is_rejected = 1;  // of a server
constexpr std::uint8_t has_last_received = 2;

// Where things lie in a hello.
constexpr std::size_t flags_at = 4;
constexpr std::size_t key_at = 5;
constexpr std::size_t last_received_at = 21;

struct Raw {
  std::uint8_t flags = 0;
  Key key{};
  std::optional<std::uint32_t> last_received;
};

std::array<std::uint8_t, hello_bytes> encode(std::string_view magic, const Raw& raw) {
  std::array<std::uint8_t, hello_bytes> bytes{};
  std::ranges::copy(magic, bytes.begin());
  bytes[flags_at] = static_cast<std::uint8_t>(raw.flags | (raw.last_received ? has_last_received : 0));
  std::ranges::copy(raw.key, bytes.begin() + key_at);
  const std::uint32_t last = raw.last_received.value_or(0);
  std::memcpy(&bytes[last_received_at], &last, sizeof last);
  return bytes;
}

std::unexpected<Error> refuse(std::string note) {
  return fail(Code::message, "the hello of a stable session: " + note);
}

Result<Raw> read(ByteView message, std::string_view magic) {
  if (message.size() != hello_bytes) {
    return refuse(fmt::format("{} bytes instead of {}", message.size(), hello_bytes));
  }
  if (!as_text(message).starts_with(magic)) return refuse(fmt::format("it does not begin with {}", magic));
  Raw raw{.flags = message[flags_at]};
  if ((raw.flags & ~3) != 0) return refuse(fmt::format("unknown flags {:02x}", raw.flags));
  std::ranges::copy(message.subspan(key_at, raw.key.size()), raw.key.begin());
  std::uint32_t last = 0;
  std::memcpy(&last, &message[last_received_at], sizeof last);
  if ((raw.flags & has_last_received) != 0) {
    raw.last_received = last;
  } else if (last != 0) {
    return refuse("a number received without its flag");
  }
  return raw;
}

}  // namespace

std::array<std::uint8_t, hello_bytes> encode(const ClientHello& hello) {
  return encode(client_magic, {hello.key ? has_key : std::uint8_t{0}, hello.key.value_or(Key{}), hello.last_received});
}

std::array<std::uint8_t, hello_bytes> encode(const ServerHello& hello) {
  return encode(server_magic, {hello.is_rejected ? is_rejected : std::uint8_t{0}, hello.key, hello.last_received});
}

bool is_client_hello(ByteView message) {
  return message.size() == hello_bytes && as_text(message).starts_with(client_magic);
}

Result<ClientHello> read_client_hello(ByteView message) {
  const Result<Raw> raw = read(message, client_magic);
  if (!raw) return fail(raw.error());
  if ((raw->flags & has_key) != 0) return ClientHello{raw->key, raw->last_received};
  if (raw->key != Key{}) return refuse("a key without its flag");
  return ClientHello{std::nullopt, raw->last_received};
}

Result<ServerHello> read_server_hello(ByteView message) {
  const Result<Raw> raw = read(message, server_magic);
  if (!raw) return fail(raw.error());
  return ServerHello{(raw->flags & is_rejected) != 0, raw->key, raw->last_received};
}

std::uint8_t* put_frame_head(std::uint8_t* cursor, std::uint32_t number, std::optional<std::uint32_t> acknowledged) {
  cursor = codec::put_varint(cursor, number);
  *cursor++ = acknowledged ? 1 : 0;
  return acknowledged ? codec::put_varint(cursor, *acknowledged) : cursor;
}

// Null when it is cut off or too large.
static const std::uint8_t* get_number(const std::uint8_t* cursor, const std::uint8_t* end, std::uint32_t& number) {
  const codec::VarintRead read = codec::read_varint(cursor, end);
  if (!read.next || read.value > std::numeric_limits<std::uint32_t>::max()) return nullptr;
  number = static_cast<std::uint32_t>(read.value);
  return read.next;
}

Result<Frame> read_frame(ByteView bytes) {
  const std::uint8_t* const end = bytes.data() + bytes.size();
  Frame frame;
  const std::uint8_t* cursor = get_number(bytes.data(), end, frame.number);
  if (!cursor) return fail(Code::message, "a stable frame without a number");
  if (cursor == end || *cursor > 1) return fail(Code::message, "a stable frame does not say what it acknowledges");
  if (*cursor++ == 1) {
    std::uint32_t acknowledged = 0;
    cursor = get_number(cursor, end, acknowledged);
    if (!cursor) return fail(Code::message, "a stable frame acknowledges no number");
    frame.acknowledged = acknowledged;
  }
  frame.message = bytes.subspan(static_cast<std::size_t>(cursor - bytes.data()));
  return frame;
}

}  // namespace parley::wire::roam::stable
