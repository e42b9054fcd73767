#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "io/http.h"

namespace parley::net {

// The heads of HTTP/1.1 messages (RFC 9112), as functions of their bytes: from the first line to the blank one, which
// is included.

// Where a head ends in bytes that come bit by bit: each is looked at once.
class HttpHeadEnd {
 public:
  // Of all that has come since the beginning of the head; the size of the head, or nothing while that has not come.
  std::optional<std::size_t> find(std::string_view bytes);

 private:
  std::size_t seen_ = 0;
};

// Why a message is answered with an error instead of being served.
struct HttpRefusal {
  unsigned status = 400;
  Code code = Code::protocol;
  std::string why;
};

// How long a body is.
struct HttpFraming {
  bool is_chunked = false;
  std::optional<std::uint64_t> content_length;
};

struct HttpRequestHead {
  io::HttpRequest request;  // without a body
  HttpFraming framing;
  bool is_old = false;  // HTTP/1.0
  bool keeps_alive = false;
  bool expects_continue = false;
  bool asks_for_websocket = false;
};
std::expected<HttpRequestHead, HttpRefusal> read_http_request(std::string_view head);

struct HttpResponseHead {
  io::HttpResponse response;  // without a body
  HttpFraming framing;
  bool keeps_alive = false;
};
Result<HttpResponseHead> read_http_response(std::string_view head);

// Whom we answer at all. Pages of other sites reach a program on the user's machine through his browser: that is why
// the browser says for which host it asks, and whose page does.
struct HttpAccess {
  std::vector<std::string> hosts;    // names of this end; localhost and every numeric address are known without
  std::vector<std::string> origins;  // sites whose pages may ask
};
std::optional<HttpRefusal> refuse_access(const io::HttpRequest& request, const HttpAccess& access);

// Whether one of the fields of that name, which are lists, has the token; both in whatever case.
bool has_http_token(const std::vector<io::HttpField>& fields, std::string_view name, std::string_view token);
std::size_t count_http_fields(const std::vector<io::HttpField>& fields, std::string_view name);

// What a peer wrote, in a line of ours.
std::string shown_in_line(std::string_view text);

// --- out

struct HttpAnswerForm {
  bool is_chunked = false;  // else the length is that of the body, or known to nobody if that is not said
  bool says_length = true;
  bool has_body = true;  // no answer to HEAD has, nor 204 and 304
  bool closes = false;
};
// Head, and body if there is one in the response.
std::string write_http_response(const io::HttpResponse& response, const HttpAnswerForm& form);
// As text/plain, and behind it the connection ends.
io::HttpResponse response_of(const HttpRefusal& refusal);

// With Host and Content-Length, where they are not said. Code::invalid: it would be read as something else.
Result<std::string> write_http_request(const io::HttpRequest& request, std::string_view host);

}  // namespace parley::net
