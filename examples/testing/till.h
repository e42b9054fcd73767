#pragma once
#include <parley/parley.h>

#include <set>

class Till {
 public:
  // Gives what is in the till. A payment of the same name is taken once, however often it comes.
  virtual parley::Task<std::int64_t> pay(std::string name, std::int64_t cents) = 0;
};
PARLEY_SERVICE(Till, (pay, args(name, cents), idempotent));

struct TillService final : Till {
  parley::Task<std::int64_t> pay(std::string name, std::int64_t cents) override {
    if (names.insert(std::move(name)).second) total += cents;
    co_return total;
  }
  std::set<std::string> names;
  std::int64_t total = 0;
};

// Pays over a network that may fail at any time: again and again, until there is an answer.
inline parley::Task<parley::Result<std::int64_t>> pay(parley::io::Loop& loop, std::string address, std::string name,
                                                      std::int64_t cents) {
  parley::Error error;
  for (int tries = 0; tries < 10; ++tries) {
    auto session = co_await parley::connect(loop, address);
    if (session) {
      auto till = (*session)->client<Till>("Till").with({.deadline = std::chrono::seconds(1)});
      auto total = co_await till.call<&Till::pay>(name, cents);
      if (total) co_return *total;
      error = total.error();
    } else {
      error = session.error();
    }
    co_await parley::Sleep(loop, std::chrono::milliseconds(50));
  }
  co_return parley::fail(error);
}
