#pragma once

#include <openssl/ssl.h>

#include <string>

#include "base/error.h"

namespace parley::net {

// The subject of the certificate that the peer has proven to own and that was accepted, as RFC 2253 writes it; empty if
// there is none.
std::string subject_of_peer(const SSL* ssl);

// What went wrong in a handshake or behind it, and what to do about it. `expected` is whom the certificate should name.
Error tls_failure(const SSL* ssl, const std::string& expected);

// What the library says about what has just failed, in words.
std::string tls_reason();

}  // namespace parley::net
