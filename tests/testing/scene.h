#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <parley/parley.h>
#include <parley/testing.h>

// A service as a user of Parley has one, and a world in which it is served at sim:desk.
namespace parley_user {

using namespace std::chrono_literals;  // tidy: allow using-namespace literals alone

using parley::Code;
using parley::Result;
using parley::Task;
using parley::testing::Direction;
using parley::testing::World;
using parley::testing::WorldOptions;

class Desk {
 public:
  virtual Task<std::int64_t> add(std::int64_t a, std::int64_t b) = 0;
  virtual Task<std::uint64_t> measure(std::string text) = 0;
  virtual Task<void> nap(std::uint32_t ms) = 0;
  virtual Task<void> wait_in_vain() = 0;
  virtual Task<std::int64_t> sum(parley::Rx<std::int32_t> numbers) = 0;
};
PARLEY_SERVICE(Desk, add, measure, nap, wait_in_vain, sum);

struct DeskService final : Desk {
  Task<std::int64_t> add(std::int64_t a, std::int64_t b) override {
    ++calls;
    co_return a + b;
  }
  Task<std::uint64_t> measure(std::string text) override {
    ++calls;
    co_return text.size();
  }
  Task<void> nap(std::uint32_t ms) override {
    ++calls;
    co_await parley::Sleep(co_await parley::this_executor(), std::chrono::milliseconds(ms));
  }
  Task<void> wait_in_vain() override { co_await never.wait(); }
  Task<std::int64_t> sum(parley::Rx<std::int32_t> numbers) override {
    std::int64_t total = 0;
    while (auto number = co_await numbers.recv()) total += *number;
    co_return total;
  }
  int calls = 0;
  parley::Event never;
};

// So that a test can look at how another test would fail.
inline WorldOptions throwing() {
  WorldOptions options;
  options.on_failure = [](const std::string& what) { throw std::runtime_error(what); };
  return options;
}
template <class Function>
std::string failure_of(Function function) {
  try {
    function();
  } catch (const std::runtime_error& failure) {
    return failure.what();
  }
  return "no failure";
}

inline Result<std::unique_ptr<parley::Session>> dial(World& world, const std::string& address = "sim:desk",
                                                     const parley::Options& options = {}) {
  return world.run(parley::connect(world.loop(), address, options));
}

// A served desk, and one client of it; how the session ended is known at both ends.
struct Scene {
  explicit Scene(std::uint64_t seed = 7, WorldOptions options = {})
      : world(seed, std::move(options)),
        server(parley::listen(world.loop(), "sim:desk").value()),
        watching(world.loop()) {
    server.serve<Desk>("Desk", service).value();
    server.on_session([this](parley::Session& accepted) { watching.spawn(watch(accepted.closed(), server_end)); });
  }
  parley::Client<Desk> meet(const parley::Options& options = {}) {
    session = dial(world, "sim:desk", options).value();
    world.settle();
    watching.spawn(watch(session->closed(), client_end));
    return session->client<Desk>("Desk");
  }
  void close() {
    if (session) session->close();
    session.reset();
    server.close();
    watching.cancel_all();
  }
  static Task<void> watch(Task<Result<void>> closed, std::optional<Result<void>>& into) {
    into = co_await std::move(closed);
  }
  std::optional<Code> client_error() const { return code_of(client_end); }
  std::optional<Code> server_error() const { return code_of(server_end); }
  static std::optional<Code> code_of(const std::optional<Result<void>>& end) {
    return end && !*end ? std::optional(end->error().code) : std::nullopt;
  }

  DeskService service;
  World world;
  parley::Server server;
  std::unique_ptr<parley::Session> session;
  std::optional<Result<void>> client_end;
  std::optional<Result<void>> server_end;
  parley::Scope watching;
};

}  // namespace parley_user
