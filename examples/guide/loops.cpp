#include <parley/parley.h>
#include <cstdio>

using namespace std::chrono_literals;

class Scores {
 public:
  virtual parley::Task<std::uint32_t> best() = 0;
};
PARLEY_SERVICE(Scores, (best, idempotent));

struct ScoresService final : Scores {
  parley::Task<std::uint32_t> best() override {
    co_await parley::Sleep(co_await parley::this_executor(), 40ms);
    co_return 9001;
  }
};

struct Game {
  explicit Game(parley::Loop& loop) : loop(loop), tasks(loop) { tasks.spawn(load_scores()); }

  parley::Task<void> load_scores() {
    auto session = co_await parley::connect(loop, "mem:scores");
    if (!session) co_return;
    auto best = co_await (*session)->client<Scores>("Scores").call<&Scores::best>();
    if (best) best_score = *best;
  }

  parley::Loop& loop;
  std::optional<std::uint32_t> best_score;
  parley::Scope tasks;  // last: its tasks use the members above, and die before them
};

int main() {
  ScoresService service;
  parley::Loop loop;
  auto server = parley::listen(loop, "mem:scores").value();
  server.serve<Scores>("Scores", service).value();
  Game game(loop);

  // The program's own loop: 60 frames a second, and Parley has what is left of each.
  for (auto next = loop.clock().now() + 16ms; !game.best_score; next = next + 16ms) {
    // draw(game);
    do loop.poll_once(next);
    while (loop.clock().now() < next);
  }
  std::printf("best: %u\n", *game.best_score);
}
