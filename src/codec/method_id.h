#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "codec/blake3.h"
#include "codec/signature.h"

namespace parley::codec {

namespace detail {

constexpr bool is_lower(char letter) { return letter >= 'a' && letter <= 'z'; }
constexpr bool is_upper(char letter) { return letter >= 'A' && letter <= 'Z'; }
// Letters beyond ASCII have no case here; they belong to the word that they stand in.
constexpr bool is_word_letter(char letter) {
  return is_lower(letter) || is_upper(letter) || (letter >= '0' && letter <= '9') ||
         static_cast<unsigned char>(letter) >= 0x80;
}

}  // namespace detail

// Calls put(char) for the kebab case of a name: words are what stands between other signs than letters and digits, and
// begin at a capital behind a small letter ("loadTemplate") and at the last of several capitals before a small letter
// ("HTTPServer" is http-server). Digits belong to the word before them.
template <class Put>
constexpr void put_kebab(std::string_view name, Put put) {
  enum class Case : std::uint8_t { none, lower, upper };
  bool is_first = true;
  bool at_start = true;  // of a word
  Case run = Case::none;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char letter = name[i];
    if (!detail::is_word_letter(letter)) {
      at_start = true;
      run = Case::none;
      continue;
    }
    const char next = i + 1 < name.size() ? name[i + 1] : '\0';
    if (run == Case::upper && detail::is_upper(letter) && detail::is_lower(next)) {
      at_start = true;
      run = Case::none;
    } else {
      run = detail::is_lower(letter) ? Case::lower : detail::is_upper(letter) ? Case::upper : run;
    }
    if (at_start && !is_first) put('-');
    at_start = is_first = false;
    put(detail::is_upper(letter) ? static_cast<char>(letter - 'A' + 'a') : letter);
    if (run == Case::lower && detail::is_upper(next)) {
      at_start = true;
      run = Case::none;
    }
  }
}

// The id of a method on the roam 7.x wire: the names of the service and the method in any case style, and the
// signature.
constexpr std::uint64_t method_id(std::string_view service, std::string_view method, ByteView signature) {
  Blake3 hash;
  const auto put = [&hash](char letter) { hash.update(std::string_view(&letter, 1)); };
  put_kebab(service, put);
  put('.');
  put_kebab(method, put);
  const Blake3Digest signature_digest = blake3(signature);
  hash.update(ByteView(signature_digest));
  const Blake3Digest digest = hash.digest();
  std::uint64_t id = 0;
  for (std::size_t i = 8; i > 0; --i) id = id << 8 | digest[i - 1];
  return id;
}

template <class Return, class... Arguments>
consteval std::uint64_t method_id(std::string_view service, std::string_view method) {
  return method_id(service, method, method_signature<Return, Arguments...>);
}

}  // namespace parley::codec
