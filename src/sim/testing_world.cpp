#include "sim/testing_world.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <vector>

namespace parley::testing {

World::World(std::uint64_t seed, WorldOptions options)
    : seed_(seed), options_(std::move(options)), world_(seed, options_.keeps_lines), network_(world_) {}

World::~World() = default;

std::string World::replay() const {
  const std::chrono::duration<double> passed = world_.now() - sim::VirtualClock::start;
  return fmt::format("seed {}, {:g} s after the start", seed_, passed.count());
}

void World::judge(sim::World::Stop stop, std::source_location where) {
  const auto with_leftovers = [this](std::string_view what) {
    const std::string left = leftovers();
    return fmt::format("{}; there is {}", what, left.empty() ? "nothing else" : left);
  };
  switch (stop) {
    case sim::World::Stop::done: return;
    case sim::World::Stop::deadlock:
      return fail(with_leftovers("a deadlock: this has not ended, and nothing can happen any more"), where);
    case sim::World::Stop::time_up:
      return fail(with_leftovers(fmt::format("this has not ended after {:g} s",
                                             std::chrono::duration<double>(options_.run_max).count())),
                  where);
    case sim::World::Stop::livelock:
      return fail(with_leftovers("the loop turns and turns, and time stands still"), where);
  }
}

// Empty if there is nothing left at all.
std::string World::leftovers() {
  std::vector<std::string> left;
  if (std::string open = network_.still_open(); !open.empty()) left.push_back(std::move(open));
  const auto count = [&](std::size_t number, std::string_view one, std::string_view many) {
    if (number != 0) left.push_back(number == 1 ? std::string(one) : fmt::format("{} {}", number, many));
  };
  count(world_.executor().timer_count(), "a timer", "timers");
  count(world_.reactor().planned_count(), "something on its way", "things on their way");
  count(world_.loop().blocks().held_count(), "a read block that is held", "read blocks that are held");
  if (world_.executor().has_ready()) left.emplace_back("something ready to run");
  return fmt::to_string(fmt::join(left, ", "));
}

void World::expect_quiet(std::source_location where) {
  const auto is_over = [this] { return world_.is_quiet() && leftovers().empty(); };
  if (world_.run_until(is_over, world_.now() + options_.run_max) == sim::World::Stop::done) return;
  fail("not everything has come to its end: there is " + leftovers(), where);
}

void World::fail(std::string_view what, std::source_location where) {
  const std::string text = fmt::format("{} ({})", what, replay());
  if (options_.on_failure) {
    options_.on_failure(fmt::format("{}:{}: {}", where.file_name(), where.line(), text));
  }
  assert_failed(text.c_str(), where.file_name(), static_cast<int>(where.line()), {});
}

}  // namespace parley::testing
