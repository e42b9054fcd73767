#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "codec/postcard.h"
#include "runtime/memory_link.h"
#include "runtime/probe_service_suite.h"
#include "runtime/world_suite.h"
#include "wire/roam/message_suite.h"

// A peer that says what the test tells it to, however wrong, and writes down what it hears. Its messages are put
// together here by hand, apart from the encoder under test.
namespace parley::runtime::suite {

using wire::roam::hex;
using wire::roam::Octets;
using wire::roam::octets;
using wire::roam::Parity;
using wire::roam::varint;

inline Octets text_bytes(std::string_view text) { return octets({varint(text.size()), octets(as_bytes(text))}); }
Octets metadata_bytes(const Metadata& metadata);

namespace say {

inline Octets hello(std::uint64_t version, Parity parity, std::uint32_t requests_max, const Metadata& metadata = {}) {
  return octets(
      {{0, 0}, varint(version), {static_cast<std::uint8_t>(parity)}, varint(requests_max), metadata_bytes(metadata)});
}
inline Octets hello_yourself(Parity parity, std::uint32_t requests_max, const Metadata& metadata = {}) {
  return octets({{0, 1, static_cast<std::uint8_t>(parity)}, varint(requests_max), metadata_bytes(metadata)});
}
inline Octets protocol_error(std::string_view text) { return octets({{0, 2}, text_bytes(text)}); }
inline Octets open(std::uint64_t connection) { return octets({varint(connection), {3, 0, 64, 0}}); }
inline Octets close_connection(std::uint64_t connection) { return octets({varint(connection), {6, 0}}); }
inline Octets call(std::uint64_t id, std::uint64_t method, const Octets& arguments,
                   const std::vector<std::uint64_t>& channels = {}, const Metadata& metadata = {}) {
  Octets list = varint(channels.size());
  for (const std::uint64_t channel : channels) list = octets({list, varint(channel)});
  return octets({{0, 7}, varint(id), {0}, varint(method), list, metadata_bytes(metadata), arguments});
}
// A call of a method of a service known here.
template <auto Method, class... Given>
Octets call_of(std::uint64_t id, const std::vector<std::uint64_t>& channels, const Given&... arguments) {
  Octets bytes;
  ((bytes = octets({bytes, codec::to_postcard(arguments)})), ...);
  return call(id, service::MethodInfo<Method>::id, bytes, channels);
}
inline Octets response(std::uint64_t id, const Octets& result, const Metadata& metadata = {}) {
  return octets({{0, 7}, varint(id), {1, 0}, metadata_bytes(metadata), result});
}
inline Octets cancel(std::uint64_t id, const Metadata& metadata = {}) {
  return octets({{0, 7}, varint(id), {2}, metadata_bytes(metadata)});
}
inline Octets item(std::uint64_t id, const Octets& bytes) { return octets({{0, 8}, varint(id), {0}, bytes}); }
inline Octets close(std::uint64_t id, const Metadata& metadata = {}) {
  return octets({{0, 8}, varint(id), {1}, metadata_bytes(metadata)});
}
inline Octets reset(std::uint64_t id, const Metadata& metadata = {}) {
  return octets({{0, 8}, varint(id), {2}, metadata_bytes(metadata)});
}
inline Octets grant(std::uint64_t id, std::uint64_t more) { return octets({{0, 8}, varint(id), {3}, varint(more)}); }
inline Octets ping(std::uint64_t nonce) { return octets({{0, 9}, varint(nonce)}); }

}  // namespace say

// A message as a line: "call 1 add 0406", "response 2 {parley-error=5001} 0103", "grant 3 8".
std::string told(ByteView bytes);

class ScriptedPeer final : private io::LinkEvents {
 public:
  ScriptedPeer(World& world, std::unique_ptr<io::Link> link) : world_(world), link_(std::move(link)) {
    link_->start(*this);
  }

  // Sends the messages in one write and lets everything happen.
  template <class... Messages>
  void says(const Messages&... messages) {
    (put(messages), ...);
    world_.settle();
  }
  // Without letting anything happen yet.
  void put(const Octets& message) {
    std::uint8_t* cursor = wire::begin_frame(link_->out(), message.size());
    wire::end_frame(link_->out(), std::copy(message.begin(), message.end(), cursor));
    link_->committed();
  }
  void finishes() {
    link_->finish();
    world_.settle();
  }

  // What was heard since the last time, as lines and as bytes.
  std::vector<std::string> heard() {
    world_.settle();
    std::vector<std::string> lines;
    for (const Octets& message : std::exchange(messages_, {})) lines.push_back(told(message));
    return lines;
  }
  std::vector<Octets> heard_bytes() {
    world_.settle();
    return std::exchange(messages_, {});
  }
  bool has_heard_the_end() const { return has_ended_; }

 private:
  bool on_message(ByteView message, Block*) override {
    messages_.push_back(octets(message));
    return true;
  }
  void on_link_ended(const Error*) override { has_ended_ = true; }
  void on_link_drained() override {}

  World& world_;
  std::unique_ptr<io::Link> link_;
  std::vector<Octets> messages_;
  bool has_ended_ = false;
};

inline const Metadata parley_mark = {{"parley", std::uint64_t{1}}};

struct ScriptOptions {
  Session::Role role = Session::Role::acceptor;  // ours
  bool is_peer_foreign = false;
  std::uint32_t peer_requests_max = 64;
  bool shakes_hands = true;
  SessionOptions session = {};
  const MethodTable* methods = nullptr;  // served instead of the Probe
};

// A session of ours that serves a Probe, or what it is told to, against a scripted peer. As an acceptor it is even:
// calls and channels of the peer are odd, its own are even; as an initiator the other way round.
class Scripted {
 public:
  explicit Scripted(ScriptOptions options = {});
  ~Scripted();
  Scripted(const Scripted&) = delete;
  Scripted& operator=(const Scripted&) = delete;

  Client<Probe> client() { return Client<Probe>(*session); }
  const core::Counters& counters() { return session->counters(); }
  // The reason for which the session has ended; fails the test if it has not.
  Error end_reason() {
    EXPECT_TRUE(session->has_ended());
    return session->end_reason().value_or(Error{Code::bug, "no reason"});
  }

  World world;
  bool is_gone = false;
  Probe probe;
  MethodTable table;
  std::unique_ptr<ScriptedPeer> peer;
  Hold session;
};

}  // namespace parley::runtime::suite
