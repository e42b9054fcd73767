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

// A host at the pipe of a hub in memory: it says what the test says, and keeps what it hears.
namespace parley::hub::pipe_suite {

using runtime::suite::Running;
using suite::HubWorld;

inline constexpr io::Peer::Credentials owner{.pid = 17, .uid = 1000, .gid = 1000};
inline constexpr std::string_view register_17 = R"({"cmd":"register","kind":"host","pid":17})";

// A hub that its own process and user 1000 may use, with commands and a probe.
inline HubOptions with_commands(std::vector<std::string> events = {}) {
  HubOptions options;
  options.policy.add(core::Rule::parse("uid:1000 * **").value()).value();
  options.hostpipe.commands = {"spawn_pool_window", "reap_panes"};
  options.hostpipe.probes = {"probe_ui_thread"};
  options.hostpipe.events = std::move(events);
  return options;
}

class Host {
 public:
  explicit Host(HubWorld& world, std::optional<io::Peer::Credentials> as = owner) : Host(world, world.dial(as)) {}
  Host(HubWorld& world, std::unique_ptr<io::Stream> stream) : world_(world), stream_(std::move(stream)) {}

  void write(std::string_view text) {
    ByteView bytes = as_bytes(text);
    while (!bytes.empty() && stream_) {
      const io::Transfer moved = stream_->write_some(bytes);
      if (moved.status == io::Transfer::Status::failed) return;
      bytes = bytes.subspan(moved.bytes);
      world_.world.settle();
    }
    world_.world.settle();
  }
  void say(std::string_view line) { write(std::string(line) + "\n"); }
  // Says it and gives the one line that it hears then.
  std::string ask(std::string_view line) {
    EXPECT_EQ(hear(), "");
    say(line);
    return hear();
  }
  // The next line; empty: there is none. Of lines that have begun and not ended nothing is told.
  std::string hear() {
    read();
    if (lines_.empty()) return {};
    std::string line = std::move(lines_.front());
    lines_.pop_front();
    return line;
  }
  std::vector<std::string> hear_all() {
    std::vector<std::string> all;
    while (true) {
      std::string line = hear();
      if (line.empty()) return all;
      all.push_back(std::move(line));
    }
  }
  std::string begun() {
    read();
    return begun_;
  }
  bool has_ended() {
    read();
    return has_ended_;
  }
  // Says nothing more, and may read.
  void finish() {
    stream_->finish();
    world_.world.settle();
  }
  // From now on nothing is read.
  void stop_reading() { is_deaf_ = true; }
  void go_on_reading() { is_deaf_ = false; }
  void die() {
    stream_.reset();
    world_.world.settle();
  }

 private:
  void read() {
    std::array<char, 4096> bytes{};
    while (stream_ && !is_deaf_ && !has_ended_) {
      const auto moved = stream_->read_some({reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()});
      if (moved.status == io::Transfer::Status::would_block) {
        if (world_.world.loop.poll_once()) continue;
        return;
      }
      if (moved.status != io::Transfer::Status::moved) has_ended_ = true;
      for (const char byte : std::string_view(bytes.data(), moved.bytes)) {
        if (byte != '\n') {
          begun_ += byte;
          continue;
        }
        lines_.push_back(std::exchange(begun_, {}));
      }
      world_.world.settle();
    }
  }

  HubWorld& world_;
  std::unique_ptr<io::Stream> stream_;
  std::deque<std::string> lines_;
  std::string begun_;
  bool is_deaf_ = false;
  bool has_ended_ = false;
};

// A host that has registered as process 17.
struct Registered {
  explicit Registered(HubOptions options = with_commands()) : hub(std::move(options)), host(hub) {
    EXPECT_EQ(host.ask(register_17), R"({"event":"registered","kind":"host","pid":17,"generation":1,"version":0})");
  }
  using Answer = Result<Registry::Answer>;
  // A call of the hub's own process, which goes on beside the test.
  Running<Answer> call(std::string name, std::string arguments = {}, ExecuteOptions options = {}) {
    return {hub.world, hub.hub->registry().execute_json(std::move(name), std::move(arguments), std::move(options))};
  }
  void emit(std::string event, std::string payload = {}) {
    hub.hub->registry().emit_json(std::move(event), std::move(payload)).value();
    hub.world.settle();
  }
  const HostpipeCounters& counters() const { return hub.hub->hostpipe(); }

  HubWorld hub;
  Host host;
};

inline std::string error(std::string_view code, std::string_view message, bool is_fatal = false) {
  return R"({"event":"error","code":")" + std::string(code) + R"(","message":")" + std::string(message) +
         R"(","fatal":)" + (is_fatal ? "true" : "false") + R"(,"version":0})";
}

}  // namespace parley::hub::pipe_suite
