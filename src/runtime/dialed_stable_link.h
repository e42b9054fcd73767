#pragma once

#include <memory>
#include <optional>

#include "async/scope.h"
#include "io/stream.h"
#include "runtime/backoff.h"
#include "runtime/stable_link.h"
#include "wire/roam/stable.h"

namespace parley::runtime {

// The client's end of a stable session. When the link breaks it dials again, after 100 ms, then twice as long each time
// up to 5 s, but at once for a message that the server left out, and goes on by the key that the server gave it last. A
// server that does not know the key any more has been started anew, or waited for too long: the link ends `lost`.
class DialedStableLink final : public StableLink {
 public:
  // Over the first stream at once, and later over others of the dialer.
  DialedStableLink(io::Loop& loop, std::unique_ptr<io::Dialer> dialer, std::unique_ptr<io::Stream> first,
                   const Limits& limits, FirstNumbers first_numbers = {});

 private:
  struct Silence final : Timer {
    explicit Silence(DialedStableLink& link) : Timer(&Silence::fire), link(link) {}
    static void fire(Timer& timer) { static_cast<Silence&>(timer).link.lose_link(); }
    DialedStableLink& link;
  };

  void on_start() override { greet(std::move(first_)); }
  bool on_hello(ByteView message) override;
  void on_away() override;
  void on_over() override { silence_.disarm(); }
  void greet(std::unique_ptr<io::Stream> stream);
  Task<void> dial();

  const Limits limits_;
  const std::unique_ptr<io::Dialer> dialer_;
  std::unique_ptr<io::Stream> first_;
  std::optional<wire::roam::stable::Key> key_;
  Backoff backoff_;
  static constexpr std::uint32_t hurries_max = 16;
  std::uint32_t hurries_ = 0;  // since a link lasted longer than a pause does
  Instant joined_;
  Silence silence_{*this};  // of a server that has not answered the hello
  Scope scope_;
};

}  // namespace parley::runtime
