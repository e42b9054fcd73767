#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/error.h"

// What a stable session puts in front of the messages of roam, so that it can go on over another link. Source: the wire
// reference, section 2a.2.
namespace parley::wire::roam::stable {

// By it a client comes back to its session; the server makes it.
using Key = std::array<std::uint8_t, 16>;

inline constexpr std::size_t hello_bytes = 25;

struct ClientHello {
  std::optional<Key> key;                      // of the session to go on with; absent: a new one
  std::optional<std::uint32_t> last_received;  // everything up to this number
  friend bool operator==(const ClientHello&, const ClientHello&) = default;
};
struct ServerHello {
  bool is_rejected = false;  // there is no such session
  Key key{};                 // for the next time
  std::optional<std::uint32_t> last_received;
  friend bool operator==(const ServerHello&, const ServerHello&) = default;
};

std::array<std::uint8_t, hello_bytes> encode(const ClientHello& hello);
std::array<std::uint8_t, hello_bytes> encode(const ServerHello& hello);
// Whether a first message is meant as the hello of a client.
bool is_client_hello(ByteView message);
// Errors: message.
Result<ClientHello> read_client_hello(ByteView message);
Result<ServerHello> read_server_hello(ByteView message);

// Every later message on the link: its number, perhaps the number up to which the sender has received everything, and
// the message of the session, up to the end.
struct Frame {
  std::uint32_t number = 0;
  std::optional<std::uint32_t> acknowledged;
  ByteView message;
};
inline constexpr std::size_t frame_head_bytes_max = 11;
std::uint8_t* put_frame_head(std::uint8_t* cursor, std::uint32_t number, std::optional<std::uint32_t> acknowledged);
// Errors: message.
Result<Frame> read_frame(ByteView bytes);

}  // namespace parley::wire::roam::stable
