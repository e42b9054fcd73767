#pragma once

#include <memory>
#include <string>

#include "io/http.h"
#include "io/loop.h"
#include "net/http_url.h"

namespace parley::net {

class HttpPool;

// Asks one server, whose streams `dialer` opens; see io::HttpClient.
class HttpClient final : public io::HttpClient {
 public:
  HttpClient(io::Loop& loop, std::unique_ptr<io::Dialer> dialer, HttpUrl url, io::HttpClientOptions options);

  using io::HttpClient::open;
  using io::HttpClient::request;
  Task<Result<io::HttpResponse>> request(io::HttpRequest request, Instant until) override;
  Task<Result<std::unique_ptr<io::HttpStream>>> open(io::HttpRequest request, Instant until) override;
  const std::string& target() const override;

 private:
  std::shared_ptr<HttpPool> pool_;
};

}  // namespace parley::net
