#include "net/websocket_upgrade.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <cstring>
#include <span>

namespace parley::net {

namespace {

namespace http = boost::beast::http;
using boost::beast::iequals;

constexpr std::string_view magic = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

std::string base64(ByteView bytes) {
  std::string text((bytes.size() + 2) / 3 * 4, '\0');
  // One byte more is written, a zero where the string has its own.
  ::EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes.data(), static_cast<int>(bytes.size()));
  return text;
}

std::string accept_of(std::string_view nonce) {
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  const std::string text = std::string(nonce).append(magic);
  const int done = ::EVP_Digest(text.data(), text.size(), digest.data(), &size, ::EVP_sha1(), nullptr);
  PARLEY_ASSERT(done == 1);
  return base64({digest.data(), size});
}

// Sixteen bytes in base64.
bool is_nonce(std::string_view text) {
  constexpr std::size_t size = 24;
  if (text.size() != size || !text.ends_with("==")) return false;
  return std::ranges::all_of(text.substr(0, size - 2), [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
  });
}

// What a peer wrote, in a line of ours.
std::string shown(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, 160)) out += c >= ' ' && c <= '~' ? c : '?';
  return out;
}

template <bool is_request>
bool parse(std::string_view head, http::parser<is_request, http::empty_body>& parser) {
  parser.header_limit(upgrade_head_bytes_max);
  parser.body_limit(boost::none);
  boost::beast::error_code failure;
  parser.put(boost::asio::const_buffer(head.data(), head.size()), failure);
  return !failure && parser.is_header_done();
}

std::string_view as_view(boost::beast::string_view text) { return {text.data(), text.size()}; }

// A name of the browser's in its address line could be made to mean this machine by whoever owns the name; an address
// cannot, nor localhost.
bool is_known_host(std::string_view host, const io::WebSocketOptions& options) {
  const bool is_bracketed = host.starts_with('[');
  const std::size_t end = is_bracketed ? host.find(']') : host.find(':');
  if (is_bracketed && end == host.npos) return false;
  const std::string name(is_bracketed ? host.substr(1, end - 1) : host.substr(0, end));
  const std::string_view port =
      end == host.npos ? std::string_view() : host.substr(is_bracketed ? end + 1 : end);  // with its colon
  if (!port.empty() &&
      (!port.starts_with(':') || !std::ranges::all_of(port.substr(1), [](char c) { return c >= '0' && c <= '9'; }))) {
    return false;
  }
  std::array<std::uint8_t, 16> address;
  if (is_bracketed) return ::inet_pton(AF_INET6, name.c_str(), address.data()) == 1;
  if (iequals(name, "localhost") || ::inet_pton(AF_INET, name.c_str(), address.data()) == 1) return true;
  return std::ranges::any_of(options.hosts, [&](const std::string& known) { return iequals(known, name); });
}

UpgradeAnswer refusal(unsigned status, std::string_view reason, Code code, const std::string& why,
                      std::string_view fields = {}) {
  const std::string text = why + "\n";
  return {fmt::format("HTTP/1.1 {} {}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n{}"
                      "Connection: close\r\n\r\n{}",
                      status, reason, text.size(), fields, text),
          Error{code, fmt::format("no WebSocket was opened ({} {}): {}", status, reason, why)}};
}

}  // namespace

std::optional<std::size_t> upgrade_head_size(ByteView bytes) {
  const std::size_t at = as_text(bytes).find("\r\n\r\n");
  return at == std::string_view::npos ? std::nullopt : std::optional(at + 4);
}

std::string upgrade_nonce(std::uint64_t first, std::uint64_t second) {
  std::array<std::uint8_t, 16> bytes;
  std::memcpy(bytes.data(), &first, sizeof first);
  std::memcpy(bytes.data() + sizeof first, &second, sizeof second);
  return base64(bytes);
}

std::string upgrade_request(const UpgradeTarget& target, std::string_view nonce) {
  return fmt::format(
      "GET {} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {}\r\n"
      "Sec-WebSocket-Version: 13\r\n\r\n",
      target.path, target.host, nonce);
}

UpgradeAnswer refuse_long_head() {
  return refusal(431, "Request Header Fields Too Large", Code::too_large,
                 fmt::format("the head of a request is at most {} bytes", upgrade_head_bytes_max));
}

UpgradeAnswer answer_upgrade(std::string_view head, const io::WebSocketOptions& options) {
  http::request_parser<http::empty_body> parser;
  if (!parse(head, parser)) return refusal(400, "Bad Request", Code::protocol, "this is no request of HTTP/1.1");
  const auto& request = parser.get();
  const std::string_view target = as_view(request.target());
  const auto count = [&](http::field field) { return request.count(field); };
  if (request.version() != 11 || count(http::field::host) != 1) {
    return refusal(400, "Bad Request", Code::protocol, "a request is of HTTP/1.1 and has one Host");
  }
  if (const std::string_view host = as_view(request[http::field::host]); !is_known_host(host, options)) {
    return refusal(421, "Misdirected Request", Code::refused,
                   fmt::format("`{}` is no name of this end: ask for its address or for localhost, or add the name to "
                               "WebSocketOptions::hosts (websocket.hosts of a hub)",
                               shown(host)));
  }
  if (const std::string_view origin = as_view(request[http::field::origin]); count(http::field::origin) != 0) {
    const bool is_allowed =
        count(http::field::origin) == 1 &&
        std::ranges::any_of(options.origins, [&](const std::string& allowed) { return iequals(allowed, origin); });
    if (!is_allowed) {
      return refusal(
          403, "Forbidden", Code::permission,
          fmt::format("pages of `{}` may not connect: add it to WebSocketOptions::origins (websocket.origins of a "
                      "hub) if they should",
                      shown(origin)));
    }
  }
  if (target.substr(0, target.find('?')) != options.path) {
    return refusal(404, "Not Found", Code::not_found,
                   fmt::format("there is nothing at `{}`; a WebSocket is opened at {}", shown(target), options.path));
  }
  if (request.method() != http::verb::get) {
    return refusal(405, "Method Not Allowed", Code::protocol, "a WebSocket is opened with GET", "Allow: GET\r\n");
  }
  const auto has_token = [&](http::field field, const char* token) {
    return http::token_list(request[field]).exists(token);
  };
  if (!has_token(http::field::upgrade, "websocket") || !has_token(http::field::connection, "upgrade")) {
    return refusal(426, "Upgrade Required", Code::protocol, "only a WebSocket is opened here, with Upgrade: websocket",
                   "Upgrade: websocket\r\n");
  }
  if (as_view(request[http::field::sec_websocket_version]) != "13") {
    return refusal(426, "Upgrade Required", Code::version, "the version of WebSocket is 13",
                   "Sec-WebSocket-Version: 13\r\n");
  }
  const std::string_view nonce = as_view(request[http::field::sec_websocket_key]);
  if (count(http::field::sec_websocket_key) != 1 || !is_nonce(nonce)) {
    return refusal(400, "Bad Request", Code::protocol, "Sec-WebSocket-Key is sixteen bytes in base64");
  }
  if (count(http::field::content_length) != 0 || count(http::field::transfer_encoding) != 0) {
    return refusal(400, "Bad Request", Code::protocol, "this request has no body");
  }
  return {
      fmt::format("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                  "Sec-WebSocket-Accept: {}\r\n\r\n",
                  accept_of(nonce))};
}

Result<void> check_upgrade(std::string_view head, std::string_view behind, std::string_view nonce) {
  http::response_parser<http::empty_body> parser;
  parser.skip(true);  // nothing is said of a body before it is looked at
  if (!parse(head, parser)) return fail(Code::protocol, "the peer does not answer in HTTP/1.1");
  const auto& answer = parser.get();
  if (answer.result_int() != 101) {
    const std::string_view reason = behind.substr(0, behind.find('\n'));
    const unsigned status = answer.result_int();
    return fail(status == 404 ? Code::not_found : Code::rejected,
                fmt::format("the peer opens no WebSocket: {} {}{}{}", status, shown(as_view(answer.reason())),
                            reason.empty() ? "" : ": ", shown(reason)));
  }
  if (!http::token_list(answer[http::field::upgrade]).exists("websocket") ||
      !http::token_list(answer[http::field::connection]).exists("upgrade")) {
    return fail(Code::protocol, "the peer changes to something that is no WebSocket");
  }
  if (as_view(answer[http::field::sec_websocket_accept]) != accept_of(nonce)) {
    return fail(Code::protocol, "the peer's Sec-WebSocket-Accept does not fit our key");
  }
  if (answer.count(http::field::sec_websocket_extensions) != 0 ||
      answer.count(http::field::sec_websocket_protocol) != 0) {
    return fail(Code::protocol, "the peer chose an extension or a subprotocol that nobody offered");
  }
  return {};
}

}  // namespace parley::net
