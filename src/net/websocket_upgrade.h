#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "io/websocket_options.h"

namespace parley::net {

// How HTTP becomes a WebSocket (RFC 6455 section 4), as functions of the bytes of one head.

// A longer head than this is none that we answer.
inline constexpr std::size_t upgrade_head_bytes_max = 8192;

struct UpgradeTarget {
  std::string host;  // "example.org:443", for the Host field
  std::string path;
};
// `nonce`: 16 bytes that nobody foresees, in base64.
std::string upgrade_request(const UpgradeTarget& target, std::string_view nonce);
std::string upgrade_nonce(std::uint64_t first, std::uint64_t second);

struct UpgradeAnswer {
  std::string bytes;                  // what to send
  std::optional<Error> refusal = {};  // why it is no 101, as its text says too
};
// For the head of a request, or of what should be one.
UpgradeAnswer answer_upgrade(std::string_view head, const io::WebSocketOptions& options);
UpgradeAnswer refuse_long_head();

// Of the answer to the request with that nonce; `behind` is what came behind the head, perhaps the reason of a refusal.
Result<void> check_upgrade(std::string_view head, std::string_view behind, std::string_view nonce);

}  // namespace parley::net
