#include "io/uri.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace parley::io {

namespace {

constexpr std::size_t uri_bytes_max = 4096;
constexpr std::size_t host_bytes_max = 255;
constexpr std::size_t name_bytes_max = 128;
constexpr std::string_view default_path = "/roam";

// What is quoted in an error: printable, and not longer than a line.
std::string shown(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, 80)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return text.size() > 80 ? out + "..." : out;
}

template <class... Values>
std::unexpected<Error> wrong(fmt::format_string<Values...> form, Values&&... values) {
  return fail(Code::uri, fmt::format(form, std::forward<Values>(values)...));
}

// Decimal digits only, without sign or blanks; leading zeros would make two texts of one number.
bool read_number(std::string_view text, std::uint32_t max, std::uint32_t& number) {
  if (text.empty() || (text.size() > 1 && text.front() == '0')) return false;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  return failure == std::errc() && end == text.data() + text.size() && number <= max;
}

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

Result<Uri> parse_unix(std::string_view path) {
  constexpr std::string_view form = "write unix:/tmp/app.sock";
  if (path.starts_with("//")) {
    if (!path.starts_with("///")) return wrong("unix: names no host, so `{}` is not a path; {}", shown(path), form);
    path.remove_prefix(2);
  }
  while (path.starts_with("//")) path.remove_prefix(1);  // so that what is printed reads as the same again
  if (path.empty()) return wrong("unix: lacks the path; {}", form);
  if (path.front() != '/') return wrong("the path `{}` does not start with a slash; {}", shown(path), form);
  if (path.find('\0') != path.npos) return wrong("the path `{}` contains a zero byte; {}", shown(path), form);
  const std::string_view file = path.substr(path.rfind('/') + 1);
  if (file.empty() || file == "." || file == "..") {
    return wrong("the path `{}` ends in a directory, not in a file name; {}", shown(path), form);
  }
  Uri uri{.kind = Uri::Kind::unix_socket};
  uri.name = path;
  return uri;
}

// `scheme` is one of those with a host and a port.
Result<Uri> parse_tcp(std::string_view scheme, std::string_view rest) {
  const std::string form = fmt::format("write {0}:127.0.0.1:4711, {0}:[::1]:4711 or {0}:example.org:4711", scheme);
  if (rest.starts_with("//")) return wrong("no slashes follow {}: ; {}", scheme, form);
  std::string_view host;
  std::string_view port;
  if (rest.starts_with('[')) {
    const std::size_t close = rest.find(']');
    if (close == rest.npos) return wrong("the bracket of the host `{}` is not closed; {}", shown(rest), form);
    host = rest.substr(1, close - 1);
    if (host.find(':') == host.npos) {
      return wrong("brackets are for IPv6 addresses, and `{}` is none; {}", shown(host), form);
    }
    port = rest.substr(close + 1);
    if (!port.starts_with(':')) return wrong("the port is missing behind `[{}]`; {}", shown(host), form);
    port.remove_prefix(1);
  } else {
    const std::size_t colon = rest.rfind(':');
    if (colon == rest.npos) return wrong("the port is missing behind `{}`; {}", shown(rest), form);
    host = rest.substr(0, colon);
    port = rest.substr(colon + 1);
    if (host.find(':') != host.npos) {
      return wrong("an IPv6 address stands in brackets, unlike `{}`; {}", shown(rest), form);
    }
  }
  if (host.empty()) return wrong("the host is missing before the port; {}", form);
  if (host.size() > host_bytes_max) return wrong("the host is longer than {} bytes; {}", host_bytes_max, form);
  const bool is_plain = std::all_of(host.begin(), host.end(), [](char c) {
    return is_letter_or_digit(c) || c == '.' || c == '-' || c == '_' || c == ':' || c == '%';
  });
  if (!is_plain) return wrong("the host `{}` has a character that no host has; {}", shown(host), form);
  std::uint32_t number = 0;
  if (!read_number(port, 65535, number)) {
    return wrong("the port `{}` is not a number from 0 to 65535; {}", shown(port), form);
  }
  Uri uri{.kind = Uri::Kind::tcp};
  uri.name = host;
  uri.port = static_cast<std::uint16_t>(number);
  return uri;
}

// The path goes into the first line of a request as it is.
Result<Uri> parse_websocket(std::string_view scheme, std::string_view rest) {
  const std::size_t slash = rest.starts_with("//") ? rest.npos : rest.find('/');
  const std::string_view path = slash == rest.npos ? default_path : rest.substr(slash);
  const bool is_plain = std::all_of(path.begin(), path.end(), [](char c) {
    return is_letter_or_digit(c) || std::string_view("-._~!$&'()*+,;=:@/?%").find(c) != std::string_view::npos;
  });
  if (!is_plain) {
    return wrong("the path `{}` has a character that must be written as %20 and the like; write {}:127.0.0.1:80/roam",
                 shown(path), scheme);
  }
  PARLEY_TRY(Uri uri, parse_tcp(scheme, rest.substr(0, slash)));
  uri.kind = scheme == "ws" ? Uri::Kind::websocket : Uri::Kind::websocket_tls;
  uri.path = path;
  return uri;
}

Result<Uri> parse_memory(std::string_view name) {
  constexpr std::string_view form = "write mem:name";
  if (name.empty()) return wrong("mem: lacks the name; {}", form);
  if (name.size() > name_bytes_max) return wrong("the name is longer than {} bytes; {}", name_bytes_max, form);
  const bool is_plain = std::all_of(name.begin(), name.end(), [](char c) {
    return is_letter_or_digit(c) || c == '_' || c == '.' || c == ':' || c == '/' || c == '-';
  });
  if (!is_plain || !(is_letter_or_digit(name.front()) || name.front() == '_')) {
    return wrong("the name `{}` is not made of letters, digits and _ . : / - after a letter, digit or _; {}",
                 shown(name), form);
  }
  Uri uri{.kind = Uri::Kind::memory};
  uri.name = name;
  return uri;
}

}  // namespace

Result<Uri> parse_uri(std::string_view text) {
  if (text.size() > uri_bytes_max) return wrong("an address is at most {} bytes, not {}", uri_bytes_max, text.size());
  const std::size_t colon = text.find(':');
  const std::string_view scheme = text.substr(0, colon);
  const std::string_view rest = colon == text.npos ? std::string_view() : text.substr(colon + 1);
  if (colon == text.npos) {
    if (text.starts_with('/')) return wrong("`{0}` lacks its scheme; write unix:{0}", shown(text));
    return wrong("`{}` has no scheme; write unix:/tmp/app.sock, tcp:127.0.0.1:4711, stdio:, fd:3 or mem:name",
                 shown(text));
  }
  if (scheme == "unix") return parse_unix(rest);
  if (scheme == "tcp") return parse_tcp(scheme, rest);
  if (scheme == "ws" || scheme == "wss") return parse_websocket(scheme, rest);
  if (scheme == "tls") {
    PARLEY_TRY(Uri uri, parse_tcp(scheme, rest));
    uri.kind = Uri::Kind::tls;
    return uri;
  }
  if (scheme == "mem") return parse_memory(rest);
  if (scheme == "stdio") {
    if (!rest.empty()) return wrong("nothing follows stdio: , unlike `{}`; write stdio:", shown(rest));
    return Uri{.kind = Uri::Kind::stdio};
  }
  if (scheme == "fd") {
    std::uint32_t number = 0;
    if (!read_number(rest, 1u << 30, number)) {
      return wrong("`{}` is not the number of a descriptor; write fd:3", shown(rest));
    }
    Uri uri{.kind = Uri::Kind::descriptor};
    uri.descriptor = static_cast<int>(number);
    return uri;
  }
  return wrong(
      "the scheme `{}` is none of unix, tcp, tls, ws, wss, stdio, fd, mem; write for instance unix:/tmp/app.sock",
      shown(scheme));
}

std::string host_and_port(const Uri& uri) {
  return uri.name.find(':') == uri.name.npos ? fmt::format("{}:{}", uri.name, uri.port)
                                             : fmt::format("[{}]:{}", uri.name, uri.port);
}

std::string to_string(const Uri& uri) {
  switch (uri.kind) {
    case Uri::Kind::unix_socket: return "unix:" + uri.name;
    case Uri::Kind::tcp: return "tcp:" + host_and_port(uri);
    case Uri::Kind::tls: return "tls:" + host_and_port(uri);
    case Uri::Kind::websocket: return fmt::format("ws:{}{}", host_and_port(uri), uri.path);
    case Uri::Kind::websocket_tls: return fmt::format("wss:{}{}", host_and_port(uri), uri.path);
    case Uri::Kind::stdio: return "stdio:";
    case Uri::Kind::descriptor: return fmt::format("fd:{}", uri.descriptor);
    case Uri::Kind::memory: return "mem:" + uri.name;
  }
  return {};
}

}  // namespace parley::io
