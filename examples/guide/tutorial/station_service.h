#pragma once
#include <map>
#include "station.h"

class StationService final : public Station {
 public:
  parley::Task<void> record(Reading reading) override {
    keep(std::move(reading));
    co_return;
  }
  parley::Task<parley::Either<Reading, StationError>> latest(std::string sensor) override {
    auto found = latest_.find(sensor);
    if (found == latest_.end()) co_return parley::own_error(StationError::no_such_sensor);
    co_return found->second.reading;
  }
  parley::Task<std::uint64_t> record_all(parley::Rx<Reading> readings) override {
    std::uint64_t count = 0;
    while (auto reading = co_await readings.recv()) {
      keep(*std::move(reading));
      ++count;
    }
    co_return count;
  }
  parley::Task<void> watch(std::string sensor, parley::Tx<Reading> out) override {
    for (std::uint64_t seen = 0;;) {
      Latest latest = latest_[sensor];
      if (latest.number == seen) {
        co_await changed_.wait();
      } else {
        seen = latest.number;
        if (!co_await out.send(latest.reading)) co_return;
      }
    }
  }

 private:
  struct Latest {
    Reading reading;
    std::uint64_t number = 0;
  };
  void keep(Reading reading) {
    Latest& latest = latest_[reading.sensor];
    latest = {std::move(reading), latest.number + 1};
    changed_.set();  // wakes whoever waits now
    changed_.reset();
  }

  std::map<std::string, Latest> latest_;
  parley::Event changed_;
};
