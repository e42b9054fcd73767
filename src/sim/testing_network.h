#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "sim/sim_network.h"

namespace parley::testing {

// Which way bytes go on a link: to the end that listened for it, or to the one that dialed.
enum class Direction : std::uint8_t { to_listener, to_dialer, both };

// How one direction carries bytes: delay, rate, buffer, pieces, short writes, stalls. A slow reader is a small buffer
// and few bytes per second.
using Flow = sim::FlowOptions;

// How often something went wrong in a world so far.
struct Faults {
  std::uint64_t refused = 0;       // somebody dialed and found nobody
  std::uint64_t cut = 0;           // links that broke
  std::uint64_t closed = 0;        // links that ended in good order as far as their ends could see
  std::uint64_t half_open = 0;     // directions that went silent
  std::uint64_t gave_up = 0;       // links that were cut because they had been silent for long
  std::uint64_t garbage = 0;       // messages that arrived and that nobody had sent
  std::uint64_t stalled = 0;       // readers that got nothing for a while
  std::uint64_t split = 0;         // pieces that arrived apart from what they were written with
  std::uint64_t short_writes = 0;  // writes that were taken in part
  std::uint64_t blocked = 0;       // writes that were not taken at all, because the reader was behind
  friend bool operator==(const Faults&, const Faults&) = default;
};

// The simulated network of one world, which is perfect until it is told otherwise; see Links.
class Network {
 public:
  explicit Network(sim::World& world);
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  Faults faults() const;
  // What is still open: ends of links and listeners, each with its address. Empty if nothing is.
  std::string still_open();

 private:
  friend class Links;
  // What becomes of the next ones who dial.
  struct Rules {
    std::array<Flow, 2> flows;  // flow 0 goes to the listener
    std::uint64_t refusals = 0;
    sim::BreakPlan break_plan;
  };
  Rules& rules_of(const std::string& address);
  sim::SimNetwork::Fate draw_fate(const std::string& address);

  sim::World& world_;
  Rules rules_of_all_;
  std::map<std::string, Rules> rules_;  // of addresses that were dialed or spoken of
  sim::SimNetwork network_;
};

// The links that were or will be dialed at one address, or at all of them, as they are at the time of each call. What
// is done to links happens at once, to those that are up; it gives how many these are. Both ends learn of it as they
// would of the real thing: when the world turns. A view: it dies before its world.
class Links {
 public:
  // Without an address: all.
  explicit Links(Network& network, std::optional<std::string> address = std::nullopt)
      : network_(network), address_(std::move(address)) {}

  // Only the nth that is dialed, counted from 0. The address may be left out here, too.
  Links nth(std::size_t number) const;
  // How many are up: neither ended, nor broken at both ends.
  std::size_t count() const;

  // --- links that are up
  // What is under way is lost; reading and writing fail at both ends with link_lost.
  std::size_t cut() { return break_now(sim::Break::cut, Direction::to_listener); }
  // The same, but it looks like an end in good order wherever the bytes happen to stop.
  std::size_t close() { return break_now(sim::Break::closed, Direction::to_listener); }
  // Nothing goes that way any more, and nobody is told; the other way may go on. After 20 seconds the system gives up,
  // and the link is cut.
  std::size_t half_open(Direction silent) { return break_now(sim::Break::half_open, silent); }
  // A message of nobody's making arrives behind the one that is arriving; what would follow it is lost.
  std::size_t send_garbage(Direction direction) { return break_now(sim::Break::garbage, direction); }
  // So many bytes arrive that way, and then it is cut: inside a message, say. One direction, not both.
  std::size_t cut_after(std::uint64_t bytes, Direction direction);
  // Readers get nothing for so long, and then everything.
  std::size_t stall(Duration duration, Direction direction = Direction::both);

  // --- links that are up, and those to come
  // What is on its way keeps its time of arrival.
  void carry(const Flow& how, Direction direction = Direction::both);

  // --- the next that are dialed; not of an nth
  // As if nobody listened.
  void refuse_next(std::uint64_t times = 1);
  // The next link is cut behind so many bytes: in the middle of the handshake, say. One direction, not both.
  void cut_next_after(std::uint64_t bytes, Direction direction);

 private:
  template <class Function>
  std::size_t for_each(Function function) const;
  std::size_t break_now(sim::Break what, Direction direction);
  Network::Rules& next() const;

  Network& network_;
  std::optional<std::string> address_;
  std::optional<std::size_t> number_;
};

}  // namespace parley::testing
