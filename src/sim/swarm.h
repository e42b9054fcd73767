#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/limits.h"
#include "base/prng.h"
#include "sim/sim_network.h"

namespace parley::sim {

// What an actor may do in one step of a run.
enum class Deed : std::uint8_t {
  echo,
  add,
  divide,
  nap,
  explode,
  refuse,
  inflate,
  call_back,
  knock,    // a method that nobody serves
  burst,    // many calls at once
  jam,      // dropped calls behind more bytes than the link takes
  collect,  // items there
  produce,  // items back
  trickle,  // the same over a channel that starts without credit
  exchange,
  pour,     // items for a method that nobody serves
  abandon,  // a channel of which one end is gone before its call, or that never travels
};
inline constexpr std::size_t deed_count = 17;

// How one session is to end, if not by its link.
enum class Finale : std::uint8_t {
  idle,       // when nobody uses it any more
  closed,     // closed by one side in the middle
  abandoned,  // everything that uses it at one side is destroyed at once
  restarted,  // the process at its accepting side dies, and another comes in its place: only of stable sessions
};

// The mix of one seed. Each draws its own: a run that does a little of everything never does much of anything, and
// many defects need much of one thing and none of another.
struct Swarm {
  // --- who does how much
  std::uint32_t sessions = 1;
  std::uint32_t actors = 1;  // at each side that acts
  std::uint32_t deeds = 8;   // of each actor
  bool acceptor_acts = true;
  std::array<std::uint32_t, deed_count> weights{};
  bool takes_turns = false;  // one deed after the other, instead of by weight
  Duration think_max{};

  // --- how; chances are per mille
  std::uint32_t drops = 0;      // calls that are dropped
  std::uint32_t kills = 0;      // actors that are destroyed
  std::uint32_t deadlines = 0;  // calls that have one
  std::uint32_t quits = 0;      // channels that are dropped on the way, at either end
  Duration patience_max{};      // until a call is dropped
  Duration deadline_max{};
  Duration work_max{};  // of a handler
  std::uint64_t body_bytes_max = 100;
  std::uint64_t item_bytes_max = 20;
  std::uint64_t items_max = 50;
  std::uint32_t burst_max = 8;
  Duration pace_max{};  // between the items of one who takes his time

  // --- under which bounds
  Limits limits;

  // --- over what
  std::uint32_t stables = 0;     // per mille of sessions that are stable
  std::uint32_t breaks_max = 0;  // of the links of one of these, one after the other
  std::uint32_t repeats = 0;     // FlowOptions::repeats of their links
  std::uint32_t wraps = 0;       // per mille of them whose numbers begin short of the wrap
  std::uint32_t foreigners = 0;  // per mille of sessions of which one end does not say that it is Parley
  std::uint32_t refusals = 0;    // per mille of dialings
  std::uint32_t breaks = 0;      // per mille of links
  FlowOptions flow_min;          // flows lie between these
  FlowOptions flow_max;
  Duration break_time_max{};
  std::uint32_t finales = 0;  // per mille of sessions that do not end idle
  Duration finale_max{};

  // A perfect world, where each deed is done.
  static Swarm calm();
  static Swarm draw(Prng& prng);

  Deed draw_deed(Prng& prng, std::uint32_t turn) const;
  LinkOptions draw_link(Prng& prng, Instant now) const;
};

// Somewhere up to the longest; most are short.
Duration draw_duration(Prng& prng, Duration longest);
std::uint64_t draw_size(Prng& prng, std::uint64_t largest);

}  // namespace parley::sim
