// Parley under the harness of the floors. Keys beside theirs: variant=spin, or over TCP tls, websocket or both (wss),
// window=16|256|1024 (a fixed window; without it the default channel, which adapts), spin_us=.
#include "adder.h"
#include "bench.hpp"

namespace {

using bench_parley::Bench;
using namespace parley;

std::string uri(const bench::Options& options) {
  const std::string variant = options.variant();
  const std::string scheme = variant == "tls" || variant == "wss" ? variant : variant == "websocket" ? "ws" : "tcp";
  return options.tcp() ? scheme + ":127.0.0.1:" + std::to_string(options.port()) : "unix:" + options.path();
}

bool has_tls(const bench::Options& options) { return options.variant() == "tls" || options.variant() == "wss"; }

// The server makes it before it says that it is ready.
std::string certificate(const bench::Options& options) {
  return "/tmp/parley-bench-" + std::to_string(options.port()) + ".pem";
}
void make_certificate(const bench::Options& options) {
  const std::string file = certificate(options);
  const std::string command =
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=bench "
      "-addext subjectAltName=IP:127.0.0.1 -keyout " +
      file + ".key -out " + file + " 2>/dev/null";
  // tidy: allow system once, before anything is measured
  bench::check(std::system(command.c_str()) == 0, "openssl");
}

LoopOptions loop_options(const bench::Options& options) {
  if (has_tls(options)) {
    const std::string file = certificate(options);
    return {.tls = {.certificate = file, .key = file + ".key", .authorities = file}};
  }
  if (options.variant() != "spin") return {};
  return {.spin = std::chrono::microseconds(static_cast<int>(options.num("spin_us", 20))), .spin_on_few_cores = true};
}

Options session_options(const bench::Options& options) {
  Options result;
  const auto window = static_cast<std::uint32_t>(options.num("window", 0));
  if (window != 0) result.limits.window_items_max = window;
  return result;
}

class Service final : public Bench {
 public:
  Task<std::int32_t> add(std::int32_t a, std::int32_t b) override { co_return a + b; }
  Task<std::uint64_t> stream(std::uint64_t bytes, std::uint64_t us, std::uint64_t size, Tx<ByteView> out) override {
    return send(bytes, us, size, std::move(out));
  }
  Task<std::uint64_t> stream256(std::uint64_t bytes, std::uint64_t us, std::uint64_t size,
                                Tx<ByteView, 256> out) override {
    return send(bytes, us, size, std::move(out));
  }
  Task<std::uint64_t> stream1024(std::uint64_t bytes, std::uint64_t us, std::uint64_t size,
                                 Tx<ByteView, 1024> out) override {
    return send(bytes, us, size, std::move(out));
  }

 private:
  template <std::uint32_t Credit>
  static Task<std::uint64_t> send(std::uint64_t bytes, std::uint64_t us, std::uint64_t size, Tx<ByteView, Credit> out) {
    const std::vector<std::uint8_t> item(size, 'x');
    std::uint64_t count = 0;
    for (bench::Limit limit(bytes, double(us) / 1e6, size); limit.more(); ++count) {
      if (auto sent = co_await out.send(ByteView(item)); !sent) bench::die(to_string(sent.error()));
    }
    out.close();
    co_return count;
  }
};

// tidy: allow function what the harness of the floors takes
void serve(const bench::Options& options, std::function<void()> ready) {
  if (has_tls(options)) make_certificate(options);
  Loop loop(loop_options(options));
  Service service;
  auto server = listen(loop, uri(options), session_options(options));
  bench::check(server.has_value() && server->serve<Bench>("Bench", service).has_value(), "serve");
  ready();
  loop.run();
}

// The client's side, kept between a warm-up stream and the measured one.
struct Connected {
  explicit Connected(const bench::Options& options) : loop(loop_options(options)) {
    auto opened = loop.run_until(connect(loop, uri(options), session_options(options)));
    if (!opened) bench::die(to_string(opened.error()));
    session = *std::move(opened);
  }
  Loop loop;
  std::unique_ptr<Session> session;
};

Task<void> caller(Client<Bench> bench, bench::Meter& meter, useconds_t gap, bool& is_over) {
  std::int32_t x = 0;
  for (std::uint64_t begin = bench::now_ns();; begin = meter.last()) {
    // tidy: allow sleep the pace of the measurement, as of the floors
    if (gap != 0) usleep(gap), begin = bench::now_ns();
    ++x;
    const Result<std::int32_t> sum = co_await bench.call<&Bench::add>(x, 2);
    bench::check(sum.has_value() && *sum == x + 2, "sum");
    if (!meter.complete(begin)) break;
  }
  is_over = true;
}

void unary(const bench::Options& options, bench::Meter& meter) {
  Connected connected(options);
  bool is_over = false;
  meter.start();
  Scope scope(connected.loop.executor());
  const auto gap = static_cast<useconds_t>(options.num("gap_us", 0));
  for (int i = 0; i < options.inflight(); ++i) {
    scope.spawn(caller(connected.session->client<Bench>("Bench"), meter, gap, is_over));
  }
  while (!is_over) connected.loop.poll_once(Instant::never());
}

template <auto Method, std::uint32_t Credit>
Task<std::uint64_t> consume(Client<Bench> bench, double secs, std::size_t size, std::uint64_t bytes) {
  auto [tx, rx] = channel<ByteView, Credit>();
  auto total = bench.call<Method>(bytes, static_cast<std::uint64_t>(secs * 1e6), std::uint64_t{size}, std::move(tx));
  std::vector<std::uint8_t> copy(size);
  std::uint64_t count = 0;
  while (auto item = co_await rx.recv()) {
    std::memcpy(copy.data(), item->data(), item->size());
    asm volatile("" ::"r"(copy.data()) : "memory");
    ++count;
  }
  const Result<std::uint64_t> sent = co_await total;
  bench::check(sent.has_value() && *sent == count && !rx.error(), "every item");
  co_return count;
}

// tidy: allow function what the harness of the floors takes
std::function<std::uint64_t(double)> stream(const bench::Options& options) {
  auto connected = std::make_shared<Connected>(options);
  return [options, connected](double secs) {
    auto bench = connected->session->client<Bench>("Bench");
    const auto run = [&]<auto Method, std::uint32_t Credit>() {
      return connected->loop.run_until(consume<Method, Credit>(bench, secs, options.item(), options.bytes()));
    };
    switch (static_cast<int>(options.num("window", 0))) {
      case 256: return run.template operator()<&Bench::stream256, 256u>();
      case 1024: return run.template operator()<&Bench::stream1024, 1024u>();
      default: return run.template operator()<&Bench::stream, 16u>();
    }
  };
}

// tidy: allow function what the harness of the floors takes
std::function<void()> idle(const bench::Options& options) {
  auto loop = std::make_shared<Loop>();
  auto sessions = std::make_shared<std::vector<std::unique_ptr<Session>>>();
  for (int i = 0; i < options.conns(); ++i) {
    auto opened = loop->run_until(connect(*loop, uri(options)));
    if (!opened) bench::die(to_string(opened.error()));
    const Result<std::int32_t> sum = loop->run_until([](Client<Bench> bench) -> Task<Result<std::int32_t>> {
      co_return co_await bench.call<&Bench::add>(1, 2);
    }((*opened)->client<Bench>("Bench")));
    bench::check(sum.has_value(), "call");
    sessions->push_back(*std::move(opened));
  }
  return [sessions, loop] { sessions->clear(); };
}

}  // namespace

int main(int argc, char** argv) { return bench::run(argc, argv, {"parley", serve, unary, stream, idle, {}, {}}); }
