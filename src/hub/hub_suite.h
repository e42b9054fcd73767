#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "codec/postcard.h"
#include "hub/hub.h"
#include "io/fault_stream.h"
#include "io/memory_listener.h"
#include "runtime/builtin.h"
#include "runtime/framed_link.h"
#include "runtime/pair_suite.h"

// A hub with its workers and clients in one world, over streams in memory.
namespace parley::hub::suite {

using runtime::Session;
using runtime::SessionOptions;
using runtime::suite::Hold;
using runtime::suite::outcome;
using runtime::suite::Probe;
using runtime::suite::World;

// What a process serves; it outlives the loop, like every served object.
struct Served {
  Served() {
    runtime::MethodTable own;
    runtime::add_service<Probe>(own, probe).value();
    table.add("Probe", std::move(own)).value();
  }
  Probe probe;
  runtime::MethodTable table;
};

// One process that talks to the hub.
class Party {
 public:
  Party(World& world, Served& served, SessionOptions options, std::unique_ptr<io::Stream> stream)
      : probe(served.probe) {
    auto link = std::make_unique<runtime::FramedLink>(world.loop, std::move(stream), options.limits);
    session =
        Hold(Session::start(world.loop, std::move(link), Session::Role::initiator, std::move(options), &served.table));
    world.settle();
  }
  template <class S = Probe>
  Client<S> client(std::string_view name = "Probe") {
    return Client<S>(session->to_service(name));
  }

  Probe& probe;
  Hold session;
};

inline core::Offer probe_offer(std::string name = "Probe", bool is_exclusive = false) {
  core::Offer offer{.name = std::move(name), .service = "Probe", .exclusive = is_exclusive};
  std::apply([&]<class... Methods>(
                 Methods...) { (offer.method_ids.push_back(service::MethodInfo<Methods::pointer>::id), ...); },
             service::methods_of<Probe>());
  return offer;
}

inline SessionOptions offering(std::vector<core::Offer> offers) {
  SessionOptions options;
  options.metadata.add(std::string(wire::roam::names::offers), codec::to_postcard(offers));
  return options;
}

class HubWorld {
 public:
  explicit HubWorld(HubOptions options = {}) : hub(std::make_unique<Hub>(world.loop, std::move(options))) {
    EXPECT_EQ(hub->listen("mem:hub").value(), "mem:hub");
  }
  ~HubWorld() {
    hub.reset();
    world.settle();
    EXPECT_EQ(world.loop.executor().timer_count(), 0u) << "a timer outlives the hub";
    EXPECT_EQ(world.loop.blocks().held_count(), 0u) << "a block outlives the hub";
  }

  std::unique_ptr<io::Stream> dial(std::optional<io::Peer::Credentials> as = std::nullopt) {
    io::MemoryDialer dialer(world.loop, "hub", as);
    return world.run(dialer.dial()).value();
  }
  // Whether the hub keeps it or not.
  std::unique_ptr<Party> stranger(SessionOptions options = {}, std::optional<io::Peer::Credentials> as = std::nullopt) {
    served.push_back(std::make_unique<Served>());
    return std::make_unique<Party>(world, *served.back(), std::move(options), dial(as));
  }
  std::unique_ptr<Party> party(SessionOptions options = {}) {
    auto joined = stranger(std::move(options));
    EXPECT_TRUE(joined->session->is_established());
    return joined;
  }
  std::unique_ptr<Party> worker(std::vector<core::Offer> offers = {probe_offer()}) {
    return party(offering(std::move(offers)));
  }
  template <class T>
  CallResultOf<T> outcome_of(Call<T>& call) {
    return world.run(outcome(call));
  }

  std::vector<std::unique_ptr<Served>> served;
  World world;
  std::unique_ptr<Hub> hub;
};

}  // namespace parley::hub::suite
