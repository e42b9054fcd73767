#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "io/uri.h"

namespace parley::net {

// Where an HTTP server is: http://example.org/path and https://, or an address of io/uri.h that leads to a stream.
struct HttpUrl {
  io::Uri uri;         // to dial: tcp, tls, unix or mem
  std::string host;    // for the Host field
  std::string target;  // from the slash on; "/" if nothing is said
};

// Code::uri, unsupported.
Result<HttpUrl> parse_http_url(std::string_view text);

}  // namespace parley::net
