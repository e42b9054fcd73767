#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "hub/bus/counters.h"
#include "hub/bus/options.h"
#include "hub/gate.h"
#include "io/loop.h"
#include "runtime/conversations/conversations.h"
#include "runtime/topics/topics.h"
#include "wire/bus/deliver.h"

// What the connections of the bus share.
namespace parley::hub {

wire::bus::Envelope wire_of(const core::Envelope& envelope);
// With a copy of what it looks into.
core::Envelope envelope_of(const wire::bus::Envelope& envelope, std::string publisher);

// So that what one says can be delivered to all, and another life of a hub does not number its messages alike.
core::Topics::Options topic_options(core::Topics::Options options, io::Clock& clock, std::size_t frame_bytes_max);

// What a frame says of an error; where the error means something else at one place, that place says so.
wire::bus::Reason reason_of(const Error& error);

// One message goes to many, one after another: what its envelope says is encoded once.
class EnvelopeHead {
 public:
  ByteView of(const std::shared_ptr<const core::Envelope>& message) {
    if (of_.lock() == message) return bytes_;
    of_ = message;
    bytes_ = wire::bus::encode_envelope_head(wire_of(*message));
    return bytes_;
  }

 private:
  std::weak_ptr<const core::Envelope> of_;
  std::vector<std::uint8_t> bytes_;
};

struct BusHub {
  // Writes down what somebody was not allowed.
  using Refuse = std::move_only_function<void(const std::optional<core::Principal>& who, const io::Peer& peer,
                                              std::string_view verb, std::string_view name, const Error& why) const>;
  io::Loop& loop;
  const Gate& gate;
  Topics& topics;
  Conversations& conversations;
  const BusOptions options;
  const Refuse refuse;
  BusCounters counters = {};
  EnvelopeHead envelope_head = {};
};

// A connection, as its parts see it.
class BusPeer {
 public:
  // Errors: too_large.
  virtual Result<void> say(std::uint32_t stream, const wire::bus::Body& body) = 0;
  // Writes down what is refused. Errors: permission.
  virtual Result<void> check(core::Verb verb, std::string_view name) = 0;
  // As whom it says something.
  virtual const std::string& publisher() const = 0;
  // Something that was waited for has come or is over.
  virtual void on_settled() = 0;
  virtual bool has_room_for_push() const = 0;

 protected:
  ~BusPeer() = default;
};

}  // namespace parley::hub
