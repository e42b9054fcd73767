// Parley through a hub, under the harness of the floors: the hub is the program `parley`, and the server's process is a
// worker. Keys beside theirs: clients= (sessions that share the calls in flight), variant=introduced (the hub gives
// each client a socket to the worker, and steps aside). `idle` measures a hub in the server's process.
#include "adder.h"
#include "bench.hpp"
#include "parley/hub.h"

namespace {

using bench_parley::Bench;
using namespace parley;

std::string uri(const bench::Options& options) { return "unix:" + options.path(); }

class Worker final : public Bench {
 public:
  Task<std::int32_t> add(std::int32_t a, std::int32_t b) override { co_return a + b; }
  Task<std::uint64_t> stream(std::uint64_t, std::uint64_t, std::uint64_t, Tx<ByteView>) override { co_return 0; }
  Task<std::uint64_t> stream256(std::uint64_t, std::uint64_t, std::uint64_t, Tx<ByteView, 256>) override {
    co_return 0;
  }
  Task<std::uint64_t> stream1024(std::uint64_t, std::uint64_t, std::uint64_t, Tx<ByteView, 1024>) override {
    co_return 0;
  }
};

// tidy: allow function what the harness of the floors takes
void serve(const bench::Options& options, std::function<void()> ready) {
  Loop loop;
  if (options.scenario == "idle") {
    Hub hub(loop, {.policy = core::Policy::of_owner(core::Principal::of_user(::getuid()))});
    bench::check(hub.listen(uri(options)).has_value(), "listen");
    ready();
    loop.run();
    return;
  }
  Worker worker;
  Services services;
  bench::check(services.serve<Bench>("Bench", worker).has_value(), "serve");
  auto session = loop.run_until(connect(loop, uri(options), {.services = &services, .offer = true}));
  if (!session) bench::die(to_string(session.error()));
  ready();
  loop.run();
}

Task<void> caller(Client<Bench> bench, bench::Meter& meter, bool& is_over) {
  std::int32_t x = 0;
  for (std::uint64_t begin = bench::now_ns();; begin = meter.last()) {
    ++x;
    const Result<std::int32_t> sum = co_await bench.call<&Bench::add>(x, 2);
    bench::check(sum.has_value() && *sum == x + 2, "sum");
    if (!meter.complete(begin)) break;
  }
  is_over = true;
}

std::unique_ptr<Session> open(Loop& loop, const bench::Options& options) {
  auto session = loop.run_until(connect(loop, uri(options)));
  if (!session) bench::die(to_string(session.error()));
  if (options.variant() != "introduced") return *std::move(session);
  auto direct = loop.run_until(introduce(**session, "Bench"));
  if (!direct) bench::die(to_string(direct.error()));
  return *std::move(direct);
}

void unary(const bench::Options& options, bench::Meter& meter) {
  Loop loop;
  std::vector<std::unique_ptr<Session>> sessions;
  const int clients = static_cast<int>(options.num("clients", 1));
  for (int i = 0; i < clients; ++i) sessions.push_back(open(loop, options));
  bool is_over = false;
  meter.start();
  Scope scope(loop.executor());
  for (int i = 0; i < options.inflight(); ++i) {
    scope.spawn(caller(sessions[static_cast<std::size_t>(i % clients)]->client<Bench>("Bench"), meter, is_over));
  }
  while (!is_over) loop.poll_once(Instant::never());
}

// tidy: allow function what the harness of the floors takes
std::function<void()> idle(const bench::Options& options) {
  auto loop = std::make_shared<Loop>();
  auto sessions = std::make_shared<std::vector<std::unique_ptr<Session>>>();
  for (int i = 0; i < options.conns(); ++i) sessions->push_back(open(*loop, options));
  return [sessions, loop] { sessions->clear(); };
}

std::vector<std::string> hub_program(const bench::Options& options) {
  const std::filesystem::path folder = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  return {(folder / "../parley").lexically_normal(), "hub", "--quiet", "--introduce", "--listen", uri(options)};
}

}  // namespace

int main(int argc, char** argv) {
  bench::Peer peer = {"parley-hub", serve, unary, {}, idle, {}, {}};
  if (argc > 1 && argv[1] != std::string_view("idle")) peer.broker = hub_program;
  return bench::run(argc, argv, peer);
}
