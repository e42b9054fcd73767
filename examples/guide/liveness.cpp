#include <parley/parley.h>
#include <cstdio>

class Screen {
 public:
  virtual parley::Task<void> show(std::string text) = 0;
};
PARLEY_SERVICE(Screen, (show, args(text)));

struct ScreenService final : Screen {
  parley::Task<void> show(std::string text) override {
    std::printf("%s\n", text.c_str());
    co_return;
  }
};

// The server's side: it calls what the client serves, and closes when it has said everything.
parley::Task<void> greet(parley::Session& session, parley::Client<Screen> screen) {
  for (std::string text : {"hello", "still here", "goodbye"}) {
    if (!co_await screen.call<&Screen::show>(text)) co_return;  // the session has ended, and `session` with it
  }
  session.close();
}

// The client's side: it serves, and asks nothing.
parley::Task<parley::Result<void>> look(parley::Loop& loop, const parley::Services& services) {
  auto session = co_await co_await parley::connect(loop, "mem:screens", {.services = &services});
  auto ended = co_await session->closed();
  std::printf("%s\n", ended ? "closed by the server" : to_string(ended.error()).c_str());
  co_return {};
}

// Here the client outlives the handle, and keeps the session open until the function ends.
parley::Task<parley::Result<void>> let_go(parley::Loop& loop, const parley::Services&) {
  auto session = co_await co_await parley::connect(loop, "mem:screens");
  auto screen = session->client<Screen>("Screen");
  session.reset();
  co_return co_await screen.call<&Screen::show>("the handle is gone");
}

int main() {
  ScreenService screen;
  parley::Loop loop;
  parley::Services services;
  services.serve<Screen>("Screen", screen).value();
  auto server = parley::listen(loop, "mem:screens").value();
  server.serve<Screen>("Screen", screen).value();
  parley::Scope greetings(loop);
  server.on_session(
      [&](parley::Session& session) { greetings.spawn(greet(session, session.client<Screen>("Screen"))); });
  for (auto* task : {look, let_go}) {
    auto done = loop.run_until(task(loop, services));
    if (!done) return std::fprintf(stderr, "%s\n", to_string(done.error()).c_str()), 1;
  }
}
