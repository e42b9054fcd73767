#include "hub/gate.h"

#include <fmt/format.h>

#include "wire/roam/names.h"

namespace parley::hub {

namespace {

constexpr std::string_view how_to_give_one =
    "give one: Options::token, PARLEY_TOKEN or --token-file for the program parley, parley-token in a Hello, or "
    "Authorization: Bearer over HTTP";

std::string not_known(const std::optional<core::Principal>& seen) {
  return seen ? fmt::format("no rule of this hub names {}", to_string(*seen))
              : std::string("neither the system nor a certificate says whose process this is");
}

// Null: it is a number, which no token is.
std::optional<ByteView> secret_of(const MetadataEntry& entry) {
  if (const auto* text = std::get_if<std::string>(&entry.value)) return as_bytes(*text);
  if (const auto* bytes = std::get_if<std::vector<std::uint8_t>>(&entry.value)) return ByteView(*bytes);
  return std::nullopt;
}

}  // namespace

std::optional<core::Principal> Gate::seen(const io::Peer& peer, bool is_own_process) {
  if (!peer.certificate.empty()) return core::Principal::of_certificate(peer.certificate);
  if (peer.credentials) return core::Principal::of_user(peer.credentials->uid);
  if (is_own_process) return core::Principal::of_own_process();
  return std::nullopt;
}

Gate::Entry Gate::enter(const std::optional<core::Principal>& seen, const Metadata& hello) const {
  const MetadataEntry* const entry = hello.find(wire::roam::names::token);
  return entry ? enter_with(seen, secret_of(*entry)) : enter_by(std::nullopt, seen);
}

Gate::Entry Gate::enter_by(std::optional<std::string_view> secret, const std::optional<core::Principal>& seen) const {
  if (secret) return enter_with(seen, as_bytes(*secret));
  if (knows(seen)) return {.principal = seen};
  return {.fault = Fault::token_missing,
          .refusal = {Code::permission, fmt::format("{}, and no token came: {}", not_known(seen), how_to_give_one)}};
}

Gate::Entry Gate::enter_with(const std::optional<core::Principal>& seen, std::optional<ByteView> secret) const {
  const std::string* const name = secret ? tokens_.find(*secret).name : nullptr;
  if (name) return {.principal = core::Principal::of_token(*name)};
  return {
      .fault = Fault::token_wrong,
      .refusal = {Code::permission, knows(seen) ? fmt::format("the token is none of this hub's: give another one, or "
                                                              "none, to come in as {}",
                                                              to_string(*seen))
                                                : "the token is none of this hub's: give another one"}};
}

Error Gate::stranger(const std::optional<core::Principal>& seen) const {
  return {Code::permission, fmt::format("{}, and it knows nobody by a token or a certificate", not_known(seen))};
}

}  // namespace parley::hub
