#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "codec/blake3.h"

namespace parley::core {

// The secrets by which somebody is known: name -> secret. Of the secrets only digests are kept.
class Tokens {
 public:
  static constexpr std::size_t secret_bytes_min = 16;
  static constexpr std::size_t secret_bytes_max = 1024;
  static constexpr std::size_t count_max = 1024;

  // Errors, none of which says the secret: invalid (a name that is none or taken, a secret that is too short, too long
  // or another one's), overloaded.
  Result<void> add(std::string name, std::string_view secret);
  bool empty() const { return tokens_.empty(); }
  std::vector<std::string> names() const;

  struct Found {
    const std::string* name = nullptr;  // null: there is no such token
    std::size_t looked_at = 0;          // tokens
  };
  // Takes as long whether it is found or not, and wherever: every token is looked at, and every byte of its digest.
  Found find(ByteView secret) const;

 private:
  struct Token {
    std::string name;
    codec::Blake3Digest digest;
  };
  std::vector<Token> tokens_;
};

}  // namespace parley::core
