#pragma once

#include <cstdint>
#include <string>

#include "parley/parley.h"

// What the two processes of the tour say to each other. Plain structs are messages, plain classes are services.
namespace tour {

struct Place {
  std::string name;
  double north = 0;  // degrees
  double east = 0;
};

enum class Unit : std::uint8_t { kilometre, mile };

enum class MathError : std::uint8_t { division_by_zero, overflow };

// How a stream is read: at once or only after go_on(), and how long the reader rests after each item.
struct Reading {
  bool waits_for_go_on = false;
  std::uint32_t rest_us = 0;
};

// What a reader saw of a stream.
struct Read {
  std::uint64_t items = 0;
  std::uint64_t sum = 0;
  std::uint32_t window_at_first = 0;  // items that the writer might have under way
  std::uint32_t window_at_last = 0;
};

// How far a writer has come.
struct Written {
  std::uint64_t items = 0;
  std::uint64_t waits = 0;  // sends that found no credit
};

// Provided by the workers.
class Station {
 public:
  virtual ~Station() = default;
  virtual parley::Task<std::int64_t> process() = 0;  // the id of the one that answers
  virtual parley::Task<std::int64_t> add(std::int64_t a, std::int64_t b) = 0;
  virtual parley::Task<double> distance(Place from, Place to, Unit unit) = 0;
  virtual parley::Task<parley::Either<std::int64_t, MathError>> divide(std::int64_t a, std::int64_t b) = 0;
  // Asks the caller for its name first, by a call back on the same connection.
  virtual parley::Task<std::string> greet(parley::Context& context) = 0;
  virtual parley::Task<std::string> shout(std::string text) = 0;
  virtual parley::Task<void> explode(std::string why) = 0;  // throws
  // Never ends by itself. The audience hears "<name> has begun", and "<name> was stopped" when its frame is destroyed.
  virtual parley::Task<void> brood(parley::Context& context, std::string name) = 0;
  virtual parley::Task<Read> read(Reading how, parley::Rx<std::uint64_t> numbers) = 0;
  virtual parley::Task<void> go_on() = 0;
  virtual parley::Task<Written> write(std::uint64_t count, parley::Tx<std::uint64_t> numbers) = 0;
  virtual parley::Task<Written> written() = 0;  // so far, by the last write()
  virtual parley::Task<void> leave() = 0;       // ends the process
};
PARLEY_SERVICE(Station, process, (add, args(a, b), describe("Adds")), (distance, args(from, to, unit)), divide, greet,
               shout, explode, brood, read, go_on, write, written, leave);

// Served by the client, on the connection that it opened: calls go both ways.
class Audience {
 public:
  virtual ~Audience() = default;
  virtual parley::Task<std::string> name() = 0;
  virtual parley::Task<void> hear(std::string line) = 0;
};
PARLEY_SERVICE(Audience, name, hear);

// Nobody in the tour provides this.
class Lighthouse {
 public:
  virtual ~Lighthouse() = default;
  virtual parley::Task<void> light() = 0;
};
PARLEY_SERVICE(Lighthouse, light);

}  // namespace tour
