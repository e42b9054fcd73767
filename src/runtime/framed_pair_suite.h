#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <utility>

#include "io/memory_stream.h"
#include "io/statistics_stream.h"
#include "io/stream_end_suite.h"
#include "runtime/framed_link.h"
#include "runtime/link_log_suite.h"
#include "runtime/probe_service_suite.h"
#include "runtime/scripted_peer_suite.h"
#include "runtime/world_suite.h"

// Sessions over byte streams, which can be full: Pair and Scripted over memory links never are.
namespace parley::runtime::suite {

struct FramedOptions {
  std::size_t pipe_bytes_max = std::size_t{256} << 10;
  Limits limits = {};
  Session::Role role = Session::Role::acceptor;  // of ours, where the peer is bare bytes
};

// Two sessions that each serve a Probe, over a stream in memory.
class FramedPair {
 public:
  explicit FramedPair(const FramedOptions& options = {}) {
    add_service<Probe>(table_a, probe_a).value();
    add_service<Probe>(table_b, probe_b).value();
    auto [near, far] = io::MemoryStream::make_pair(world.loop, "mem:pair", {.pipe_bytes_max = options.pipe_bytes_max});
    a = start(std::move(near), statistics_a, Session::Role::initiator, options, table_a);
    b = start(std::move(far), statistics_b, Session::Role::acceptor, options, table_b);
    world.settle();
    EXPECT_TRUE(a->is_established() && b->is_established());
  }
  ~FramedPair() {
    a.reset();
    b.reset();
    world.settle();
    EXPECT_EQ(world.loop.executor().timer_count(), 0u) << "a timer outlives the sessions";
    EXPECT_EQ(world.loop.blocks().held_count(), 0u) << "a block outlives the sessions";
  }
  FramedPair(const FramedPair&) = delete;
  FramedPair& operator=(const FramedPair&) = delete;

  Client<Probe> client_a() { return Client<Probe>(*a); }
  Client<Probe> client_b() { return Client<Probe>(*b); }

  World world;
  io::StreamStatistics statistics_a;
  io::StreamStatistics statistics_b;
  Probe probe_a;
  Probe probe_b;
  MethodTable table_a;
  MethodTable table_b;
  Hold a;
  Hold b;

 private:
  Hold start(std::unique_ptr<io::Stream> stream, io::StreamStatistics& statistics, Session::Role role,
             const FramedOptions& options, MethodTable& table) {
    auto counted = std::make_unique<io::StatisticsStream>(std::move(stream), statistics);
    auto link = std::make_unique<FramedLink>(world.loop, std::move(counted), options.limits);
    return Hold(Session::start(world.loop, std::move(link), role, {.limits = options.limits}, &table));
  }
};

// A session that serves a Probe, against a peer of bare bytes that need not read.
class FramedScripted {
 public:
  explicit FramedScripted(const FramedOptions& options = {}) {
    add_service<Probe>(table, probe).value();
    auto [near, far] = io::MemoryStream::make_pair(world.loop, "mem:bare", {.pipe_bytes_max = options.pipe_bytes_max});
    peer = std::make_unique<io::suite::End>(std::move(far));
    peer->start();
    auto link = std::make_unique<FramedLink>(world.loop, std::move(near), options.limits);
    session = Hold(Session::start(world.loop, std::move(link), options.role, {.limits = options.limits}, &table));
    says(options.role == Session::Role::acceptor ? say::hello(7, Parity::odd, 64, parley_mark)
                                                 : say::hello_yourself(Parity::even, 64, parley_mark));
    EXPECT_TRUE(session->is_established());
  }
  FramedScripted(const FramedScripted&) = delete;
  FramedScripted& operator=(const FramedScripted&) = delete;

  // What can happen does. A peer that leaves bytes unread is told of them again and again, so this never rests.
  void settle() {
    for (int i = 0; i < 5; ++i) io::suite::turn_a_little(world.loop);
  }
  // Whether all of it was taken.
  bool says(const Octets& message) {
    const std::string bytes = framed(as_text(message));
    const bool is_taken = peer->write(as_bytes(bytes)).bytes == bytes.size();
    io::suite::turn_a_little(world.loop);
    return is_taken;
  }
  Client<Probe> client() { return Client<Probe>(*session); }
  std::size_t out_bytes() {
    io::Link& link = session->link();
    return link.out().size() + (link.is_blocked() ? link.control().size() : 0);
  }
  Error end_reason() {
    EXPECT_TRUE(session->has_ended());
    return session->end_reason().value_or(Error{Code::bug, "no reason"});
  }

  World world;
  Probe probe;
  MethodTable table;
  std::unique_ptr<io::suite::End> peer;
  Hold session;
};

}  // namespace parley::runtime::suite
