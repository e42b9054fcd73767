#include <parley/parley.h>
#include <unistd.h>
#include <chrono>
#include <cstdio>

using namespace std::chrono_literals;

struct Window {
  std::string name;
};
struct Title {
  std::string window, text;
};

// What was done, for which ticket and by which life of this program: who reads it later can compare.
void write_down(std::FILE* ledger, const parley::CommandContext& context) {
  std::fprintf(ledger, "%d %s %s\n", ::getpid(), context.command().c_str(), context.meta().c_str());
  std::fflush(ledger);
}

parley::Task<void> render(parley::Loop& loop, std::FILE* ledger, parley::CommandContext& context) {
  write_down(ledger, context);
  co_await parley::Sleep(loop, 20ms);
}

parley::Task<parley::Result<void>> work(parley::Loop& loop, std::string launcher, std::FILE* ledger) {
  parley::Registry registry(loop);
  co_await co_await registry.command(
      "window.open", "Opens a window",
      [ledger](parley::CommandContext& context, Window) { write_down(ledger, context); });
  co_await co_await registry.command("window.title", "Gives it a title",
                                     [ledger](parley::CommandContext& context, Title) { write_down(ledger, context); });
  co_await co_await registry.command(
      "window.render", "Draws it, which takes a while",
      [&loop, ledger](parley::CommandContext& context, Window) { return render(loop, ledger, context); });
  co_await co_await registry.command("window.close", "Closes it, if it can", [](Window in) {
    return parley::Result<void>(parley::fail(parley::Code::failed, in.name + " has unsaved changes"));
  });

  parley::OutboxService outbox(registry);
  parley::Services services;
  co_await services.serve<parley::builtin::Outbox>(std::string(parley::builtin::outbox_name), outbox);
  std::puts("dials its launcher"), std::fflush(stdout);
  auto session = co_await co_await parley::connect(loop, launcher, {.services = &services, .redial = true});
  co_return co_await session->closed();
}

int main(int argc, char** argv) {
  if (argc < 3) return std::fputs("Usage: outbox_host LAUNCHER_ADDRESS LEDGER_FILE\n", stderr), 2;
  std::FILE* ledger = std::fopen(argv[2], "a");
  if (!ledger) return std::perror(argv[2]), 1;
  parley::Loop loop;
  auto worked = loop.run_until(work(loop, argv[1], ledger));
  if (!worked) return std::fprintf(stderr, "%s\n", to_string(worked.error()).c_str()), 1;
}
