#include "sim/sim_loop.h"

#include <utility>

#include "io/uri.h"

namespace parley::sim {

// The text under which the network knows the place.
Result<std::string> SimLoop::place_of(std::string_view text, bool is_listening) {
  if (text.starts_with("sim:")) {
    if (text == "sim:") return fail(Code::uri, "sim: lacks the name; write sim:name");
    return std::string(text);
  }
  PARLEY_TRY(io::Uri uri, io::parse_uri(text));
  if (uri.kind == io::Uri::Kind::stdio || uri.kind == io::Uri::Kind::descriptor) {
    return fail(Code::unsupported, "a simulated network has no " + io::to_string(uri));
  }
  if (is_listening && uri.has_port() && uri.port == 0) uri.port = next_port_++;
  return io::to_string(uri);
}

Result<std::unique_ptr<io::Listener>> SimLoop::listen(std::string_view uri) {
  if (!network_) return io::Loop::listen(uri);
  PARLEY_TRY(std::string place, place_of(uri, true));
  return network_->listen(std::move(place));
}

Result<std::unique_ptr<io::Dialer>> SimLoop::dialer(std::string_view uri) {
  if (!network_) return io::Loop::dialer(uri);
  PARLEY_TRY(std::string place, place_of(uri, false));
  return network_->dialer(std::move(place));
}

}  // namespace parley::sim
