#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/memory_stream.h"
#include "runtime/framed_link.h"
#include "runtime/pair_suite.h"
#include "runtime/scripted_peer_suite.h"

// A session of ours whose peer sends whatever bytes it likes, beside another session that is served by the same table
// and has to go on working. Time is the test's.
namespace parley::runtime::suite {

using wire::roam::in_frame;

// A session over a framed memory stream, and the other end of that as bytes.
class Assailed {
 public:
  using Role = Session::Role;

  Assailed(Role role, bool is_peer_foreign, Limits limits = {}) : role_(role), is_peer_foreign_(is_peer_foreign) {
    add_service<Probe>(table_, probe).value();
    auto [near, far] = io::MemoryStream::make_pair(world.loop);
    session_ = Hold(start(std::move(near), role, limits));
    attacker_ = std::move(far);
    auto [bystander, its_peer] = io::MemoryStream::make_pair(world.loop);
    bystander_server_ = Hold(start(std::move(bystander), Role::acceptor, {}));
    bystander_ = Hold(start(std::move(its_peer), Role::initiator, {}));
    settle();
  }
  ~Assailed() {
    attacker_.reset();
    session_.reset();
    bystander_.reset();
    bystander_server_.reset();
    calls_.clear();
    kept_tx_.reset();
    kept_rx_.reset();
    probe.kept_tx.reset();
    probe.kept_rx.reset();
    world.pass(std::chrono::seconds(60));
    EXPECT_EQ(world.loop.executor().timer_count(), 0u) << "a timer outlives the sessions";
    EXPECT_EQ(world.loop.blocks().held_count(), 0u) << "memory outlives the sessions";
  }
  Assailed(const Assailed&) = delete;
  Assailed& operator=(const Assailed&) = delete;

  // --- what the attacker does
  Assailed& raw(const Octets& bytes) {
    for (ByteView rest(bytes); !rest.empty();) {
      const io::Transfer written = attacker_->write_some(rest);
      if (written.status != io::Transfer::Status::moved) break;  // nobody reads it any more
      rest = rest.subspan(written.bytes);
      settle();
    }
    return *this;
  }
  Assailed& raw(std::string_view bytes) { return raw(octets(as_bytes(bytes))); }
  template <class... Messages>
  Assailed& says(const Messages&... messages) {
    return raw(octets({in_frame(messages)...}));
  }
  // The handshake, and at a client of ours calls under way: 1 hangs; 3 receives on channel 1; 5 sends on channel 3,
  // and is out of credit.
  Assailed& shakes_hands() {
    const Metadata mark = is_peer_foreign_ ? Metadata() : parley_mark;
    if (role_ == Role::acceptor) {
      says(say::hello(7, Parity::odd, 64, mark));
    } else {
      says(say::hello_yourself(Parity::even, 64, mark));
    }
    EXPECT_TRUE(session_->is_established());
    if (role_ == Role::initiator) make_calls();
    before_ = counted();
    return *this;
  }
  Assailed& finishes() {
    attacker_->finish();
    settle();
    return *this;
  }
  Assailed& is_silent() {
    world.pass(std::chrono::seconds(60));
    settle();
    return *this;
  }
  Assailed& reads_no_more() {
    is_reading_ = false;
    return *this;
  }

  // --- what came of it, for tests/golden/hostile.txt
  std::string story() {
    settle();
    const std::string here = !has_ended()             ? "goes on"
                             : session_->end_reason() ? to_string(*session_->end_reason())
                                                      : "ended in good order";
    const std::string there = sent();
    std::string text = "    here: " + here + "\n    sent: " + there;
    // Both sides read the same, but for what is only told here.
    if (const auto at = there.find(here); at != std::string::npos) {
      text.replace(text.size() - there.size() + at, here.size(), "the same");
    }
    std::string moved;
    for (const auto& [name, value] : counted()) {
      if (value != before_[name]) moved += ' ' + name + ' ' + std::to_string(value - before_[name]);
    }
    text += "\n    counted:" + (moved.empty() ? " nothing" : moved) + '\n';
    if (!calls_.empty() && has_ended()) {
      const std::string outcome = call_outcome();
      text += "    its calls: " + (outcome == here ? "the same" : outcome) + '\n';
    }
    return text;
  }
  bool has_ended() const { return session_->has_ended(); }
  // The other session takes calls and streams as ever.
  bool bystander_works() {
    Client<Probe> client(*bystander_);
    auto added = client.call<&Probe::add>(2, 3);
    auto [tx, rx] = channel<std::int32_t>();
    auto total = client.call<&Probe::sum>(std::move(rx));
    for (const std::int32_t number : {1, 2, 3}) {
      if (!world.run(send_one(tx, number))) return false;
    }
    tx.close();
    world.settle();
    const auto sum = world.run(outcome(added));
    const auto of_stream = world.run(outcome(total));
    return sum && *sum == 5 && of_stream && *of_stream == 6 && !bystander_server_->has_ended();
  }

  World world;
  Probe probe;

 private:
  Session& start(std::unique_ptr<io::Stream> stream, Role role, const Limits& limits) {
    return Session::start(world.loop, std::make_unique<FramedLink>(world.loop, std::move(stream), limits), role,
                          {.limits = limits}, &table_);
  }
  // Until nothing happens and the attacker has read what there is.
  void settle() {
    world.settle();
    Octets bytes(std::size_t{64} << 10);
    while (is_reading_) {
      const io::Transfer read = attacker_->read_some(bytes);
      has_seen_end_ = has_seen_end_ || read.status == io::Transfer::Status::ended;
      if (read.status != io::Transfer::Status::moved) break;
      received_.insert(received_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(read.bytes));
      world.settle();
    }
  }
  void make_calls() {
    Client<Probe> client(*session_);
    calls_.push_back(client.call<&Probe::hang>("hangs"));
    auto [tx, rx] = channel<std::int32_t, 256>();
    kept_rx_ = std::move(rx);
    generate_.emplace(client.call<&Probe::generate>(std::uint32_t{1000}, std::move(tx)));
    auto [sending, receiving] = channel<std::int32_t>();
    kept_tx_ = std::move(sending);
    sum_.emplace(client.call<&Probe::sum>(std::move(receiving)));
    for (int i = 0; i < 16; ++i) EXPECT_TRUE(world.run(send_one(*kept_tx_, i)));
    settle();
  }
  std::map<std::string, std::uint64_t> counted() {
    std::map<std::string, std::uint64_t> values;
    session_->counters().for_each(
        [&](std::string_view name, std::uint64_t value) { values[std::string(name)] = value; });
    return values;
  }
  // All that the attacker was sent after the handshake and what our calls say, as lines.
  std::string sent() {
    std::string text;
    ByteView rest(received_);
    while (!rest.empty()) {
      const wire::FrameScan scan = wire::scan_frame(rest, ~std::size_t{0});
      if (scan.status != wire::FrameScan::Status::whole) return text + "half a message";
      const std::string line = told(scan.message);
      const bool is_ours = line.starts_with("hello") || line.starts_with("call ") || line.starts_with("item 3");
      if (!is_ours && ++lines_ <= 3) text += (text.empty() ? "" : "; ") + line;
      rest = rest.subspan(scan.size);
    }
    if (lines_ > 3) text += "; ... " + std::to_string(lines_) + " messages";
    if (text.empty()) text = "nothing";
    return text + (has_seen_end_ ? ", and the end" : "");
  }
  std::string call_outcome() {
    auto result = world.run(outcome(calls_.front()));
    return result ? "answered" : to_string(result.error());
  }

  const Role role_;
  const bool is_peer_foreign_;
  MethodTable table_;
  Hold session_;
  Hold bystander_;
  Hold bystander_server_;
  std::unique_ptr<io::Stream> attacker_;
  bool is_reading_ = true;
  bool has_seen_end_ = false;
  Octets received_;
  std::vector<Call<std::string>> calls_;
  std::optional<Call<void>> generate_;
  std::optional<Call<std::int64_t>> sum_;
  std::optional<Tx<std::int32_t>> kept_tx_;
  std::optional<Rx<std::int32_t, 256>> kept_rx_;
  std::map<std::string, std::uint64_t> before_;
  std::size_t lines_ = 0;
};

}  // namespace parley::runtime::suite
