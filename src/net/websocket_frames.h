#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/bytes.h"

namespace parley::net {

// The frames of RFC 6455 section 5, as far as both ends of a WebSocket share them.
enum class WebSocketOpcode : std::uint8_t { more = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

namespace websocket_close {
inline constexpr std::uint16_t normal = 1000;
inline constexpr std::uint16_t going_away = 1001;
inline constexpr std::uint16_t protocol_error = 1002;
inline constexpr std::uint16_t unsupported_data = 1003;
inline constexpr std::uint16_t bad_text = 1007;
inline constexpr std::uint16_t too_big = 1009;
// Whether a peer may send it.
bool may_be_sent(std::uint16_t code);
}  // namespace websocket_close

inline constexpr std::size_t websocket_head_bytes_max = 14;
// So much is put together for one write.
inline constexpr std::size_t websocket_write_bytes_max = std::size_t{64} << 10;
inline constexpr std::size_t websocket_control_bytes_max = 125;

using WebSocketMask = std::array<std::uint8_t, 4>;

struct WebSocketHead {
  WebSocketOpcode opcode = WebSocketOpcode::binary;
  bool is_last = true;
  bool is_masked = false;
  WebSocketMask mask{};
  std::uint64_t size = 0;  // of the payload

  bool is_control() const { return static_cast<std::uint8_t>(opcode) >= 8; }
};

struct WebSocketHeadRead {
  enum class Status : std::uint8_t { whole, cut_off, wrong };
  Status status = Status::cut_off;
  std::size_t bytes = 0;        // of a whole one
  const char* wrong = nullptr;  // what is
  WebSocketHead head = {};
};
WebSocketHeadRead read_websocket_head(ByteView bytes);

// Behind the end of what was written.
std::uint8_t* write_websocket_head(std::uint8_t* into, const WebSocketHead& head);

// Copies `from` masked, and
void copy_websocket_masked(std::uint8_t* into, ByteView from, const WebSocketMask& mask, std::uint64_t at);
// masks or unmasks in place; `at` is where in the payload the bytes lie.
void apply_websocket_mask(std::span<std::uint8_t> bytes, const WebSocketMask& mask, std::uint64_t at);

// Whether all of it is UTF-8 (RFC 3629).
bool is_websocket_text(ByteView bytes);

}  // namespace parley::net
