#include "net/http_head.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <iterator>
#include <span>

namespace parley::net {

namespace {

namespace http = boost::beast::http;
using boost::beast::iequals;

std::string_view as_view(boost::beast::string_view text) { return {text.data(), text.size()}; }

template <bool is_request>
boost::beast::error_code parse(std::string_view head, http::parser<is_request, http::empty_body>& parser) {
  parser.header_limit(static_cast<std::uint32_t>(head.size()) + 1);
  parser.body_limit(boost::none);
  boost::beast::error_code failure;
  parser.put(boost::asio::const_buffer(head.data(), head.size()), failure);
  if (!failure && !parser.is_header_done()) failure = http::error::partial_message;
  return failure;
}

std::vector<io::HttpField> fields_of(const http::fields& read) {
  std::vector<io::HttpField> fields;
  for (const auto& field : read) {
    fields.push_back({std::string(as_view(field.name_string())), std::string(as_view(field.value()))});
  }
  return fields;
}

template <bool is_request>
HttpFraming framing_of(const http::parser<is_request, http::empty_body>& parser) {
  HttpFraming framing;
  framing.is_chunked = parser.chunked();
  if (const auto length = parser.content_length(); length && !framing.is_chunked) framing.content_length = *length;
  return framing;
}

// A body in a coding that nobody asked for, or that ends nowhere, is none that we can tell from what follows it.
bool is_coded_otherwise(const std::vector<io::HttpField>& fields) {
  const std::string* const coding = io::find_field(fields, "Transfer-Encoding");
  return coding && (count_http_fields(fields, "Transfer-Encoding") != 1 || !iequals(*coding, "chunked"));
}

bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) != std::string_view::npos;
  });
}

// Nothing that ends a line or hides from who looks at it.
bool is_in_line(std::string_view text) {
  return std::ranges::none_of(text, [](unsigned char c) { return (c < ' ' && c != '\t') || c == 0x7f; });
}

bool is_of_connection(std::string_view name) {
  return iequals(name, "Content-Length") || iequals(name, "Transfer-Encoding") || iequals(name, "Connection");
}

// A name of the browser's in its address line could be made to mean this machine by whoever owns the name; an address
// cannot, nor localhost.
bool is_known_host(std::string_view host, const std::vector<std::string>& hosts) {
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
  return std::ranges::any_of(hosts, [&](const std::string& known) { return iequals(known, name); });
}

// Whether the page came from where the request goes to. Without TLS that is believed on this machine alone: elsewhere
// somebody on the way could have served a page in the name of this host.
bool is_own_page(std::string_view origin, std::string_view host) {
  constexpr std::string_view plain = "http://";
  constexpr std::string_view secure = "https://";
  if (origin.starts_with(secure)) return iequals(origin.substr(secure.size()), host);
  if (!origin.starts_with(plain) || !iequals(origin.substr(plain.size()), host)) return false;
  const std::string_view name =
      host.starts_with('[') ? host.substr(0, host.find(']') + 1) : host.substr(0, host.find(':'));
  return iequals(name, "localhost") || name == "127.0.0.1" || name == "[::1]";
}

}  // namespace

std::optional<std::size_t> HttpHeadEnd::find(std::string_view bytes) {
  constexpr std::string_view end = "\r\n\r\n";
  const std::size_t at = bytes.find(end, seen_ - std::min(seen_, end.size() - 1));
  seen_ = bytes.size();
  return at == bytes.npos ? std::nullopt : std::optional(at + end.size());
}

std::expected<HttpRequestHead, HttpRefusal> read_http_request(std::string_view head) {
  const auto refused = [](unsigned status, std::string why, Code code = Code::protocol) {
    return std::unexpected(HttpRefusal{status, code, std::move(why)});
  };
  http::request_parser<http::empty_body> parser;
  const auto failure = parse(head, parser);
  if (failure == http::error::bad_transfer_encoding || failure == http::error::bad_content_length ||
      failure == http::error::multiple_content_length) {
    return refused(400, "the length of the body is said in two ways, or wrongly");
  }
  if (failure) return refused(400, "this is no request of HTTP/1.1");
  const auto& message = parser.get();
  HttpRequestHead read;
  io::HttpRequest& request = read.request;
  request.method = as_view(message.method_string());
  request.target = as_view(message.target());
  request.fields = fields_of(message);
  read.framing = framing_of(parser);
  read.is_old = message.version() == 10;
  read.keeps_alive = !read.is_old && parser.keep_alive();
  read.asks_for_websocket = !read.is_old && request.method == "GET" &&
                            has_http_token(request.fields, "Upgrade", "websocket") &&
                            has_http_token(request.fields, "Connection", "upgrade");
  if (count_http_fields(request.fields, "Host") != 1) return refused(400, "a request has one Host");
  if (is_coded_otherwise(request.fields)) {
    return refused(501, "a body is sent as it is or in chunks", Code::unsupported);
  }
  if (const std::string* const expectation = request.find("Expect"); expectation && !read.is_old) {
    if (!iequals(*expectation, "100-continue")) return refused(417, "only 100-continue can be expected");
    read.expects_continue = true;
  }
  return read;
}

Result<HttpResponseHead> read_http_response(std::string_view head) {
  http::response_parser<http::empty_body> parser;
  parser.skip(true);  // nothing is said of a body before it is looked at
  if (parse(head, parser)) return fail(Code::protocol, "the peer does not answer in HTTP/1.1");
  const auto& message = parser.get();
  HttpResponseHead read;
  read.response.status = message.result_int();
  read.response.fields = fields_of(message);
  read.framing = framing_of(parser);
  read.keeps_alive = parser.keep_alive();
  if (is_coded_otherwise(read.response.fields)) {
    return fail(Code::protocol, "the peer's answer has a Transfer-Encoding that nobody asked for");
  }
  return read;
}

std::optional<HttpRefusal> refuse_access(const io::HttpRequest& request, const HttpAccess& access) {
  const std::string* const host = request.find("Host");
  if (!host || !is_known_host(*host, access.hosts)) {
    return HttpRefusal{
        421, Code::refused,
        fmt::format("`{}` is no name of this end: ask for its address or for localhost, or add the name to "
                    "WebSocketOptions::hosts (websocket.hosts of a hub)",
                    host ? shown_in_line(*host) : "")};
  }
  const std::string* const origin = request.find("Origin");
  if (!origin) return std::nullopt;
  const bool is_allowed =
      count_http_fields(request.fields, "Origin") == 1 &&
      (is_own_page(*origin, *host) ||
       std::ranges::any_of(access.origins, [&](const std::string& allowed) { return iequals(allowed, *origin); }));
  if (is_allowed) return std::nullopt;
  return HttpRefusal{
      403, Code::permission,
      fmt::format("pages of `{}` may not connect: add it to WebSocketOptions::origins (websocket.origins of a hub) if "
                  "they should",
                  shown_in_line(*origin))};
}

bool has_http_token(const std::vector<io::HttpField>& fields, std::string_view name, std::string_view token) {
  return std::ranges::any_of(fields, [&](const io::HttpField& field) {
    return iequals(field.name, name) && http::token_list(field.value).exists(token);
  });
}

std::size_t count_http_fields(const std::vector<io::HttpField>& fields, std::string_view name) {
  return static_cast<std::size_t>(
      std::ranges::count_if(fields, [&](const io::HttpField& field) { return iequals(field.name, name); }));
}

std::string shown_in_line(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, 160)) out += c >= ' ' && c <= '~' ? c : '?';
  return out;
}

std::string write_http_response(const io::HttpResponse& response, const HttpAnswerForm& form) {
  const bool is_bodiless = response.status == 204 || response.status == 304;
  std::string out;
  out.reserve(256 + response.body.size());
  const auto add = [&](std::string_view text) {
    for (const char c : text) out += is_in_line({&c, 1}) ? c : '?';
  };
  fmt::format_to(std::back_inserter(out), "HTTP/1.1 {} {}\r\n", response.status, io::http_reason(response.status));
  for (const io::HttpField& field : response.fields) {
    if (is_of_connection(field.name)) continue;
    add(field.name);
    out += ": ";
    add(field.value);
    out += "\r\n";
  }
  if (form.is_chunked && !is_bodiless) {
    out += "Transfer-Encoding: chunked\r\n";
  } else if (form.says_length && !is_bodiless) {
    fmt::format_to(std::back_inserter(out), "Content-Length: {}\r\n", response.body.size());
  }
  if (form.closes) out += "Connection: close\r\n";
  out += "\r\n";
  if (form.has_body && !is_bodiless) out += response.body;
  return out;
}

io::HttpResponse response_of(const HttpRefusal& refusal) {
  return {refusal.status, {{"Content-Type", "text/plain; charset=utf-8"}}, refusal.why + "\n"};
}

Result<std::string> write_http_request(const io::HttpRequest& request, std::string_view host) {
  if (!is_token(request.method)) return fail(Code::invalid, "a method is a word, such as GET");
  const bool is_path = (request.target.starts_with('/') || request.target == "*") &&
                       std::ranges::all_of(request.target, [](unsigned char c) { return c > ' ' && c < 0x7f; });
  if (!is_path) {
    return fail(Code::invalid, fmt::format("the target `{}` is no path: it begins with a slash, and blanks and the "
                                           "like are written as %20",
                                           shown_in_line(request.target)));
  }
  std::string out = fmt::format("{} {} HTTP/1.1\r\n", request.method, request.target);
  if (!request.find("Host")) fmt::format_to(std::back_inserter(out), "Host: {}\r\n", host);
  for (const io::HttpField& field : request.fields) {
    if (is_of_connection(field.name)) continue;
    if (!is_token(field.name) || !is_in_line(field.value)) {
      return fail(Code::invalid, fmt::format("the field `{}` has a byte that no field has", shown_in_line(field.name)));
    }
    fmt::format_to(std::back_inserter(out), "{}: {}\r\n", field.name, field.value);
  }
  const bool has_length = !request.body.empty() || !(request.method == "GET" || request.method == "HEAD");
  if (has_length) fmt::format_to(std::back_inserter(out), "Content-Length: {}\r\n", request.body.size());
  out += "\r\n";
  return out += request.body;
}

}  // namespace parley::net
