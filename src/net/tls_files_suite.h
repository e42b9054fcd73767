#pragma once

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <memory>
#include <string>

#include "io/tls_options.h"
#include "net/net_world_suite.h"

// Certificates for tests, made by the test that needs them.
namespace parley::net::suite {

// An authority and what it has issued, as files in a folder that goes with it.
class TlsFiles {
 public:
  struct Wanted {
    std::string name = "localhost";  // CN
    std::string alternatives = "DNS:localhost,IP:127.0.0.1,IP:::1";
    long valid_from = -3600;  // seconds from now
    long valid_until = 3600;
  };

  explicit TlsFiles(const std::string& name = "Test Authority") : key_(make_key()), certificate_(begin(*key_, name)) {
    extend(*certificate_, NID_basic_constraints, "critical,CA:TRUE");
    sign(*certificate_, *certificate_);
    write(authorities(), *certificate_);
  }

  std::string authorities() const { return folder_ / "authority.pem"; }
  std::string at(const std::string& file) const { return folder_ / file; }

  // Writes NAME.pem and NAME.key, whatever they were before.
  io::TlsOptions issue(const std::string& file, const Wanted& wanted) {
    const Key key = make_key();
    const Certificate made = begin(*key, wanted.name, wanted.valid_from, wanted.valid_until);
    if (!wanted.alternatives.empty()) extend(*made, NID_subject_alt_name, wanted.alternatives.c_str());
    sign(*made, *certificate_);
    write(folder_ / (file + ".pem"), *made);
    const File out = open(folder_ / (file + ".key"));
    EXPECT_EQ(::PEM_write_PrivateKey(out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr), 1);
    return {.certificate = folder_ / (file + ".pem"), .key = folder_ / (file + ".key"), .authorities = authorities()};
  }
  io::TlsOptions issue(const std::string& file) { return issue(file, Wanted{}); }
  // Of who only dials.
  io::TlsOptions dialer() const { return {.authorities = authorities()}; }

 private:
  struct Free {
    void operator()(EVP_PKEY* key) const { ::EVP_PKEY_free(key); }
    void operator()(X509* certificate) const { ::X509_free(certificate); }
    void operator()(X509_EXTENSION* extension) const { ::X509_EXTENSION_free(extension); }
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  using Key = std::unique_ptr<EVP_PKEY, Free>;
  using Certificate = std::unique_ptr<X509, Free>;
  using File = std::unique_ptr<std::FILE, Free>;

  static Key make_key() { return Key(::EVP_EC_gen("P-256")); }
  static Certificate begin(EVP_PKEY& key, const std::string& name, long from = -3600, long until = 3600) {
    static long serial = 0;
    Certificate made(::X509_new());
    ::X509_set_version(made.get(), X509_VERSION_3);
    ::ASN1_INTEGER_set(::X509_get_serialNumber(made.get()), ++serial);
    ::X509_gmtime_adj(::X509_getm_notBefore(made.get()), from);
    ::X509_gmtime_adj(::X509_getm_notAfter(made.get()), until);
    ::X509_set_pubkey(made.get(), &key);
    ::X509_NAME_add_entry_by_txt(::X509_get_subject_name(made.get()), "CN", MBSTRING_UTF8,
                                 reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    return made;
  }
  static void extend(X509& certificate, int what, const char* value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    ::X509V3_set_ctx(&context, &certificate, &certificate, nullptr, nullptr, 0);
    const std::unique_ptr<X509_EXTENSION, Free> made(::X509V3_EXT_conf_nid(nullptr, &context, what, value));
    ASSERT_TRUE(made) << value;
    ::X509_add_ext(&certificate, made.get(), -1);
  }
  void sign(X509& certificate, X509& issuer) const {
    ::X509_set_issuer_name(&certificate, ::X509_get_subject_name(&issuer));
    EXPECT_NE(::X509_sign(&certificate, key_.get(), ::EVP_sha256()), 0);
  }
  static File open(const std::string& path) {
    File file(std::fopen(path.c_str(), "w"));
    EXPECT_TRUE(file) << path;
    return file;
  }
  static void write(const std::string& path, X509& certificate) {
    const File file = open(path);
    EXPECT_EQ(::PEM_write_X509(file.get(), &certificate), 1);
  }

  TemporaryFolder folder_;
  Key key_;
  Certificate certificate_;
};

// Both ends go on with their handshake until they have nothing to say; neither is started by that.
inline void shake_hands(io::Stream& a, io::Stream& b) {
  for (int round = 0; round < 10; ++round) {
    for (io::Stream* end : {&a, &b}) {
      std::uint8_t byte = 0;
      EXPECT_NE(end->read_some({&byte, 1}).status, io::Transfer::Status::moved);
    }
  }
}

}  // namespace parley::net::suite
