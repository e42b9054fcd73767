// Parley inside of a loop that ticks: a game or a simulation draws 60 frames a second and gives Parley what is left of
// each. While a frame is made, calls are served for at most the budget; the rest of the frame is waited for inside of
// poll_once(), which serves what comes meanwhile.
#include <algorithm>
#include <chrono>
#include <cstdio>

#include "parley/parley.h"

class World {
 public:
  virtual ~World() = default;
  virtual parley::Task<std::uint64_t> frame() = 0;
  virtual parley::Task<void> watch(parley::Tx<std::uint64_t> frames) = 0;  // the number of each frame, as it is drawn
};
PARLEY_SERVICE(World, frame, watch);

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint64_t frames_to_draw = 60;
constexpr auto frame_time = std::chrono::nanoseconds(std::chrono::seconds(1)) / 60;
constexpr auto budget = std::chrono::milliseconds(4);

struct Game final : World {
  parley::Task<std::uint64_t> frame() override { co_return number; }
  parley::Task<void> watch(parley::Tx<std::uint64_t> frames) override {
    while (number != frames_to_draw) {
      drawn.reset();
      co_await drawn.wait();
      if (const auto sent = co_await frames.send(number); !sent) co_return;
    }
    frames.close();
  }

  std::uint64_t number = 0;
  parley::Event drawn;
};

struct Seen {
  std::uint64_t frames = 0;
  std::uint64_t calls = 0;
  std::optional<parley::Error> error;
};

// Somebody who looks on: here in the same program, as well in another process.
parley::Task<parley::Result<void>> look_on(parley::Loop& loop, Seen& seen) {
  auto session = co_await co_await parley::connect(loop, "mem:world");
  auto world = session->client<World>("world");
  auto [tx, rx] = parley::channel<std::uint64_t>();
  auto watching = world.call<&World::watch>(std::move(tx));
  while (const auto number = co_await rx.recv()) {
    ++seen.frames;
    seen.calls += co_await co_await world.call<&World::frame>() >= *number;
  }
  co_return co_await watching;
}

parley::Task<void> run(parley::Loop& loop, Seen& seen) {
  if (const auto looked = co_await look_on(loop, seen); !looked) seen.error = looked.error();
}

// The game's own work for a frame.
double draw(std::uint64_t number) {
  double colour = static_cast<double>(number);
  for (int i = 0; i < 20'000; ++i) colour = colour * 0.999 + 0.1;
  return colour;
}

}  // namespace

int main() {
  Game game;
  parley::Loop loop;
  auto server = parley::listen(loop, "mem:world");
  if (!server) {
    std::printf("%s\n", parley::to_string(server.error()).c_str());
    return 1;
  }
  server->serve<World>("world", game).value();
  Seen seen;
  parley::Scope scope(loop);
  scope.spawn(run(loop, seen));

  double colours = 0;
  auto longest = Clock::duration::zero();
  auto frame_end = loop.now();
  while (game.number != frames_to_draw) {
    frame_end = frame_end + frame_time;
    colours += draw(game.number);
    ++game.number;
    game.drawn.set();

    const auto begin = Clock::now();
    while (Clock::now() - begin < budget && loop.poll_once()) {  // what is ready, without waiting
    }
    longest = std::max(longest, Clock::now() - begin);
    while (loop.now() < frame_end) loop.poll_once(frame_end);  // the rest of the frame
  }
  while (scope.size() != 0) loop.poll_once(loop.now() + frame_time);

  if (seen.error) std::printf("%s\n", parley::to_string(*seen.error).c_str());
  std::printf("%llu frames drawn (%.1f), %llu seen by the one who looks on; at most %.2f ms of a frame went to calls\n",
              static_cast<unsigned long long>(game.number), colours, static_cast<unsigned long long>(seen.frames),
              std::chrono::duration<double, std::milli>(longest).count());
  return !seen.error && seen.frames != 0 && seen.calls == seen.frames ? 0 : 1;
}
