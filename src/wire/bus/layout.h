#pragma once

#include <concepts>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "wire/bus/big_endian.h"
#include "wire/bus/frame.h"

// How each body lies in its frame. `io` reads the fields (BodyReader), writes them (BodyWriter) or counts their bytes
// (BodySize); names are for errors. Source: docs/WIRE.md, section 17.
namespace parley::wire::bus {

// Flags by which a frame says something.
inline constexpr std::uint8_t delivered = 1;    // PublishAck
inline constexpr std::uint8_t has_key = 2;      // Publish
inline constexpr std::uint8_t about_reply = 1;  // ConversationMessage

template <class T, class... Plain>
concept Is = (std::same_as<std::remove_const_t<T>, Plain> || ...);

void version_layout(auto& io, std::string_view name, Is<Version> auto& version) {
  io(name, version.major);
  io(name, version.minor);
}

void envelope_layout(auto& io, Is<Envelope> auto& envelope) {
  io.nested("envelope", [&] {
    io("schema id of the envelope", envelope.schema);
    io.nested("causality", [&] {
      io("parent", envelope.causality.parent);
      io("clock", envelope.causality.clock);
    });
    io("payload", envelope.payload);
  });
}

void layout(auto& io, Is<Connect> auto& connect) {
  version_layout(io, "lowest version", connect.lowest);
  version_layout(io, "highest version", connect.highest);
  io("token", connect.token);
}
void layout(auto& io, Is<ConnectAck> auto& ack) {
  version_layout(io, "selected version", ack.selected);
  io("capabilities", ack.capabilities);
}
void layout(auto& io, Is<ConnectError, SubscribeError, PublishError> auto& error) {
  io("reason", error.reason);
  io("text", error.text);
}
void layout(auto&, Is<Disconnect, Ping, Pong> auto&) {}
void layout(auto& io, Is<Subscribe> auto& subscribe) {
  io("topic", subscribe.topic);
  io("schema ids", subscribe.schemas);
  io("number in flight", subscribe.in_flight_max);
  io.in_flight(subscribe.in_flight_max);
}
void layout(auto& io, Is<SubscribeAck> auto& ack) {
  io("subscription", ack.subscription);
  io("schema id", ack.schema);
}
void layout(auto& io, Is<Unsubscribe> auto& unsubscribe) { io("subscription", unsubscribe.subscription); }
void layout(auto& io, Is<Publish> auto& publish) {
  io("topic", publish.topic);
  envelope_layout(io, publish.envelope);
  io.flagged(has_key, "key", publish.key);
}
void layout(auto& io, Is<PublishAck> auto& ack) {
  io("message id", ack.message);
  io.flag(delivered, ack.is_delivered);
}
void layout(auto& io, Is<ConversationOpen> auto& open) {
  io("conversation", open.conversation);
  io("subject", open.subject);
}
void layout(auto& io, Is<ConversationMessage> auto& message) {
  io("conversation", message.conversation);
  envelope_layout(io, message.envelope);
  io.flag(about_reply, message.is_about_reply);
}
void layout(auto& io, Is<ConversationClose, ConversationError> auto& end) {
  io("conversation", end.conversation);
  io("reason", end.reason);
  io("text", end.text);
}
void layout(auto& io, Is<Accept> auto& accept) { io("message id", accept.message); }
void layout(auto& io, Is<Defer, Reject> auto& answer) {
  io("message id", answer.message);
  io("reason", answer.reason);
}
void layout(auto& io, Is<Push, PushReply> auto& push) {
  io("correlation", push.correlation);
  io("payload", push.payload);
}
void layout(auto& io, Is<WorkerRegister> auto& worker) {
  io("namespaces", worker.namespaces);
  io("task queue", worker.task_queue);
  io("node", worker.node);
  io("activity types", worker.activity_types);
  io("identity", worker.identity);
  io.trailing("activities", worker.activities, 3 * length_bytes, [&io](auto& activity) {
    io("name of an activity", activity.name);
    io("input of an activity", activity.input);
    io("output of an activity", activity.output);
  });
}
void layout(auto& io, Is<WorkerRegisterAck> auto& ack) { io.status("status", ack.rejected); }
void layout(auto& io, Is<Deliver> auto& deliver) {
  io("sequence", deliver.sequence);
  envelope_layout(io, deliver.envelope);
}
void layout(auto& io, Is<Unknown> auto& unknown) { io.rest(unknown); }

}  // namespace parley::wire::bus
