#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <latch>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "face/blocking.h"
#include "face/server.h"
#include "net/net_world_suite.h"
#include "runtime/probe_suite.h"

// What the tests of the blocking face are written with.
namespace parley::blocking::suite {

using runtime::suite::MathError;
using runtime::suite::Probe;

// What a peer may do to a client beside answering.
class Peer {
 public:
  // Calls the caller's Probe before it answers.
  Task<Result<std::int64_t>> ask_back(Context& context, std::int64_t number) {
    auto caller = context.client<Probe>("Probe");
    co_return co_await caller.call<&Probe::custom>(number);
  }
  // Calls the caller's Probe and answers without waiting for it: both leave together.
  Task<void> ask_in_passing(Context& context, std::int64_t number) {
    asked.emplace(context.client<Probe>("Probe").call<&Probe::custom>(number));
    co_return;
  }
  Task<void> take(std::string text) {
    taken_bytes = text.size();
    taken.count_down();
    co_return;
  }
  // Reads so many items and then dies.
  Task<void> die_after(std::uint32_t count, parley::Rx<std::int32_t> numbers) {
    for (std::uint32_t i = 0; i < count; ++i) co_await numbers.recv();
    die();
    co_await Event().wait();
  }
  // Sends so many items and then dies.
  Task<void> die_behind(std::uint32_t count, parley::Tx<std::int32_t> numbers) {
    for (std::uint32_t i = 0; i < count; ++i) {
      if (!co_await numbers.send(static_cast<std::int32_t>(i))) co_return;
    }
    die();
    co_await Event().wait();
  }
  std::move_only_function<void()> die;
  std::optional<parley::Call<std::int64_t>> asked;
  std::latch taken{1};
  std::size_t taken_bytes = 0;
};
PARLEY_SERVICE(Peer, ask_back, ask_in_passing, take, die_after, die_behind);

// A server on a thread of its own, which serves a Probe and a Peer on a Unix socket.
class ServerThread {
 public:
  ServerThread() : thread_([this] { run(); }) { started_.wait(); }
  ~ServerThread() { stop(); }
  // The server, its loop and its thread are gone.
  void stop() {
    if (!thread_.joinable()) return;
    loop_->stop();
    stopped_.count_down();
    thread_.join();
  }
  // Does it on the server's thread, and waits for that.
  void run_there(std::move_only_function<void()> work) {
    std::latch done(1);
    loop_->post([&] {
      work();
      done.count_down();
    });
    done.wait();
  }
  const std::string& address() const { return address_; }

  Probe probe;
  Peer peer;

 private:
  void run() {
    Loop loop;
    Server server = listen(loop, "unix:" + (folder_ / "peer.sock")).value();
    server.serve<Probe>("Probe", probe).value();
    server.serve<Peer>("Peer", peer).value();
    peer.die = [&] { loop.post([&] { server.close(); }); };
    address_ = server.address();
    loop_ = &loop;
    started_.count_down();
    loop.run();
    stopped_.wait();  // whoever stops the loop may still be at it
    peer.asked.reset();
  }

  net::suite::TemporaryFolder folder_;
  std::string address_;
  Loop* loop_ = nullptr;
  std::latch started_{1};
  std::latch stopped_{1};
  std::thread thread_;
};

}  // namespace parley::blocking::suite
