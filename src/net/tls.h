#pragma once

#include <memory>
#include <string>

#include "io/loop.h"
#include "io/stream.h"
#include "io/tls_options.h"

namespace parley::net {

// Puts TLS over streams, as its options say. Reads their files when the first stream needs them, and again on
// reload(); streams that are there keep what they began with. TLS 1.3, or 1.2 where allowed; no renegotiation, no
// resumption, no ALPN. On one loop; it outlives nobody: streams hold what they need.
class Tls {
 public:
  explicit Tls(io::TlsOptions options);
  ~Tls();

  // The end that is come to. Errors, of check_acceptor() too: unsupported (there is no certificate), invalid,
  // not_found.
  Result<void> check_acceptor();
  Result<std::unique_ptr<io::Stream>> accept(io::Loop& loop, std::unique_ptr<io::Stream>& stream);
  // The end that goes; `host` is whom the certificate has to name, unless the options say another.
  Result<std::unique_ptr<io::Stream>> dial(io::Loop& loop, std::unique_ptr<io::Stream>& stream,
                                           const std::string& host);

  // Handshakes from now on go by what the files say now. On an error those from before stay.
  Result<void> reload();

 private:
  class Context;
  Result<void> load(std::unique_ptr<Context>& context, bool is_acceptor) const;

  const io::TlsOptions options_;
  std::unique_ptr<Context> acceptor_;
  std::unique_ptr<Context> dialer_;
};

}  // namespace parley::net
