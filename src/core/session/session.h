#pragma once

#include "base/error.h"
#include "core/counters.h"
#include "wire/roam/message.h"

namespace parley::core {

// The handshake of one session and what is about the session as a whole: who is initiator, the parities, the version,
// pings, protocol errors. Connections, calls and channels have machines of their own.
class Session {
 public:
  enum class Role : std::uint8_t { initiator, acceptor };
  struct Options {
    Role role = Role::initiator;
    wire::roam::Parity parity = wire::roam::Parity::odd;  // of the initiator; the acceptor takes the opposite
    std::uint32_t requests_max = 1024;                    // that we accept at once
    bool is_foreign = false;                              // says nothing that only Parley knows
    bool is_hub = false;                                  // services are reached through connections of their own
    bool accepts_same_parity = true;                      // in a foreign answer to our hello
    Metadata metadata;                                    // for our hello
  };
  // The feature bits that mark a Parley peer in its hello, and a hub.
  static constexpr std::uint64_t features = 1;
  static constexpr std::uint64_t hub_feature = 2;

  Session(Counters& counters, Options options);

  enum class Phase : std::uint8_t { opening, established, ended };
  Phase phase() const { return phase_; }

  // For a new link to the same peer, when the old one is over.
  void begin_again();
  // The initiator speaks first.
  void begin(OutBuffer& out);

  enum class Step : std::uint8_t {
    nothing,      // dealt with; what there is to answer is in `control`
    established,  // calls may go either way from now on
    failed,       // the session is over: error() says why
  };
  // Any message, until the session is established; from then on those that are about the session itself.
  Step on_message(std::uint64_t connection, wire::roam::Kind kind, wire::roam::Decoder& decoder, OutBuffer& control);

  // We found the peer breaking the rules: tells it, once, and ends.
  void break_off(const Error& error, OutBuffer& control);
  void end() { phase_ = Phase::ended; }

  const Error& error() const { return error_; }
  wire::roam::Parity parity() const { return parity_; }  // of our ids, once established
  std::uint32_t peer_requests_max() const { return peer_requests_max_; }
  bool is_peer_foreign() const { return is_peer_foreign_; }
  bool is_peer_hub() const { return is_peer_hub_; }
  std::uint64_t our_features() const { return features | (options_.is_hub ? hub_feature : 0); }
  void count_breach(Code code);
  const Metadata& peer_metadata() const { return peer_metadata_; }

 private:
  Step on_hello(const wire::roam::Hello& hello, OutBuffer& control);
  Step on_hello_yourself(const wire::roam::HelloYourself& hello, OutBuffer& control);
  Step on_established(const wire::roam::Payload& payload, OutBuffer& control);
  Step protocol_error(Error error, OutBuffer& control);
  void learn_peer(const wire::roam::MetadataView& metadata);
  void put_hello(OutBuffer& out, bool is_answer);

  Counters& counters_;
  Options options_;
  Phase phase_ = Phase::opening;
  wire::roam::Parity parity_;
  std::uint32_t peer_requests_max_ = 0;
  bool is_peer_foreign_ = true;
  bool is_peer_hub_ = false;
  Metadata peer_metadata_;
  Error error_;
};

}  // namespace parley::core
