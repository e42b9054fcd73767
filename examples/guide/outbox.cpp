#include <parley/outbox.h>
#include <parley/parley.h>
#include <cstdio>
#include <memory>

using parley::Outbox;
using parley::Ticket;

struct Open {
  std::string title;
};
struct Opened {
  int window = 0;
};

// The other process: it has commands, and runs those of outboxes.
struct Host {
  explicit Host(parley::Loop& loop)
      : registry(loop), outboxes(registry), server(parley::listen(loop, "mem:host").value()) {
    server.serve<parley::builtin::Outbox>(std::string(parley::builtin::outbox_name), outboxes).value();
  }
  parley::Task<parley::Result<void>> start() {
    co_return co_await registry.command("window.open", "Opens a window", [this](Open open) {
      std::printf("  the host opens %s\n", open.title.c_str());
      return Opened{++windows};
    });
  }
  int windows = 0;
  parley::Registry registry;
  parley::OutboxService outboxes;
  parley::Server server;
};

parley::Task<void> tell(const char* what, Ticket ticket) {
  const parley::TicketResult result = co_await ticket.result();
  const std::string_view kind = to_string(result.kind);
  const std::string& more = result.value.empty() ? result.error.note : result.value;
  std::printf("%s: %.*s %s\n", what, static_cast<int>(kind.size()), kind.data(), more.c_str());
}

parley::Task<parley::Result<void>> use(parley::Loop& loop) {
  Outbox outbox(loop, {.name = "to the host"});
  Ticket early = co_await outbox.send("window.open", Open{"a"});  // nobody is there yet
  Ticket stale = co_await outbox.send("window.open", Open{"b"}, {.key = "b"});
  Ticket fresh = co_await outbox.send("window.open", Open{"b, larger"}, {.key = "b"});  // takes its place
  Ticket regretted = co_await outbox.send("window.open", Open{"c"}, {.group = "wizard"});
  std::printf("%zu of the wizard are cancelled\n", outbox.purge("wizard"));

  auto host = std::make_unique<Host>(loop);
  co_await co_await host->start();
  auto session = co_await co_await parley::connect(loop, "mem:host");
  co_await co_await attach(outbox, *session);
  co_await tell("early", early);
  co_await tell("stale", stale);
  co_await tell("fresh", fresh);
  co_await tell("regretted", regretted);

  session.reset();
  host.reset();  // and another one takes its place
  while (outbox.entry().is_connected) co_await parley::Sleep(loop, std::chrono::milliseconds(1));
  Ticket same = co_await outbox.send("window.open", Open{"d"});
  Ticket any = co_await outbox.send("window.open", Open{"e"}, {.incarnation = Outbox::Incarnation::any});
  host = std::make_unique<Host>(loop);
  co_await co_await host->start();
  session = co_await co_await parley::connect(loop, "mem:host");
  co_await co_await attach(outbox, *session);
  co_await tell("for the first host alone", same);
  co_await tell("for any", any);
  co_await outbox.close(std::chrono::seconds(1));
  co_return {};
}

int main() {
  parley::Loop loop;
  auto used = loop.run_until(use(loop));
  if (!used) return std::fprintf(stderr, "%s\n", to_string(used.error()).c_str()), 1;
}
