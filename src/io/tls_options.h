#pragma once

#include <cstdint>
#include <string>

namespace parley::io {

// Files and names by which TLS knows its two ends. Paths only: what is secret stays in the files, which are read when
// first needed and when told to read them again.
struct TlsOptions {
  std::string certificate;  // a file, PEM: our own, and behind it those between it and its authority's
  std::string key;          // a file, PEM: its private key. Empty: it stands in the file of the certificate
  std::string authorities;  // a file, PEM: whose certificates are accepted. Empty: those that the system trusts
  std::string server_name;  // the name in the certificate of whom we dial. Empty: the host of the address
  // Of who comes to us: whether a certificate by one of `authorities` is asked for, and whether there must be one.
  enum class Clients : std::uint8_t { not_asked, optional, required };
  Clients clients = Clients::not_asked;
  bool allows_tls_1_2 = false;  // 1.3 else
};

}  // namespace parley::io
