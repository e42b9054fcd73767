#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "net/coded_stream.h"

namespace parley::net {

struct FreeSsl {
  void operator()(SSL* ssl) const { ::SSL_free(ssl); }
};
using SslHandle = std::unique_ptr<SSL, FreeSsl>;

// A stream inside TLS. OpenSSL takes what it decrypts from the stream below itself, and what it encrypts waits in the
// stream's output. An end without close_notify is a failure: somebody may have cut off what was to come.
class TlsStream final : public CodedStream, public GatheringStream {
 public:
  // The connection has its role, and what it expects of its peer. `expected` is whom the certificate must name.
  TlsStream(io::Loop& loop, std::unique_ptr<io::Stream> inner, SslHandle ssl, std::string expected);

  io::Transfer write_both(ByteView first, ByteView second) override;

 private:
  friend struct TlsBio;
  bool open() override;
  io::Transfer decode(std::span<std::uint8_t> into) override;
  bool has_undecoded() const override;
  std::size_t encode(ByteView from) override;
  void encode_end() override;
  io::Transfer explain(int result);

  SslHandle ssl_;
  const std::string expected_;
  io::Transfer::Status below_ = io::Transfer::Status::moved;  // what the last read there came to
  int reads_left_ = 0;                                        // in this call
  bool has_too_many_answers_ = false;
};

}  // namespace parley::net
