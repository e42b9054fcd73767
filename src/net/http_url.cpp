#include "net/http_url.h"

#include <fmt/format.h>

#include <utility>

namespace parley::net {

namespace {

using Kind = io::Uri::Kind;

// Without the port where that is the scheme's.
std::string host_of(const io::Uri& uri) {
  if (!uri.has_port()) return "localhost";
  const bool is_usual = uri.port == (uri.kind == Kind::tls ? 443 : 80);
  const std::string text = io::host_and_port(uri);
  return is_usual ? text.substr(0, text.rfind(':')) : text;
}

bool has_port(std::string_view authority) {
  const std::size_t colon = authority.rfind(':');
  return colon != authority.npos && authority.find(']', colon) == authority.npos;
}

}  // namespace

Result<HttpUrl> parse_http_url(std::string_view text) {
  constexpr std::string_view plain = "http://";
  constexpr std::string_view secure = "https://";
  const bool is_secure = text.starts_with(secure);
  HttpUrl url{.uri = {}, .host = {}, .target = "/"};
  if (is_secure || text.starts_with(plain)) {
    std::string_view rest = text.substr(is_secure ? secure.size() : plain.size());
    rest = rest.substr(0, rest.find('#'));
    const std::size_t end = std::min(rest.find('/'), rest.find('?'));
    const std::string_view authority = rest.substr(0, end);
    if (end < rest.size()) url.target = (rest[end] == '?' ? "/" : "") + std::string(rest.substr(end));
    const std::string_view port = has_port(authority) ? "" : is_secure ? ":443" : ":80";
    PARLEY_TRY(url.uri, io::parse_uri(fmt::format("{}:{}{}", is_secure ? "tls" : "tcp", authority, port)));
  } else {
    PARLEY_TRY(url.uri, io::parse_uri(text));
    if (url.uri.kind != Kind::tcp && url.uri.kind != Kind::tls && url.uri.kind != Kind::unix_socket &&
        url.uri.kind != Kind::memory) {
      return fail(Code::unsupported,
                  "HTTP is asked at http://127.0.0.1:8080/path, https:, or at unix:, tcp:, tls: or "
                  "mem: addresses, not at " +
                      io::to_string(url.uri));
    }
  }
  url.host = host_of(url.uri);
  return url;
}

}  // namespace parley::net
