#include "net/websocket_upgrade.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>
#include <vector>

#include "io/http.h"
#include "net/http_head.h"

namespace parley::net {

namespace {

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

UpgradeAnswer refusal(const HttpRefusal& refused, std::vector<io::HttpField> fields = {}) {
  io::HttpResponse response = response_of(refused);
  std::ranges::move(fields, std::back_inserter(response.fields));
  return {write_http_response(response, {.closes = true}),
          Error{refused.code, fmt::format("no WebSocket was opened ({} {}): {}", refused.status,
                                          io::http_reason(refused.status), refused.why)}};
}

}  // namespace

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
  return refusal(
      {431, Code::too_large, fmt::format("the head of a request is at most {} bytes", upgrade_head_bytes_max)});
}

UpgradeAnswer answer_upgrade(std::string_view head, const io::WebSocketOptions& options) {
  const auto read = read_http_request(head);
  if (!read) return refusal(read.error());
  const io::HttpRequest& request = read->request;
  if (read->is_old) return refusal({400, Code::protocol, "this is no request of HTTP/1.1"});
  if (const auto refused = refuse_access(request, {options.hosts, options.origins})) return refusal(*refused);
  if (request.path() != options.path) {
    return refusal({404, Code::not_found,
                    fmt::format("there is nothing at `{}`; a WebSocket is opened at {}", shown_in_line(request.target),
                                options.path)});
  }
  if (request.method != "GET") {
    return refusal({405, Code::protocol, "a WebSocket is opened with GET"}, {{"Allow", "GET"}});
  }
  if (!read->asks_for_websocket) {
    return refusal({426, Code::protocol, "only a WebSocket is opened here, with Upgrade: websocket"},
                   {{"Upgrade", "websocket"}});
  }
  const std::string* const version = request.find("Sec-WebSocket-Version");
  if (!version || *version != "13") {
    return refusal({426, Code::version, "the version of WebSocket is 13"}, {{"Sec-WebSocket-Version", "13"}});
  }
  const std::string* const nonce = request.find("Sec-WebSocket-Key");
  if (count_http_fields(request.fields, "Sec-WebSocket-Key") != 1 || !is_nonce(*nonce)) {
    return refusal({400, Code::protocol, "Sec-WebSocket-Key is sixteen bytes in base64"});
  }
  if (read->framing.is_chunked || read->framing.content_length) {
    return refusal({400, Code::protocol, "this request has no body"});
  }
  return {
      fmt::format("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                  "Sec-WebSocket-Accept: {}\r\n\r\n",
                  accept_of(*nonce))};
}

Result<void> check_upgrade(std::string_view head, std::string_view behind, std::string_view nonce) {
  PARLEY_TRY(const HttpResponseHead answer, read_http_response(head));
  const std::vector<io::HttpField>& fields = answer.response.fields;
  if (answer.response.status != 101) {
    const std::string_view reason = behind.substr(0, behind.find('\n'));
    const unsigned status = answer.response.status;
    return fail(status == 404 ? Code::not_found : Code::rejected,
                fmt::format("the peer opens no WebSocket: {} {}{}{}", status, io::http_reason(status),
                            reason.empty() ? "" : ": ", shown_in_line(reason)));
  }
  if (!has_http_token(fields, "Upgrade", "websocket") || !has_http_token(fields, "Connection", "upgrade")) {
    return fail(Code::protocol, "the peer changes to something that is no WebSocket");
  }
  const std::string* const accepted = answer.response.find("Sec-WebSocket-Accept");
  if (!accepted || *accepted != accept_of(nonce)) {
    return fail(Code::protocol, "the peer's Sec-WebSocket-Accept does not fit our key");
  }
  if (answer.response.find("Sec-WebSocket-Extensions") || answer.response.find("Sec-WebSocket-Protocol")) {
    return fail(Code::protocol, "the peer chose an extension or a subprotocol that nobody offered");
  }
  return {};
}

}  // namespace parley::net
