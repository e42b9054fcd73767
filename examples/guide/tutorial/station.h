#pragma once
#include <parley/parley.h>

struct Reading {
  std::string sensor;
  double celsius = 0;
};
enum class StationError { no_such_sensor };

class Station {
 public:
  virtual parley::Task<void> record(Reading reading) = 0;
  virtual parley::Task<parley::Either<Reading, StationError>> latest(std::string sensor) = 0;
  virtual parley::Task<std::uint64_t> record_all(parley::Rx<Reading> readings) = 0;
  virtual parley::Task<void> watch(std::string sensor, parley::Tx<Reading> out) = 0;
};
PARLEY_SERVICE(Station, (record, args(reading)), (latest, args(sensor), idempotent), (record_all, args(readings)),
               (watch, args(sensor, out), describe("each new reading, until the caller stops")));
