// An outbox under the harness of the floors: each call is a command that is applied and its result.
//   variant=enqueue   instead, how long send() takes, the peer being there; each time 64 of them, and then their
//   results variant=stopped   the same while the peer is stopped: what has no room is refused, or makes the oldest give
//   way
#include <csignal>

#include "bench.hpp"
#include "parley/outbox.h"
#include "parley/parley.h"

namespace {

using namespace parley;

struct Add {
  std::int32_t a, b;
};
struct Sum {
  std::int32_t sum;
};

std::string uri(const bench::Options& options) { return "unix:" + options.path(); }

// tidy: allow function what the harness of the floors takes
void serve(const bench::Options& options, std::function<void()> ready) {
  Loop loop;
  Registry registry(loop);
  loop.run_until(registry.command("bench.add", "Adds", [](Add in) { return Sum{in.a + in.b}; })).value();
  loop.run_until(registry.command("bench.stop", "Stops this process", [] { ::raise(SIGSTOP); })).value();
  OutboxService outboxes(registry);
  auto server = listen(loop, uri(options));
  bench::check(
      server.has_value() && server->serve<builtin::Outbox>(std::string(builtin::outbox_name), outboxes).has_value(),
      "serve");
  ready();
  loop.run();
}

struct Connected {
  explicit Connected(const bench::Options& options) : outbox(loop, {.name = "bench", .limits = limits(options)}) {
    auto opened = loop.run_until(connect(loop, uri(options)));
    if (!opened) bench::die(to_string(opened.error()));
    session = *std::move(opened);
    const Result<void> attached = loop.run_until(attach(outbox, *session));
    if (!attached) bench::die(to_string(attached.error()));
  }
  static core::OutboxLimits limits(const bench::Options& options) {
    core::OutboxLimits limits;
    limits.commands_max = std::max(limits.commands_max, static_cast<std::uint32_t>(options.inflight()));
    limits.acknowledge_within = std::chrono::minutes(1);
    return limits;
  }
  Loop loop;
  std::unique_ptr<Session> session;
  Outbox outbox;
};

Task<void> caller(Outbox& outbox, bench::Meter& meter, bool& is_over) {
  std::int32_t x = 0;
  for (std::uint64_t begin = bench::now_ns();; begin = meter.last()) {
    ++x;
    const Result<Ticket> ticket = outbox.send("bench.add", Add{x, 2});
    if (!ticket) bench::die(to_string(ticket.error()));
    const TicketResult result = co_await ticket->result();
    bench::check(result.value == "{\"sum\":" + std::to_string(x + 2) + "}", "sum");
    if (!meter.complete(begin)) break;
  }
  is_over = true;
}

void enqueue(Connected& connected, bench::Meter& meter, bool is_stopped) {
  Outbox& outbox = connected.outbox;
  if (is_stopped) outbox.send("bench.stop").value();
  connected.loop.poll_once(Instant::never());
  for (bool is_over = false; !is_over;) {
    for (std::int32_t i = 0; i < 64 && !is_over; ++i) {
      const std::uint64_t begin = bench::now_ns();
      static_cast<void>(outbox.send("bench.add", Add{i, 2}, {.when_full = Outbox::WhenFull::drop_oldest}));
      is_over = !meter.complete(begin);
    }
    while (!is_stopped && outbox.machine().size() != 0) connected.loop.poll_once(Instant::never());
  }
}

void unary(const bench::Options& options, bench::Meter& meter) {
  Connected connected(options);
  meter.start();
  if (!options.variant().empty()) return enqueue(connected, meter, options.variant() == "stopped");
  bool is_over = false;
  Scope scope(connected.loop.executor());
  for (int i = 0; i < options.inflight(); ++i) scope.spawn(caller(connected.outbox, meter, is_over));
  while (!is_over) connected.loop.poll_once(Instant::never());
}

}  // namespace

int main(int argc, char** argv) { return bench::run(argc, argv, {"outbox", serve, unary, {}, {}, {}, {}}); }
