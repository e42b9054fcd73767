#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "base/instant.h"

namespace parley::io {

// Who may open a WebSocket here. Pages of other sites reach a program on the user's machine through his browser: that
// is why the browser says for which host it asks, and whose page does.
struct WebSocketOptions {
  std::string path = "/roam";
  bool is_text_lines = false;  // see WebSocketUse
  // Names, without port, under which we may be asked for; localhost and every numeric address are known without.
  std::vector<std::string> hosts;
  // Sites whose pages may connect, as browsers say it: "https://app.example.org". What is no browser says none, and
  // may.
  std::vector<std::string> origins;
  // A message that comes in fragments is put together before it is passed on: so long may the first and any other be.
  // `parley hub` has those of its limits here.
  std::size_t opening_bytes_max = std::size_t{64} << 10;
  std::size_t message_bytes_max = std::size_t{64} << 20;
  std::shared_ptr<const bool> is_let_in = nullptr;  // see WebSocketUse
  // Who has been silent for so long is pinged, and who then stays silent as long has gone. Zero: never.
  Duration keepalive = std::chrono::seconds(15);
};

}  // namespace parley::io
