#include "core/policy/tokens.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/directory/name.h"

namespace parley::core {

namespace {

// 1 or 0, without a branch on what is in them.
std::size_t is_same(const codec::Blake3Digest& a, const codec::Blake3Digest& b) {
  std::uint32_t difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) difference |= static_cast<std::uint32_t>(a[i] ^ b[i]);
  return (difference - 1) >> 31;
}

}  // namespace

Result<void> Tokens::add(std::string name, std::string_view secret) {
  PARLEY_TRY(check_name(name));
  if (std::ranges::find(tokens_, name, &Token::name) != tokens_.end()) {
    return fail(Code::invalid, fmt::format("there are two tokens \"{}\"", name));
  }
  if (secret.size() < secret_bytes_min || secret.size() > secret_bytes_max) {
    return fail(Code::invalid, fmt::format("the secret of the token \"{}\" has {} bytes, and it takes {} to {}", name,
                                           secret.size(), secret_bytes_min, secret_bytes_max));
  }
  if (const std::string* other = find(as_bytes(secret)).name) {
    return fail(Code::invalid, fmt::format("the tokens \"{}\" and \"{}\" have the same secret", *other, name));
  }
  if (tokens_.size() >= count_max) return fail(Code::overloaded, fmt::format("there are up to {} tokens", count_max));
  tokens_.push_back({std::move(name), codec::Blake3().update(secret).digest()});
  return {};
}

std::vector<std::string> Tokens::names() const {
  std::vector<std::string> all;
  for (const Token& token : tokens_) all.push_back(token.name);
  return all;
}

// Digests differ all over where the secrets differ in one bit, so that even the time of a comparison would tell nothing
// of use.
Tokens::Found Tokens::find(ByteView secret) const {
  Found found;
  if (secret.size() > secret_bytes_max) return found;  // which says nothing about any of them, and saves the hash
  const codec::Blake3Digest digest = codec::blake3(secret);
  std::size_t place = 0;  // counted from 1
  for (const Token& token : tokens_) {
    ++found.looked_at;
    place |= found.looked_at & (0 - is_same(token.digest, digest));
  }
  if (place != 0) found.name = &tokens_[place - 1].name;
  return found;
}

}  // namespace parley::core
