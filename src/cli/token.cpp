#include "cli/token.h"

#include <fmt/format.h>

#include "cli/environment.h"
#include "os/user.h"

namespace parley::cli {

namespace {

// Editors and `echo` end a file with a line's end, which is none of the secret.
Result<std::string> secret_in(const std::string& path) {
  PARLEY_TRY(std::string secret, os::read_private_file(path, core::Tokens::secret_bytes_max + 2));
  if (secret.ends_with('\n')) secret.pop_back();
  if (secret.ends_with('\r')) secret.pop_back();
  return secret;
}

}  // namespace

Result<std::string> client_token(const std::optional<std::string>& file) {
  return file ? token_in(*file) : variable("PARLEY_TOKEN");
}

Result<std::string> token_in(const std::string& file) {
  PARLEY_TRY(std::string secret, secret_in(file));
  if (secret.empty()) return fail(Code::invalid, fmt::format("there is nothing in {}", file));
  return secret;
}

Result<void> add_token(core::Tokens& tokens, const std::string& named_file) {
  const std::size_t equals = named_file.find('=');
  if (equals == std::string::npos) {
    return fail(Code::invalid, fmt::format("\"{}\" is not NAME=PATH: a token has a name, too", named_file));
  }
  PARLEY_TRY(const std::string secret, secret_in(named_file.substr(equals + 1)));
  return tokens.add(named_file.substr(0, equals), secret);
}

}  // namespace parley::cli
