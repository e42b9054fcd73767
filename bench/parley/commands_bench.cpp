// Commands of Parley under the interface that the foreign registries have for benchmarks (interop/README.md): without
// arguments a call in this process and between two registries in it, with the address of a peer and its command over
// lines or HTTP. Prints one line of JSON.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "parley/parley.h"

namespace {

using namespace parley;
using Clock = std::chrono::steady_clock;

struct Add {
  double a, b;
};
struct Sum {
  double sum;
};

constexpr auto warm_up = std::chrono::milliseconds(200);
constexpr auto measured = std::chrono::milliseconds(1000);

// How many still call.
struct Callers {
  std::size_t count = 0;
  Event over;
};

Task<void> call_until(Registry& registry, std::string command, Clock::time_point end, std::vector<double>& micros,
                      Callers& callers) {
  for (auto now = Clock::now(); now < end;) {
    const auto sum = co_await registry.execute<Sum>(command, Add{static_cast<double>(micros.size()), 1});
    if (!sum) {
      std::fprintf(stderr, "commands_bench: %s\n", to_string(sum.error()).c_str());
      std::exit(1);
    }
    const auto after = Clock::now();
    micros.push_back(std::chrono::duration<double, std::micro>(after - now).count());
    now = after;
  }
  if (--callers.count == 0) callers.over.set();
}

Task<std::vector<double>> call_for(io::Loop& loop, Registry& registry, std::string command, int in_flight,
                                   Clock::duration duration) {
  const auto end = Clock::now() + duration;
  std::vector<std::vector<double>> micros(static_cast<std::size_t>(in_flight));
  Callers callers{.count = micros.size(), .over = {}};
  Scope scope(loop);
  for (auto& each : micros) scope.spawn(call_until(registry, command, end, each, callers));
  co_await callers.over.wait();
  std::vector<double> all;
  for (auto& each : micros) all.insert(all.end(), each.begin(), each.end());
  co_return all;
}

std::string measure(io::Loop& loop, const std::string& path, Registry& registry, const std::string& command,
                    int in_flight) {
  loop.run_until(call_for(loop, registry, command, in_flight, warm_up));
  const auto begin = Clock::now();
  auto micros = loop.run_until(call_for(loop, registry, command, in_flight, measured));
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  std::ranges::sort(micros);
  const auto at = [&](double part) {
    return micros[static_cast<std::size_t>(static_cast<double>(micros.size() - 1) * part)];
  };
  char row[256];
  std::snprintf(row, sizeof row, R"({"path":"%s","in_flight":%d,"per_second":%.0f,"p50_us":%.2f,"p99_us":%.2f})",
                path.c_str(), in_flight, static_cast<double>(micros.size()) / seconds, at(0.5), at(0.99));
  return row;
}

std::string in_process(Loop& loop) {
  Registry root(loop), child(loop);
  loop.run_until(root.command("bench.add", "", [](Add in) { return Sum{in.a + in.b}; })).value();
  std::string rows = measure(loop, "local", root, "bench.add", 1);
  auto [up, down] = carrier_pair({loop, "root"}, {loop, "child"});
  loop.run_until(root.attach(down)).value();
  loop.run_until(child.attach(up, {.is_router = true})).value();
  for (const int in_flight : {1, 64}) rows += "," + measure(loop, "pair", child, "bench.add", in_flight);
  return rows;
}

std::string to_peer(Loop& loop, const std::string& address, const std::string& command) {
  Registry registry(loop);
  std::shared_ptr<Carrier> carrier;
  if (address.starts_with("http:")) {
    const char* const token = std::getenv("PEER_TOKEN");
    carrier = http_carrier(loop, address, {.id = "router", .token = token ? token : ""}).value();
  } else {
    carrier = loop.run_until(dial_lines(loop, address, {.id = "router"})).value();
  }
  loop.run_until(registry.attach(std::move(carrier), {.is_router = true})).value();
  std::string rows;
  for (const int in_flight : {1, 64}) {
    rows +=
        (rows.empty() ? "" : ",") + measure(loop, address.substr(0, address.find(':')), registry, command, in_flight);
  }
  return rows;
}

}  // namespace

int main(int argc, char** argv) {
  Loop loop;
  const std::string rows = argc > 3 ? to_peer(loop, argv[2], argv[3]) : in_process(loop);
  std::printf("{\"peer\":\"parley\",\"rows\":[%s]}\n", rows.c_str());
}
