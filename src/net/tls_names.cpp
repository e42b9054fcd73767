#include "net/tls_names.h"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/sslerr.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include <memory>

namespace parley::net {

namespace {

struct FreeBio {
  void operator()(BIO* bio) const { ::BIO_free_all(bio); }
};

Error certificate_failure(long verdict, const std::string& expected) {
  const char* advice = "renew it, or name its authority's file in TlsOptions::authorities";
  switch (verdict) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return {Code::permission, fmt::format("the peer's certificate is not for `{}`: dial a name that it has, or say "
                                            "TlsOptions::server_name",
                                            expected)};
    case X509_V_ERR_CERT_HAS_EXPIRED: advice = "it needs a new one"; break;
    case X509_V_ERR_CERT_NOT_YET_VALID: advice = "look at the clocks of both machines"; break;
    case X509_V_ERR_INVALID_PURPOSE: advice = "it is not made for this role (extendedKeyUsage)"; break;
    default: break;
  }
  return {Code::permission, fmt::format("the peer's certificate is not accepted: {}; {}",
                                        ::X509_verify_cert_error_string(verdict), advice)};
}

}  // namespace

std::string subject_of_peer(const SSL* ssl) {
  const X509* const certificate = ::SSL_get0_peer_certificate(ssl);
  if (!certificate || ::SSL_get_verify_result(ssl) != X509_V_OK) return {};
  const std::unique_ptr<BIO, FreeBio> text(::BIO_new(::BIO_s_mem()));
  // Everything beyond ASCII and all control characters are escaped.
  if (!text || ::X509_NAME_print_ex(text.get(), ::X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253) < 0)
    return {};
  char* bytes = nullptr;
  const long size = ::BIO_get_mem_data(text.get(), &bytes);
  return size > 0 ? std::string(bytes, static_cast<std::size_t>(size)) : std::string();
}

std::string tls_reason() {
  const unsigned long error = ::ERR_peek_last_error();
  const char* const reason = error ? ::ERR_reason_error_string(error) : nullptr;
  return reason ? reason : "no reason is known";
}

Error tls_failure(const SSL* ssl, const std::string& expected) {
  if (const long verdict = ::SSL_get_verify_result(ssl); verdict != X509_V_OK) {
    return certificate_failure(verdict, expected);
  }
  const unsigned long error = ::ERR_peek_last_error();
  const int reason = ERR_GET_LIB(error) == ERR_LIB_SSL ? ERR_GET_REASON(error) : 0;
  switch (reason) {
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTP_REQUEST:
    case SSL_R_UNKNOWN_PROTOCOL: return {Code::protocol, "the peer does not speak TLS at this address"};
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
      return {Code::version, "no version of TLS in common: this end wants 1.3, or 1.2 with TlsOptions::allows_tls_1_2"};
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
      return {Code::permission, ::SSL_is_server(ssl) == 1
                                    ? "the peer has no certificate, and TlsOptions::clients demands one"
                                    : "the peer demands a certificate: TlsOptions::certificate and key name its files"};
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
      return {Code::permission, fmt::format("the peer does not accept our certificate: {}", tls_reason())};
    default: break;
  }
  return {Code::protocol, fmt::format("TLS: {}", tls_reason())};
}

}  // namespace parley::net
