#pragma once

#include "base/error.h"
#include "core/counters.h"
#include "wire/roam/message.h"

namespace parley::core {

// The handshake of one session and what is about the session as a whole: who is initiator, the parities, the version,
// pings, refused connections, protocol errors. Calls and channels have machines of their own.
class Session {
 public:
  enum class Role : std::uint8_t { initiator, acceptor };
  struct Options {
    Role role = Role::initiator;
    wire::roam::Parity parity = wire::roam::Parity::odd;  // of the initiator; the acceptor takes the opposite
    std::uint32_t requests_max = 1024;                    // that we accept at once
    bool is_foreign = false;                              // says nothing that only Parley knows
    Metadata metadata;                                    // for our hello
  };
  // The feature bits that mark a Parley peer in its hello.
  static constexpr std::uint64_t features = 1;

  Session(Counters& counters, Options options);

  enum class Phase : std::uint8_t { opening, established, ended };
  Phase phase() const { return phase_; }

  // The initiator speaks first.
  void begin(OutBuffer& out);

  enum class Step : std::uint8_t {
    nothing,      // dealt with; what there is to answer is in `control`
    established,  // calls may go either way from now on
    failed,       // the session is over: error() says why
  };
  // Any message that is not about a request or a channel.
  Step on_message(std::uint64_t connection, wire::roam::Kind kind, wire::roam::Decoder& decoder, OutBuffer& control);

  // We found the peer breaking the rules: tells it, once, and ends.
  void break_off(const Error& error, OutBuffer& control);
  void end() { phase_ = Phase::ended; }

  const Error& error() const { return error_; }
  wire::roam::Parity parity() const { return parity_; }  // of our ids, once established
  std::uint32_t peer_requests_max() const { return peer_requests_max_; }
  bool is_peer_foreign() const { return is_peer_foreign_; }
  const Metadata& peer_metadata() const { return peer_metadata_; }

 private:
  Step on_hello(const wire::roam::Hello& hello, OutBuffer& control);
  Step on_hello_yourself(const wire::roam::HelloYourself& hello, OutBuffer& control);
  Step on_established(std::uint64_t connection, wire::roam::Kind kind, const wire::roam::Payload& payload,
                      OutBuffer& control);
  Step protocol_error(Error error, OutBuffer& control);
  void learn_peer(const wire::roam::MetadataView& metadata);
  void put_hello(OutBuffer& out, bool is_answer);

  Counters& counters_;
  Options options_;
  Phase phase_ = Phase::opening;
  wire::roam::Parity parity_;
  std::uint32_t peer_requests_max_ = 0;
  bool is_peer_foreign_ = true;
  Metadata peer_metadata_;
  Error error_;
};

}  // namespace parley::core
