#include <cstdio>
#include "station.h"

using namespace std::chrono_literals;

// The next reading of a sensor, if it comes soon enough.
parley::Task<parley::Result<Reading>> next(parley::Client<Station> station, std::string sensor) {
  auto [tx, rx] = parley::channel<Reading>();
  auto watching = station.with({.deadline = 200ms}).call<&Station::watch>(sensor, std::move(tx));
  if (auto reading = co_await rx.recv()) co_return *reading;
  co_await co_await watching;
  co_return parley::fail(parley::Code::closed, "the station watches no more");
}

parley::Task<parley::Result<void>> use(parley::Loop& loop, std::string address) {
  auto session = co_await co_await parley::connect(loop, address);
  for (std::string sensor : {"roof", "cellar"}) {
    auto reading = co_await next(session->client<Station>("Station"), sensor);
    if (reading) std::printf("%s: %.1f\n", sensor.c_str(), reading->celsius);
    if (!reading) std::printf("%s: %s\n", sensor.c_str(), to_string(reading.error()).c_str());
  }
  co_return {};
}

int main(int argc, char** argv) {
  if (argc != 2) return std::fputs("Usage: deadline ADDRESS\n", stderr), 2;
  parley::Loop loop;
  auto used = loop.run_until(use(loop, argv[1]));
  if (!used) return std::fprintf(stderr, "%s\n", to_string(used.error()).c_str()), 1;
}
