#include <algorithm>
#include <utility>

#include "net/websocket_stream.h"

// The side of WebSocketStream that carries text lines.
namespace parley::net {

namespace {

// How many bytes follow the first one of a scalar, and between what the second lies; none where it begins none.
struct Following {
  int count = -1;
  std::uint8_t low = 0x80;
  std::uint8_t high = 0xbf;
};

Following following(std::uint8_t first) {
  if (first < 0x80) return {0};
  if (first >= 0xc2 && first <= 0xdf) return {1};
  if (first == 0xe0) return {2, 0xa0};        // shorter ones have fewer bytes
  if (first == 0xed) return {2, 0x80, 0x9f};  // no surrogates
  if (first >= 0xe1 && first <= 0xef) return {2};
  if (first == 0xf0) return {3, 0x90};
  if (first >= 0xf1 && first <= 0xf3) return {3};
  if (first == 0xf4) return {3, 0x80, 0x8f};  // not beyond U+10FFFF
  return {};
}

}  // namespace

bool is_websocket_text(ByteView bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    Following rest = following(bytes[at++]);
    if (rest.count < 0 || bytes.size() - at < static_cast<std::size_t>(rest.count)) return false;
    for (; rest.count > 0; --rest.count, ++at) {
      if (bytes[at] < rest.low || bytes[at] > rest.high) return false;
      rest.low = 0x80;
      rest.high = 0xbf;
    }
  }
  return true;
}

// A message has come whole.
bool WebSocketStream::end_line() {
  if (is_text_ && !is_websocket_text(assembled_)) {
    return refuse(websocket_close::bad_text, {Code::protocol, "a text message that is no UTF-8"});
  }
  if (assembled_.empty() || assembled_.back() != '\n') assembled_.push_back('\n');
  is_assembled_ = true;
  return true;
}

// What is taken of a line now is a frame, which says whether that was its rest: nobody has to write the rest, and
// nobody has to keep it.
std::size_t WebSocketStream::encode_lines(ByteView from) {
  std::size_t taken = 0;
  while (taken < from.size() && out().size() < websocket_write_bytes_max) {
    const ByteView rest = from.subspan(taken, std::min(from.size() - taken, websocket_write_bytes_max - out().size()));
    const auto newline = std::ranges::find(rest, std::uint8_t{'\n'});
    const bool is_last = newline != rest.end();
    const auto size = static_cast<std::size_t>(newline - rest.begin());
    taken += size + (is_last ? 1 : 0);
    if (size == 0 && !is_line_begun_) continue;
    begin_frame(is_line_begun_ ? WebSocketOpcode::more : WebSocketOpcode::text, size, is_last);
    put(rest.first(size), 0);
    is_line_begun_ = !is_last;
  }
  return taken;
}

}  // namespace parley::net
