#include <parley/parley.h>
#include <spawn.h>
#include <sys/wait.h>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using Incarnation = parley::Outbox::Incarnation;

struct Window {
  std::string name;
};
struct Title {
  std::string window, text;
};

// The program that is started, and killed: it dials the launcher, and takes the commands of its outbox.
class Host {
 public:
  Host(std::string program, std::string launcher, std::string ledger)
      : words_{std::move(program), std::move(launcher), std::move(ledger)} {}
  ~Host() { kill(); }

  bool start() {
    char* command[] = {words_[0].data(), words_[1].data(), words_[2].data(), nullptr};
    return ::posix_spawn(&pid_, command[0], nullptr, nullptr, command, environ) == 0;
  }
  void signal(int number) { ::kill(pid_, number); }
  void kill() {
    if (pid_ == 0) return;
    signal(SIGKILL);
    ::waitpid(std::exchange(pid_, 0), nullptr, 0);
  }

 private:
  std::vector<std::string> words_;
  pid_t pid_ = 0;
};

parley::Task<void> take_session(parley::Outbox& outbox, parley::Session& session) {
  const auto attached = co_await parley::attach(outbox, session);
  if (!attached) std::fprintf(stderr, "%s\n", to_string(attached.error()).c_str());
}

// Until the host is there, or away.
parley::Task<void> wait(parley::Loop& loop, parley::Outbox& outbox, bool is_there) {
  while (outbox.entry().is_connected != is_there) co_await parley::Sleep(loop, 1ms);
}

parley::Task<void> tell(const char* what, parley::Ticket ticket) {
  const parley::TicketResult result = co_await ticket.result();
  if (result.kind == parley::TicketResult::Kind::applied) {
    std::printf("%s: applied\n", what);
  } else {
    std::printf("%s: %s (%s)\n", what, to_string(result.kind).data(), result.error.note.c_str());
  }
}

parley::Task<parley::Result<void>> launch(parley::Loop& loop, parley::Outbox& outbox, Host& host) {
  // Nobody is there yet: it waits.
  auto open = co_await outbox.send("window.open", Window{"main"});
  if (!host.start()) co_return parley::fail(parley::Code::not_found, "the host");
  co_await tell("open", open);
  co_await tell("close", co_await outbox.send("window.close", Window{"main"}));

  // The host is stopped, and goes on: sending waits for nothing, and what was sent is applied.
  host.signal(SIGSTOP);
  auto late = co_await outbox.send("window.title", Title{"main", "late"});
  host.signal(SIGCONT);
  co_await tell("title of a host that was stopped", late);

  // The host dies while it draws: it may have been drawn, or not.
  auto lost = co_await outbox.send("window.render", Window{"main"});
  host.kill();
  co_await wait(loop, outbox, false);
  co_await tell("expires", co_await outbox.send("window.title", Title{"main", "soon"}, {.deadline = 50ms}));
  auto same = co_await outbox.send("window.title", Title{"main", "for the window that was"});
  auto first =
      co_await outbox.send("window.title", Title{"main", "1"}, {.key = "title", .incarnation = Incarnation::any});
  auto second =
      co_await outbox.send("window.title", Title{"main", "2"}, {.key = "title", .incarnation = Incarnation::any});
  auto again = co_await outbox.send("window.open", Window{"main"}, {.incarnation = Incarnation::any});
  auto dialog = co_await outbox.send("window.open", Window{"dialog"}, {.group = "dialogs"});
  outbox.purge("dialogs");
  host.start();
  co_await tell("render of a host that was killed", lost);
  co_await tell("title for the host before", same);
  co_await tell("title 1", first);
  co_await tell("title 2", second);
  co_await tell("open, by any host", again);
  co_await tell("dialog", dialog);
  co_await outbox.close(1s);
  co_return {};
}

int main(int argc, char** argv) {
  if (argc < 4) return std::fputs("Usage: outbox_launcher HOST_PROGRAM ADDRESS LEDGER_FILE\n", stderr), 2;
  parley::Loop loop;
  Host host(argv[1], argv[2], argv[3]);
  parley::Outbox outbox(loop, {.name = "to the host"});
  auto server = parley::listen(loop, argv[2]);
  if (!server) return std::fprintf(stderr, "%s\n", to_string(server.error()).c_str()), 1;
  parley::Scope scope(loop);
  server->on_session([&](parley::Session& session) { scope.spawn(take_session(outbox, session)); });
  auto launched = loop.run_until(launch(loop, outbox, host));
  if (!launched) return std::fprintf(stderr, "%s\n", to_string(launched.error()).c_str()), 1;
  const auto count = outbox.entry().results;
  std::printf("%lu applied, %lu failed, %lu expired, %lu cancelled, %lu refused, %lu unknown\n", count.applied,
              count.failed, count.expired, count.cancelled, count.refused, count.unknown);
}
