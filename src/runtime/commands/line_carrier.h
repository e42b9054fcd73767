#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "io/loop.h"
#include "runtime/commands/carrier.h"

namespace parley {

struct LineCarrierOptions {
  std::string id;
  bool is_extended = false;  // the peer is Parley
  // As whom this end comes to a hub: goes along with the first message, as `parley-token` in its `_meta`.
  std::string token = {};
  CarrierLimits limits = {};
  std::optional<std::size_t> first_bytes_max = {};  // of the peer's first line, where nobody knows yet who it is
};

// What passed through carriers of lines.
struct LineCarrierCounters {
  std::uint64_t messages_malformed = 0;
  std::uint64_t lines_too_long = 0;
};

// A carrier over a byte stream: one message a line, in UTF-8. Blank lines are nothing; one that is no message is passed
// on as that, and the carrier lives; one that is too long is dropped and counted. The end of the stream is the peer's
// close. On its loop; send() and close() from any thread.
class LineCarrier : public Carrier {
 public:
  static std::shared_ptr<LineCarrier> make(io::Loop& loop, std::unique_ptr<io::Stream> stream,
                                           LineCarrierOptions options);
  // As far as is known of the peer.
  virtual const io::Peer& peer() const = 0;
  virtual const LineCarrierCounters& counters() const = 0;

 protected:
  using Carrier::Carrier;
};

}  // namespace parley
