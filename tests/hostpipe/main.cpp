#include <parley/parley.h>
#include <unistd.h>
#include <cstdio>

// A host for a launcher at a pipe: says again what it is told, fails when it is asked to, and reports an event.
namespace {

struct Label {
  std::optional<std::string> label = {};
};

parley::Task<parley::Result<void>> serve(parley::Loop& loop, std::string launcher) {
  parley::Registry registry(loop);
  co_await co_await registry.command("host.echo", "", [](Label in) { return in; });
  co_await co_await registry.command(
      "host.fail", "", []() -> parley::Result<void> { return parley::fail(parley::Code::failed, "as asked"); });
  auto client = co_await co_await parley::dial_hostpipe(
      registry, std::move(launcher), {.pid = static_cast<std::uint32_t>(::getpid()), .reports = {{"echo", "echoed"}}});
  const auto heard = registry.on_json("launcher.say_it_again", [&](std::string_view, std::string_view payload) {
    return client->report("heard", payload).has_value();
  });
  std::puts("registered"), std::fflush(stdout);
  co_await client->gone();
  co_return parley::Result<void>();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return std::fputs("Usage: hostpipe_host LAUNCHER_ADDRESS\n", stderr), 2;
  parley::Loop loop;
  const auto served = loop.run_until(serve(loop, argv[1]));
  if (!served) return std::fprintf(stderr, "%s\n", to_string(served.error()).c_str()), 1;
}
