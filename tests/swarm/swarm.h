#pragma once

#include <fmt/format.h>
#include <parley/testing.h>

#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>

// What the swarms share: how they break links, what they count, and their command line.
namespace swarm {

using parley::testing::Direction;

// A link that is to be cut behind so many bytes may live on until somebody says more than that.
constexpr std::size_t cut_bytes_max = 4000;

// What came to an end, and how.
struct Book {
  void note(const parley::Error* error) { ++outcomes[error ? std::string(to_string(kind(*error))) : "ok"]; }
  std::map<std::string, std::uint64_t> outcomes;
  std::uint64_t ended = 0;
};

// What no fault makes of a call: a defect, wrong arguments, a refusal, something unsupported.
inline bool may_end_with(parley::Kind what) {
  using parley::Kind;
  return what == Kind::lost || what == Kind::unknown || what == Kind::not_found || what == Kind::timed_out ||
         what == Kind::overloaded || what == Kind::cancelled || what == Kind::protocol;
}

// Some link to that address which lives: the first ones are dialed at the beginning, later ones when somebody comes
// back.
inline void break_something(parley::testing::World& world, const char* address, std::size_t links_max = 64) {
  auto links = world.links(address);
  const std::uint64_t what = world.prng().below(7);
  if (what == 6) return links.refuse_next(1);
  const Direction direction = world.prng().chance(500) ? Direction::to_dialer : Direction::to_listener;
  const std::size_t first = world.prng().below(links_max);
  std::size_t hit = 0;
  for (std::size_t tries = 0; tries < links_max && hit == 0; ++tries) {
    auto one = links.nth((first + tries) % links_max);
    switch (what) {
      case 0: hit = one.cut(); break;
      case 1: hit = one.close(); break;
      case 2: hit = one.half_open(direction); break;
      case 3: hit = one.stall(std::chrono::milliseconds(world.prng().between(1, 5000)), direction); break;
      case 4: hit = one.cut_after(world.prng().below(cut_bytes_max), direction); break;
      case 5: hit = one.send_garbage(direction); break;
    }
  }
}

// What to say when a run is aborted. Written by a handler of signals.
inline std::string replay;
inline void say_replay(int) { static_cast<void>(!::write(STDERR_FILENO, replay.data(), replay.size())); }

// `[SEED] [--seeds N]`. Over many seeds each of these outcomes has to be met, and each fault. The first seed is run
// twice, and the same has to happen.
template <class Swarm>
int run(int argc, char** argv, std::initializer_list<const char*> musts) {
  std::uint64_t first = 1;
  std::uint64_t count = 1;
  for (int i = 1; i < argc; ++i) {
    if (std::string_view(argv[i]) == "--seeds" && i + 1 < argc) {
      count = std::strtoull(argv[++i], nullptr, 10);
    } else {
      first = std::strtoull(argv[i], nullptr, 10);
    }
  }
  std::map<std::string, std::uint64_t> outcomes;
  std::map<std::string, std::uint64_t> faults;
  std::signal(SIGABRT, &say_replay);
  std::optional<std::uint64_t> digest_of_first;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    replay = fmt::format("replay: {} {}\n", argv[0], seed);
    Swarm swarm(seed);
    swarm.run();
    if (!digest_of_first) {
      digest_of_first = swarm.digest();
      Swarm again(seed);
      again.run();
      if (again.digest() != *digest_of_first) {
        fmt::print(stderr, "the seed {} gives another run the second time\n", seed);
        return 1;
      }
    }
    for (const auto& [what, times] : swarm.book().outcomes) outcomes[what] += times;
    const parley::testing::Faults had = swarm.faults();
    faults["refused"] += had.refused;
    faults["cut"] += had.cut;
    faults["closed"] += had.closed;
    faults["half open"] += had.half_open;
    faults["garbage"] += had.garbage;
    faults["stalled"] += had.stalled;
  }
  for (const auto& [what, times] : outcomes) fmt::print("{:<20}{:>8}\n", what, times);
  for (const auto& [what, times] : faults) {
    fmt::print("{:<20}{:>8}\n", what, times);
    if (count >= 20 && times == 0) {
      fmt::print(stderr, "no link was ever {}\n", what);
      return 1;
    }
  }
  for (const char* const must : musts) {
    if (count >= 20 && !outcomes.contains(must)) {
      fmt::print(stderr, "nothing was ever {}\n", must);
      return 1;
    }
  }
  return 0;
}

}  // namespace swarm
