#include "net/tls.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "net/tls_names.h"
#include "net/tls_stream.h"

namespace parley::net {

namespace {

// So much is read from the system at once; one buffer of a connection.
constexpr std::size_t read_ahead_bytes = std::size_t{32} << 10;

struct FreeContext {
  void operator()(SSL_CTX* context) const { ::SSL_CTX_free(context); }
};

std::unexpected<Error> bad_file(std::string_view what, const std::string& path) {
  std::error_code none;
  if (!std::filesystem::exists(path, none)) {
    return fail(Code::not_found, fmt::format("the file of {}, {}, is not there", what, path));
  }
  return fail(Code::invalid, fmt::format("the file of {}, {}, cannot be used: {}; it has to be PEM and readable", what,
                                         path, tls_reason()));
}

bool is_numeric(const std::string& host) {
  std::array<std::uint8_t, 16> address;
  return ::inet_pton(AF_INET, host.c_str(), address.data()) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), address.data()) == 1;
}

}  // namespace

class Tls::Context {
 public:
  explicit Context(SSL_CTX* made) : context(made) {}
  std::unique_ptr<SSL_CTX, FreeContext> context;
};

Tls::Tls(io::TlsOptions options) : options_(std::move(options)) {}
Tls::~Tls() = default;

Result<void> Tls::load(std::unique_ptr<Context>& context, bool is_acceptor) const {
  ::ERR_clear_error();
  auto made = std::make_unique<Context>(::SSL_CTX_new(is_acceptor ? ::TLS_server_method() : ::TLS_client_method()));
  SSL_CTX* const raw = made->context.get();
  PARLEY_ASSERT(raw);
  ::SSL_CTX_set_min_proto_version(raw, options_.allows_tls_1_2 ? TLS1_2_VERSION : TLS1_3_VERSION);
  ::SSL_CTX_set_options(raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET);
  ::SSL_CTX_set_num_tickets(raw, 0);
  ::SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
  ::SSL_CTX_set_mode(raw, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  ::SSL_CTX_set_read_ahead(raw, 1);
  ::SSL_CTX_set_default_read_buffer_len(raw, read_ahead_bytes);

  if (!options_.certificate.empty()) {
    if (::SSL_CTX_use_certificate_chain_file(raw, options_.certificate.c_str()) != 1) {
      return bad_file("the certificate", options_.certificate);
    }
    const std::string& key = options_.key.empty() ? options_.certificate : options_.key;
    if (::SSL_CTX_use_PrivateKey_file(raw, key.c_str(), SSL_FILETYPE_PEM) != 1) return bad_file("the key", key);
  } else if (is_acceptor) {
    return fail(Code::unsupported,
                "TLS needs a certificate here: TlsOptions::certificate and key (tls.certificate of a hub)");
  }
  if (!options_.authorities.empty()) {
    if (::SSL_CTX_load_verify_file(raw, options_.authorities.c_str()) != 1) {
      return bad_file("the authorities", options_.authorities);
    }
  } else if (!is_acceptor) {
    ::SSL_CTX_set_default_verify_paths(raw);
  }
  const bool asks = !is_acceptor || options_.clients != io::TlsOptions::Clients::not_asked;
  if (is_acceptor && asks && options_.authorities.empty()) {
    return fail(Code::invalid, "to ask clients for certificates TlsOptions::authorities has to say whose are accepted");
  }
  const bool demands = !is_acceptor || options_.clients == io::TlsOptions::Clients::required;
  ::SSL_CTX_set_verify(raw, asks ? SSL_VERIFY_PEER | (demands ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0) : SSL_VERIFY_NONE,
                       nullptr);
  context = std::move(made);
  return {};
}

Result<void> Tls::reload() {
  std::unique_ptr<Context> acceptor;
  std::unique_ptr<Context> dialer;
  if (!options_.certificate.empty()) PARLEY_TRY(load(acceptor, true));
  if (dialer_) PARLEY_TRY(load(dialer, false));
  acceptor_ = std::move(acceptor);
  dialer_ = std::move(dialer);
  return {};
}

Result<void> Tls::check_acceptor() { return acceptor_ ? Result<void>() : load(acceptor_, true); }

Result<std::unique_ptr<io::Stream>> Tls::accept(io::Loop& loop, std::unique_ptr<io::Stream>& stream) {
  PARLEY_TRY(check_acceptor());
  SslHandle ssl(::SSL_new(acceptor_->context.get()));
  PARLEY_ASSERT(ssl);
  ::SSL_set_accept_state(ssl.get());
  return std::make_unique<TlsStream>(loop, std::move(stream), std::move(ssl), std::string());
}

Result<std::unique_ptr<io::Stream>> Tls::dial(io::Loop& loop, std::unique_ptr<io::Stream>& stream,
                                              const std::string& host) {
  if (!dialer_) PARLEY_TRY(load(dialer_, false));
  SslHandle ssl(::SSL_new(dialer_->context.get()));
  PARLEY_ASSERT(ssl);
  ::SSL_set_connect_state(ssl.get());
  const std::string& name = options_.server_name.empty() ? host : options_.server_name;
  X509_VERIFY_PARAM* const expected = ::SSL_get0_param(ssl.get());
  ::X509_VERIFY_PARAM_set_hostflags(expected, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  const bool is_set = is_numeric(name) ? ::X509_VERIFY_PARAM_set1_ip_asc(expected, name.c_str()) == 1
                                       : ::SSL_set1_host(ssl.get(), name.c_str()) == 1 &&
                                             ::SSL_set_tlsext_host_name(ssl.get(), name.c_str()) == 1;
  if (name.empty() || !is_set) {
    return fail(Code::invalid, fmt::format("`{}` is no name that a certificate could have", name));
  }
  return std::make_unique<TlsStream>(loop, std::move(stream), std::move(ssl), name);
}

}  // namespace parley::net
