#pragma once

#include <cstddef>
#include <memory>
#include <string>

namespace parley::io {

// What a WebSocket carries at one path.
struct WebSocketUse {
  // Empty: that of the loop's options.
  std::string path = {};
  // Bytes written are cut at newlines into text messages without them, and each message that comes is read with a
  // newline behind it. Else messages are binary and stand behind their length, as framed links write and read them.
  bool is_text_lines = false;
  // Of a message that comes. Zero: as the loop's options say.
  std::size_t message_bytes_max = 0;
  // Of the first one. Zero: as any other.
  std::size_t opening_bytes_max = 0;
  // Where it is there: until it is true each message is bounded like the first one.
  std::shared_ptr<const bool> is_let_in = nullptr;
};

}  // namespace parley::io
