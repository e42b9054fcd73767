#pragma once

#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hub/hub_suite.h"
#include "wire/bus/bus_suite.h"

// A client of the bus at a hub in memory: it sends what the test says, and keeps what it hears.
namespace parley::hub::bus_suite {

namespace bus = wire::bus;
using bus::Octets;
using bus::Reason;
using suite::HubWorld;

// A frame with the bytes that it looks into.
struct Heard {
  std::shared_ptr<const Octets> bytes;
  bus::Frame frame;
  template <class T>
  const T* as() const {
    return std::get_if<T>(&frame.body);
  }
  std::string name() const { return std::string(bus::name_of(bus::type_of(frame.body))); }
};

inline bus::Envelope say(std::string_view text, const bus::SchemaId& schema = {}) {
  return {.schema = schema, .payload = as_bytes(text)};
}
inline std::string text_of(const bus::Envelope& envelope) { return std::string(as_text(envelope.payload)); }

class BusClient {
 public:
  explicit BusClient(HubWorld& world, std::string_view token = {},
                     std::optional<io::Peer::Credentials> as = std::nullopt)
      : BusClient(world, world.dial(as)) {
    connect(token);
  }
  BusClient(HubWorld& world, std::unique_ptr<io::Stream> stream) : world_(world), stream_(std::move(stream)) {}

  void connect(std::string_view token, bus::Version lowest = {1, 0}, bus::Version highest = {1, 0}) {
    send(0, bus::Connect{lowest, highest, as_bytes(token)});
  }
  void send(std::uint32_t stream, bus::Body body) { write(bus::encoded({stream, std::move(body)})); }
  // As much as the hub takes, while it does.
  void write(ByteView bytes) {
    while (!bytes.empty()) {
      const io::Transfer moved = stream_->write_some(bytes);
      if (moved.status == io::Transfer::Status::failed) return;
      bytes = bytes.subspan(moved.bytes);
      world_.world.settle();
    }
    world_.world.settle();
  }

  // All that came since the last call.
  std::vector<Heard> heard() {
    read();
    return {std::make_move_iterator(heard_.begin()), std::make_move_iterator(std::exchange(heard_, {}).end())};
  }
  // The next frame of that kind; what is before it stays.
  template <class T>
  std::optional<Heard> next() {
    read();
    for (auto each = heard_.begin(); each != heard_.end(); ++each) {
      if (!each->as<T>()) continue;
      Heard found = std::move(*each);
      heard_.erase(each);
      return found;
    }
    return std::nullopt;
  }
  // The names of all that came, with their streams: "PublishAck@3".
  std::vector<std::string> names() {
    read();
    std::vector<std::string> all;
    for (const Heard& each : heard_) all.push_back(each.name() + "@" + std::to_string(each.frame.stream));
    heard_.clear();
    return all;
  }
  bool has_ended() {
    read();
    return has_ended_;
  }
  void pass(Duration duration) {
    world_.world.pass(duration);
    read();
  }

  // --- what clients do

  std::uint64_t subscribe(std::string_view topic, std::uint32_t stream = 1, std::uint32_t in_flight_max = 1024) {
    send(stream, bus::Subscribe{.topic = topic, .in_flight_max = in_flight_max});
    const auto ack = next<bus::SubscribeAck>();
    EXPECT_TRUE(ack);
    return ack ? ack->as<bus::SubscribeAck>()->subscription : 0;
  }
  std::optional<bus::PublishAck> publish(std::string_view topic, std::string_view text,
                                         std::optional<std::string_view> key = std::nullopt, std::uint32_t stream = 2) {
    send(stream, bus::Publish{topic, say(text), key});
    const auto ack = next<bus::PublishAck>();
    return ack ? std::optional(*ack->as<bus::PublishAck>()) : std::nullopt;
  }
  // "1:text", with the sequence; empty: nothing came.
  std::string delivery() {
    const auto next = this->next<bus::Deliver>();
    if (!next) return {};
    const auto& deliver = *next->as<bus::Deliver>();
    return std::to_string(deliver.sequence) + ":" + text_of(deliver.envelope);
  }
  void open(std::uint64_t conversation, std::string_view subject, std::uint32_t stream = 1) {
    send(stream, bus::ConversationOpen{conversation, subject});
  }
  void ask(std::uint64_t conversation, std::string_view text, std::uint32_t stream) {
    send(stream, bus::ConversationMessage{conversation, say(text), true});
  }
  void tell(std::uint64_t conversation, std::string_view text, std::uint32_t stream = 1) {
    send(stream, bus::ConversationMessage{conversation, say(text), false});
  }
  // What came on that stream: the text of a reply, or the number of an error in <>. Empty: nothing.
  std::string reply(std::uint32_t stream) {
    read();
    for (auto each = heard_.begin(); each != heard_.end(); ++each) {
      const auto* const said = each->as<bus::ConversationMessage>();
      const auto* const error = each->as<bus::ConversationError>();
      if (each->frame.stream != stream || (!said && !error)) continue;
      const std::string text = said ? text_of(said->envelope) : "<" + number(error->reason) + ">";
      heard_.erase(each);
      return text;
    }
    return {};
  }
  static std::string number(Reason reason) { return std::to_string(std::to_underlying(reason)); }
  void enrol(std::vector<std::string_view> types) {
    send(0, bus::WorkerRegister{
                .namespaces = {"default"}, .task_queue = "work", .activity_types = std::move(types), .identity = "w1"});
  }

  void finish() { stream_->finish(); }
  // At once, before the hub has its turn.
  void put(ByteView bytes) {
    if (!bytes.empty()) EXPECT_EQ(stream_->write_some(bytes).bytes, bytes.size());
  }
  void put_all(ByteView bytes) {
    put(bytes);
    finish();
  }
  void vanish() {
    stream_.reset();
    world_.world.settle();
  }
  void stop_reading() { is_reading_ = false; }
  void read_again() { is_reading_ = true; }

 private:
  void read() {
    std::array<std::uint8_t, 4096> piece;
    world_.world.settle();
    while (stream_ && is_reading_ && !has_ended_) {
      const io::Transfer moved = stream_->read_some(piece);
      if (moved.status == io::Transfer::Status::would_block) break;
      if (moved.status != io::Transfer::Status::moved) has_ended_ = true;
      bytes_.insert(bytes_.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(moved.bytes));
      world_.world.settle();
    }
    std::size_t used = 0;
    for (;;) {
      ByteView rest = ByteView(bytes_).subspan(used);
      const auto head = bus::read_head(rest, bus::default_bounds);
      if (!head || rest.size() < bus::head_bytes + head->body_bytes) break;
      const std::size_t size = bus::head_bytes + head->body_bytes;
      auto own = std::make_shared<const Octets>(bus::octets(rest.first(size)));
      heard_.push_back({own, bus::read_frame(*own, bus::default_bounds).value()});
      used += size;
    }
    bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(used));
  }

  HubWorld& world_;
  std::unique_ptr<io::Stream> stream_;
  Octets bytes_;
  std::deque<Heard> heard_;
  bool has_ended_ = false;
  bool is_reading_ = true;
};

// Takes part in the hub's own process, as the test says.
class Responder final : public Party {
 public:
  Responder(Hub& hub, std::string subject)
      : conversations_(hub.conversations()), who(conversations_.add(*this, subject).value()) {
    conversations_.provide(std::move(subject), who).value();
  }
  ~Responder() { conversations_.exited(who, {}, conversations_.executor().now()); }
  Responder(const Responder&) = delete;
  Responder& operator=(const Responder&) = delete;
  void on_message(Message message) override {
    messages.push_back(message);
    if (echoes) reply(message, std::string(as_text(message.content->payload)));
  }
  void on_over(ConversationId) override { ++over; }
  void reply(const Message& to, std::string_view text) {
    Envelope envelope{.publisher = "responder", .parent = to.content->id, .schema = to.content->schema};
    envelope.payload.assign(text.begin(), text.end());
    conversations_.replied(who, to.conversation, to.request, std::move(envelope));
  }
  void acknowledge(const Message& to) { conversations_.replied(who, to.conversation, to.request, std::nullopt); }
  void crash() {
    conversations_.exited(who, {.kind = ExitReason::Kind::error, .text = "it broke"}, conversations_.executor().now());
  }

 private:
  Conversations& conversations_;

 public:
  const Participant who;
  std::vector<Message> messages;
  bool echoes = false;
  int over = 0;
};

inline HubOptions with_topics() {
  HubOptions options;
  options.topics.takes_unknown = true;
  return options;
}

}  // namespace parley::hub::bus_suite
