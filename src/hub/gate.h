#pragma once

#include <optional>
#include <string_view>

#include "core/policy/policy.h"
#include "core/policy/tokens.h"
#include "io/stream.h"
#include "wire/roam/metadata.h"

namespace parley::hub {

// Who comes in, and as whom. What somebody brings decides, a token before a certificate, also where the system vouches
// for him: with a wrong one he does not come in, so that nobody goes on with other rights than he asked for. It lives
// as long as the hub and does not change.
class Gate {
 public:
  Gate(core::Policy policy, core::Tokens tokens) : policy_(std::move(policy)), tokens_(std::move(tokens)) {}

  const core::Policy& policy() const { return policy_; }
  // Whether somebody may be known by what he brings, for whom the system does not vouch.
  bool knows_strangers() const { return !tokens_.empty() || policy_.names_any(core::Principal::Kind::certificate); }

  // As whom a certificate or the system knows the peer, or nothing. Of a certificate it knows once the handshake of TLS
  // is over.
  static std::optional<core::Principal> seen(const io::Peer& peer, bool is_own_process);
  // Whether it may come in as it is.
  bool knows(const std::optional<core::Principal>& seen) const { return seen && policy_.knows(*seen); }

  enum class Fault : std::uint8_t { none, token_missing, token_wrong };
  struct Entry {
    std::optional<core::Principal> principal;  // nothing: it does not come in
    Fault fault = Fault::none;
    Error refusal = {};  // which says what to do
  };
  // After the handshake, by what the hello says beside it.
  Entry enter(const std::optional<core::Principal>& seen, const Metadata& hello) const;
  // By the secret that somebody brought, over HTTP or in the first message of his; nothing: he brought none.
  Entry enter_by(std::optional<std::string_view> secret, const std::optional<core::Principal>& seen) const;
  // Why there was no handshake.
  Error stranger(const std::optional<core::Principal>& seen) const;

 private:
  Entry enter_with(const std::optional<core::Principal>& seen, std::optional<ByteView> secret) const;
  core::Policy policy_;
  core::Tokens tokens_;
};

}  // namespace parley::hub
