// What a hub keeps others waiting for while one of its clients floods it:
//
//   hub_flood flood variant=quiet|items|large|calls|both [secs=2] [warm=0.5] [share=0.8]
//
// items, large: a client sends items of 64 B or of 64 KiB to a worker. calls: one makes small calls, 64 at a time. Each
// first finds out what it reaches alone, and then sends so many times that, in a burst every millisecond. Meanwhile
// others make a call every millisecond each, some to a worker of their own and some to the flooded one. Measured is
// inside of the hub (watched_hub.h): from the earliest moment at which the bytes of such a call, or of its answer, can
// have been there to be read, until the write that passed them on has returned.
#include <sys/resource.h>

#include <chrono>

#include "parley/parley.h"
#include "watched_hub.h"

namespace {

using namespace parley;
using namespace std::chrono_literals;
using bench_parley::Mark;
using bench_parley::Report;

constexpr int callers = 64;
constexpr std::size_t probes_beside = 4;  // with a worker of their own
constexpr std::size_t probes = 6;         // the others call the flooded one

class Basin {
 public:
  virtual ~Basin() = default;
  virtual Task<std::int32_t> add(std::int32_t a, std::int32_t b) = 0;
  virtual Task<std::string> echo(std::string text) = 0;
  virtual Task<void> take(Rx<ByteView> items) = 0;
};
PARLEY_SERVICE(Basin, (add, args(a, b)), echo, take);

class Worker final : public Basin {
 public:
  Task<std::int32_t> add(std::int32_t a, std::int32_t b) override { co_return a + b; }
  Task<std::string> echo(std::string text) override { co_return text; }
  Task<void> take(Rx<ByteView> items) override {
    while (co_await items.recv()) {
    }
  }
};

std::string why_unsent(const Error& error, const Metadata& reset) {
  const std::string* note = reset.find_text("parley-note");
  return "an item was not sent: " + to_string(error) + (note ? ", " + *note : "");
}

struct Place {
  std::string uri;
  std::string report;
};

std::unique_ptr<Session> meet(Loop& loop, const std::string& uri, parley::Options options = {}) {
  for (;;) {
    auto session = loop.run_until(connect(loop, uri, options));
    if (session) return *std::move(session);
    // tidy: allow sleep the hub is being started
    usleep(1000);
  }
}

Task<bool> is_there(Client<Basin> basin) { co_return (co_await basin.call<&Basin::add>(1, 2)).has_value(); }

Client<Basin> find(Loop& loop, Session& session, const std::string& name) {
  auto basin = session.client<Basin>(name);
  while (!loop.run_until(is_there(basin))) {
  }
  return basin;
}

// --- the processes

void be_hub(const Place& place) {
  bench_parley::WatchedLoop loop(Report::map(place.report));
  Hub hub(loop, {.policy = core::Policy::of_owner(core::Principal::of_user(::getuid()))});
  bench::check(hub.listen(place.uri).has_value(), "listen");
  loop.run();
}

void be_worker(const Place& place, const std::string& name) {
  Worker worker;
  Services services;
  services.serve<Basin>(name, worker).value();
  Loop loop;
  const auto session = meet(loop, place.uri, {.services = &services, .offer = true});
  loop.run();
}

// Lets as many through as are due. What has not been sent in time is not made up for beyond a few milliseconds.
class Pace {
 public:
  void start(double rate) {
    rate_ = rate;
    begin_ = bench::now_ns();
    let_through_ = 0;
  }
  void stop() { rate_ = 0; }
  bool lets() {
    if (rate_ == 0) return false;
    const double due = rate_ * static_cast<double>(bench::now_ns() - begin_) / 1e9;
    let_through_ = std::max(let_through_, due - rate_ * 0.005);
    if (let_through_ >= due) return false;
    ++let_through_;
    return true;
  }

 private:
  double rate_ = 0;
  double let_through_ = 0;
  std::uint64_t begin_ = 0;
};

class Flood {
 public:
  Flood(Executor& executor, Report& report, std::size_t index)
      : executor_(executor), report_(report), index_(index), sent_(report.sent[index]) {}

  Task<void> pour(Client<Basin> basin, std::size_t size) {
    const std::vector<std::uint8_t> item(size, 'x');
    auto [tx, rx] = channel<ByteView>();
    auto call = basin.call<&Basin::take>(std::move(rx));
    for (;;) {
      while (!pace_.lets()) co_await Sleep(executor_, 1ms);
      if (const Result<void> sent = co_await tx.send(ByteView(item)); !sent) {
        bench::die(why_unsent(sent.error(), tx.reset_metadata()));
      }
      sent_.fetch_add(1, std::memory_order_relaxed);
    }
  }
  Task<void> call(Client<Basin> basin) {
    for (std::int32_t i = 0;; ++i) {
      while (!pace_.lets()) co_await Sleep(executor_, 1ms);
      bench::check((co_await basin.call<&Basin::add>(i, 1)).has_value(), "a call is answered");
      sent_.fetch_add(1, std::memory_order_relaxed);
    }
  }
  // What is reached alone, and then so much of it.
  Task<void> steer(double share) {
    while (report_.alone_now != static_cast<int>(index_)) co_await Sleep(executor_, 1ms);
    pace_.start(1e12);
    co_await Sleep(executor_, 200ms);
    const std::uint64_t before = sent_;
    const std::uint64_t begin = bench::now_ns();
    co_await Sleep(executor_, 500ms);
    const double alone = static_cast<double>(sent_ - before) * 1e9 / static_cast<double>(bench::now_ns() - begin);
    pace_.stop();
    report_.alone[index_] = alone;
    while (!report_.is_flooded) co_await Sleep(executor_, 1ms);
    pace_.start(alone * share);
  }

 private:
  Executor& executor_;
  Report& report_;
  std::size_t index_;
  std::atomic<std::uint64_t>& sent_;
  Pace pace_;
};

void be_flood(const Place& place, const std::string& kind, std::size_t index, double share) {
  Loop loop;
  const auto session = meet(loop, place.uri);
  auto basin = find(loop, *session, "Flooded");
  Flood flood(loop, Report::map(place.report), index);
  Scope scope(loop.executor());
  if (kind == "calls") {
    for (int i = 0; i < callers; ++i) scope.spawn(flood.call(basin));
  } else {
    scope.spawn(flood.pour(basin, kind == "large" ? 65536 : 64));
  }
  scope.spawn(flood.steer(share));
  loop.run();
}

// --- those who are kept waiting

Task<void> probe(Loop& loop, Client<Basin> basin, std::size_t index) {
  for (std::uint64_t number = 0;; ++number) {
    // Not all at once, and not in step with the flood.
    co_await Sleep(loop, std::chrono::microseconds(700 + loop.random().next() % 600));
    const std::string mark = Mark::of(index, number);
    const Result<std::string> echoed = co_await basin.call<&Basin::echo>(mark);
    bench::check(echoed.has_value() && *echoed == mark, "an echo");
  }
}

struct Run {
  explicit Run(const bench::Options& options)
      : options(options), folder(std::filesystem::temp_directory_path() / "parley-bench-XXXXXX") {
    bench::check(mkdtemp(folder.data()) != nullptr, "mkdtemp");
    place = {"unix:" + folder + "/hub.sock", folder + "/report"};
    report = new (&Report::map(place.report)) Report;
  }
  ~Run() {
    for (const pid_t pid : pids) {
      kill(pid, SIGKILL);
      waitpid(pid, nullptr, 0);
    }
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
  }
  void start(const char* cpus, std::vector<std::string> role) {
    std::vector<std::string> command = {"/proc/self/exe", "role", place.uri, place.report};
    std::ranges::move(role, std::back_inserter(command));
    pids.push_back(bench::spawn(command, cpus));
  }

  const bench::Options& options;
  std::string folder;
  Place place;
  Report* report = nullptr;
  std::vector<pid_t> pids;
};

void wait_for(Loop& loop, Duration how_long) {
  loop.run_until([](Loop& on, Duration time) -> Task<void> { co_await Sleep(on, time); }(loop, how_long));
}
Duration of_secs(double secs) { return std::chrono::nanoseconds(static_cast<std::int64_t>(secs * 1e9)); }

bench_parley::Delays sum(const std::array<bench_parley::Delays, Mark::probes_max>& of, std::size_t first,
                         std::size_t behind) {
  bench_parley::Delays all;
  for (std::size_t i = first; i < behind; ++i) {
    of[i].histogram.for_each([&](std::uint64_t ns, std::uint64_t times) { all.histogram.add(ns, times); });
    all.most = std::max(all.most, of[i].most);
  }
  return all;
}

void print(const Run& run, const bench::Usage& used, const std::array<double, Report::floods_max>& rates,
           const bench::Calibration& calibration) {
  const Report& report = *run.report;
  const auto beside = sum(report.wall, 0, probes_beside);
  const auto beside_cpu = sum(report.cpu, 0, probes_beside);
  const auto same = sum(report.wall, probes_beside, probes);
  const double secs = static_cast<double>(used.wall) / 1e9;
  std::printf(
      "{\"case\":\"%s\",\"peer\":\"parley-hub-%s\",\"test\":\"flood\",\"transport\":\"unix\",\"place\":\"hub\",\"rep\":"
      "%s",
      run.options.str("case", "H-flood").c_str(), run.options.variant().c_str(), run.options.str("rep", "0").c_str());
  std::printf(",\"cal_cpu_ns\":%.3f,\"cal_mem_ns\":%.2f", calibration.cpu, calibration.mem);
  std::printf(",\"n\":%" PRIu64 ",\"secs\":%.3f,\"p50_us\":%.1f,\"p99_us\":%.1f,\"p999_us\":%.1f,\"max_us\":%.1f",
              beside.histogram.count(), secs, beside.us(500), beside.us(990), beside.us(999), beside.most_us());
  std::printf(",\"cpu_p50_us\":%.1f,\"cpu_p99_us\":%.1f,\"cpu_max_us\":%.1f", beside_cpu.us(500), beside_cpu.us(990),
              beside_cpu.most_us());
  std::printf(",\"same_p50_us\":%.1f,\"same_p99_us\":%.1f,\"same_max_us\":%.1f", same.us(500), same.us(990),
              same.most_us());
  std::printf(",\"turn_p50_us\":%.1f,\"turn_p99_us\":%.1f,\"turn_max_us\":%.1f", report.turns.us(500),
              report.turns.us(990), report.turns.most_us());
  for (std::size_t i = 0; i < Report::floods_max && report.alone[i] != 0; ++i) {
    std::printf(",\"alone_%zu\":%.0f,\"share_%zu\":%.3f", i, report.alone[i].load(), i, rates[i] / report.alone[i]);
  }
  std::printf(",\"other_cpu_pct\":%.1f}\n", bench::other_pct(used));
}

void flood(const bench::Options& options) {
  Run run(options);
  Report& report = *run.report;
  const std::string variant = options.variant();
  const std::string share = options.str("share", "0.8");
  run.start("1", {"hub"});
  run.start("0", {"worker", "Beside"});
  run.start("0", {"worker", "Flooded"});
  std::vector<std::string> kinds;
  if (variant == "items" || variant == "large" || variant == "calls") kinds = {variant};
  if (variant == "both") kinds = {"items", "calls"};
  for (std::size_t i = 0; i < kinds.size(); ++i) run.start("0", {"flood", kinds[i], std::to_string(i), share});
  bench::pin("0");
  const bench::Calibration before = bench::calibrate();

  Loop loop;
  std::vector<std::unique_ptr<Session>> sessions;
  Scope scope(loop.executor());
  std::vector<Client<Basin>> basins;
  for (std::size_t i = 0; i < probes; ++i) {
    sessions.push_back(meet(loop, run.place.uri));
    basins.push_back(find(loop, *sessions.back(), i < probes_beside ? "Beside" : "Flooded"));
  }
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    report.alone_now = static_cast<int>(i);
    while (report.alone[i] == 0) wait_for(loop, 10ms);
  }
  report.is_flooded = true;
  for (std::size_t i = 0; i < probes; ++i) scope.spawn(probe(loop, basins[i], i));
  wait_for(loop, of_secs(options.num("warm", 0.5)));

  std::array<double, Report::floods_max> rates{};
  for (std::size_t i = 0; i < rates.size(); ++i) rates[i] = -static_cast<double>(report.sent[i]);
  bench::Usage from = bench::usage(run.pids);
  from.wall = bench::now_ns();
  report.is_measuring = true;
  wait_for(loop, of_secs(options.num("secs", 2)));
  report.is_measuring = false;
  bench::Usage to = bench::usage(run.pids);
  to.wall = bench::now_ns();
  const bench::Usage used = {to.wall - from.wall, to.self_cpu - from.self_cpu, to.peer_cpu - from.peer_cpu,
                             to.ctx - from.ctx, to.idle - from.idle};
  for (std::size_t i = 0; i < rates.size(); ++i) {
    rates[i] = (rates[i] + static_cast<double>(report.sent[i])) * 1e9 / static_cast<double>(used.wall);
  }
  report.is_flooded = false;
  for (std::size_t i = 1; i < run.pids.size(); ++i) kill(run.pids[i], SIGSTOP);
  const bench::Calibration after = bench::calibrate();
  print(run, used, rates, {std::max(before.cpu, after.cpu), std::max(before.mem, after.mem)});
}

void be(const std::vector<std::string>& words) {
  const Place place = {words.at(0), words.at(1)};
  const std::string& role = words.at(2);
  if (role == "hub") be_hub(place);
  if (role == "worker") be_worker(place, words.at(3));
  if (role == "flood") be_flood(place, words.at(3), std::stoul(words.at(4)), std::stod(words.at(5)));
}

}  // namespace

int main(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);
  if (argc > 4 && argv[1] == std::string_view("role")) {
    be({argv + 2, argv + argc});
    return 0;
  }
  flood(bench::parse(argc, argv));
}
