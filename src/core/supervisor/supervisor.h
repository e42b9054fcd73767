#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/instant.h"
#include "base/prng.h"
#include "core/supervisor/exit_reason.h"

namespace parley::core {

// Watches children, actors or processes of the system, and decides what happens when one ends: who is started anew,
// who has to end with it, how long it waits before that, and when it is too much. Owned by one executor, which tells it
// what happens and carries out its effects, in order, after each call.
class Supervisor {
 public:
  using Child = std::uint64_t;  // the owner's number; its place among the others is the order in which they were added

  enum class Strategy : std::uint8_t {
    one_for_one,   // each by itself
    one_for_all,   // when one is started anew all are
    rest_for_one,  // when one is started anew those after it are
  };
  enum class Restart : std::uint8_t { always, on_crash, never };
  struct Options {
    Strategy strategy = Strategy::one_for_one;
    // So many restarts within that time; one more, and it gives up.
    std::uint32_t restarts_max = 5;
    Duration within = std::chrono::seconds(30);
    // Before the first restart of a series, and twice as long before each further one, somewhat at random. A series is
    // over when a whole `within` has passed without one.
    Duration backoff_first = std::chrono::milliseconds(10);
    Duration backoff_max = std::chrono::seconds(5);
    Duration stop_max = std::chrono::seconds(5);  // then a child that was asked to end is killed
  };

  // --- what is to be done; the end of each child is told to exited()
  struct Start {
    Child child;
  };
  struct Stop {
    Child child;
  };
  struct Kill {
    Child child;
  };
  // All have ended, and none is started any more. `why`: it gave up; nothing: it was asked to.
  struct Over {
    std::optional<Error> why;
  };
  using Effect = std::variant<Start, Stop, Kill, Over>;
  using Effects = std::vector<Effect>;

  // `seed`: of the randomness in its waiting.
  Supervisor(Options options, std::uint64_t seed) : options_(options), prng_(seed) {}

  // It is started at once. Errors: in_use, closed (it ends, or has ended).
  Result<void> add(Child child, Restart restart, Effects& effects);
  // Has it ended, and forgets it then. False: there is none.
  bool remove(Child child, Instant now, Effects& effects);
  // A child has ended, or could not be started. One that is not started anew is forgotten. Of others nothing is wanted
  // to be known.
  void exited(Child child, const ExitReason& reason, Instant now, Effects& effects);
  // All end, the last one first. Ends with Over. Idempotent.
  void stop(Instant now, Effects& effects);

  Instant next_deadline() const;
  void on_time(Instant now, Effects& effects);

  bool watches(Child child) const;
  std::size_t running_count() const;
  std::uint64_t restarts() const { return restarts_; }
  bool is_over() const { return state_ == State::over; }

 private:
  enum class Life : std::uint8_t { ended, running, ending };
  struct Watched {
    Child child = 0;
    Restart restart = Restart::always;
    Life life = Life::running;
    bool is_to_end = false;   // it runs, and another one's end wants its own
    bool is_removed = false;  // forgotten when it has ended
    Instant kill_at = Instant::never();
    Instant start_at = Instant::never();  // again, when all that are to end have
  };
  enum class State : std::uint8_t { running, ending, over };

  Watched* find(Child child);
  void give_up_or_restart(std::size_t place, Instant now, Effects& effects);
  void end(Watched& watched, Instant now, Effects& effects);
  void go_on(Instant now, Effects& effects);
  bool is_within_budget(Instant now);
  Duration backoff();

  const Options options_;
  Prng prng_;
  State state_ = State::running;
  std::optional<Error> why_;
  std::vector<Watched> children_;
  std::deque<Instant> recent_;  // restarts, within the time
  std::uint64_t restarts_ = 0;
};

}  // namespace parley::core
