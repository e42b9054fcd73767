#pragma once

#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <rapidcheck.h>

#include "wire/bus/bus_suite.h"

namespace parley::wire::bus {

// Makes frames of any type, and keeps the bytes that they look into.
class FrameMaker {
 public:
  Frame any() {
    const auto kind = *rc::gen::inRange<std::size_t>(0, std::variant_size_v<Body>);
    Frame frame{.stream = 0, .body = any_body(kind)};
    const bool may_be_0 = std::holds_alternative<Unknown>(frame.body);
    if (!is_of_session(type_of(frame.body))) frame.stream = any_number<std::uint32_t>();
    if (!is_of_session(type_of(frame.body)) && !may_be_0 && frame.stream == 0) frame.stream = 1;
    return frame;
  }

 private:
  // Of any length.
  template <class T>
  static T any_number() {
    return static_cast<T>(*rc::gen::arbitrary<T>() >> *rc::gen::inRange<int>(0, 8 * sizeof(T)));
  }
  static std::uint64_t id() { return any_number<std::uint64_t>(); }
  static bool any_bool() { return *rc::gen::arbitrary<bool>(); }
  static Reason reason() { return static_cast<Reason>(*rc::gen::arbitrary<std::uint16_t>()); }
  static Version version() { return {*rc::gen::arbitrary<std::uint16_t>(), *rc::gen::arbitrary<std::uint16_t>()}; }
  static SchemaId schema() {
    SchemaId id;
    for (std::uint8_t& byte : id) byte = *rc::gen::arbitrary<std::uint8_t>();
    return id;
  }

  ByteView bytes() { return kept_.emplace_back(*rc::gen::arbitrary<Octets>()); }
  std::string_view text() {
    std::string text;
    for (const auto letter : *rc::gen::arbitrary<Octets>()) {
      constexpr std::string_view letters[] = {"a", "Z", "/", "\0", "\n", "é", "漢", "🦀"};
      text += letters[letter % std::size(letters)];
    }
    return as_text(kept_.emplace_back(octets(as_bytes(text))));
  }
  std::optional<std::string_view> maybe_text() { return any_bool() ? std::optional(text()) : std::nullopt; }
  std::vector<std::string_view> texts() {
    std::vector<std::string_view> list(*rc::gen::inRange<std::size_t>(0, 5));
    for (std::string_view& each : list) each = text();
    return list;
  }
  std::optional<std::vector<Activity>> maybe_activities() {
    if (any_bool()) return std::nullopt;
    std::vector<Activity> list(*rc::gen::inRange<std::size_t>(0, 4));
    for (Activity& each : list) each = {text(), text(), text()};
    return list;
  }
  std::vector<SchemaId> schemas() {
    std::vector<SchemaId> list(*rc::gen::inRange<std::size_t>(0, 4));
    for (SchemaId& each : list) each = schema();
    return list;
  }
  Envelope envelope() {
    const std::optional<std::string_view> parent = maybe_text();
    return {schema(), {parent, any_bool() ? std::optional(id()) : std::nullopt}, bytes()};
  }

  Body any_body(std::size_t kind) {
    switch (kind) {
      case 0: return Connect{version(), version(), bytes()};
      case 1: return ConnectAck{version(), any_number<std::uint32_t>()};
      case 2: return ConnectError{reason(), maybe_text()};
      case 3: return Disconnect{};
      case 4: return Subscribe{text(), schemas(), any_number<std::uint32_t>() | 1};
      case 5: return SubscribeAck{id(), schema()};
      case 6: return SubscribeError{reason(), maybe_text()};
      case 7: return Unsubscribe{id()};
      case 8: return Publish{text(), envelope(), maybe_text()};
      case 9: return PublishAck{id(), any_bool()};
      case 10: return PublishError{reason(), maybe_text()};
      case 11: return ConversationOpen{id(), text()};
      case 12: return ConversationMessage{id(), envelope(), any_bool()};
      case 13: return ConversationClose{id(), any_bool() ? std::optional(reason()) : std::nullopt, maybe_text()};
      case 14: return ConversationError{id(), reason(), maybe_text()};
      case 15: return Accept{text()};
      case 16: return Defer{text(), maybe_text()};
      case 17: return Reject{text(), maybe_text()};
      case 18: return Ping{};
      case 19: return Pong{};
      case 20: return Push{id(), bytes()};
      case 21: return PushReply{id(), bytes()};
      case 22: return WorkerRegister{texts(), text(), maybe_text(), texts(), text(), maybe_activities()};
      case 23: return WorkerRegisterAck{maybe_text()};
      case 24: return Deliver{id(), envelope()};
      default:
        return Unknown{*rc::gen::element<std::uint8_t>(0, 0x1a, 0x40, 0xff), *rc::gen::arbitrary<std::uint8_t>(),
                       bytes()};
    }
  }

  std::deque<Octets> kept_;
};

}  // namespace parley::wire::bus
