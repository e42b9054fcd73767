#include <fmt/format.h>
#include <parley/parley.h>
#include <parley/testing.h>

#include <array>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "swarm.h"

// A hub with three workers and five clients, which it knows by a token, all of which dial again, while links are cut,
// fall silent, stall so that their readers get nothing, and carry garbage. Judged is that every call ends once and
// rightly, that nothing crosses between clients, that the hub stays below its byte limit, and that all works when the
// faults end.
//
// Usage: hub_swarm [SEED] [--seeds N]
namespace {

using namespace std::chrono_literals;
using parley::Code;
using parley::Kind;
using parley::Result;
using parley::Task;
using parley::testing::World;

constexpr std::size_t workers = 3;
constexpr std::size_t clients = 5;
constexpr std::size_t calls_of_a_client = 40;
constexpr std::size_t quota = std::size_t{32} << 10;
constexpr const char* hub_address = "sim:hub";
constexpr const char* token = "whoever is in this world";

class Desk {
 public:
  virtual ~Desk() = default;
  virtual Task<std::string> echo(std::string text) = 0;
  virtual Task<std::string> late(std::string text, std::uint32_t ms) = 0;
  virtual Task<std::int64_t> sum(parley::Rx<std::int32_t> numbers) = 0;
  virtual Task<void> count(std::uint32_t to, parley::Tx<std::uint32_t> out) = 0;
};
PARLEY_SERVICE(Desk, echo, late, sum, count);

struct Worker final : Desk {
  Task<std::string> echo(std::string text) override {
    ++taken[text];
    co_return text;
  }
  Task<std::string> late(std::string text, std::uint32_t ms) override {
    ++taken[text];
    co_await parley::Sleep(co_await parley::this_executor(), std::chrono::milliseconds(ms));
    co_return text;
  }
  Task<std::int64_t> sum(parley::Rx<std::int32_t> numbers) override {
    std::int64_t total = 0;
    while (auto number = co_await numbers.recv()) total += *number;
    co_return total;
  }
  Task<void> count(std::uint32_t to, parley::Tx<std::uint32_t> out) override {
    for (std::uint32_t i = 0; i < to; ++i) {
      if (!co_await out.send(i)) co_return;
    }
    out.close();
  }
  std::map<std::string, int> taken;  // how often each text was worked on
};

class Swarm {
 public:
  explicit Swarm(std::uint64_t seed) : world_(seed), scope_(world_.loop().executor()) {
    parley::HubOptions options;
    options.limits.outbound_bytes_max = quota;
    options.tokens.add("swarm", token).value();
    options.policy.add(parley::core::Rule::parse("token:swarm see,call,offer Desk").value()).value();
    hub_ = std::make_unique<parley::Hub>(world_.loop(), options);
    world_.expect(hub_->listen(hub_address).has_value(), "the hub listens");
    for (std::size_t i = 0; i < workers; ++i) {
      services_[i].serve<Desk>("Desk", desks_[i]).value();
      join({.services = &services_[i], .offer = true, .redial = true});
    }
    for (std::size_t i = 0; i < clients; ++i) join({.redial = true});
  }

  void run() {
    for (std::size_t i = 0; i < clients; ++i) scope_.spawn(client(i, *sessions_[workers + i]));
    while (book_.ended != clients * calls_of_a_client) {
      world_.pass(std::chrono::microseconds(world_.prng().between(100, 200'000)));
      check_bytes();
      if (faults_ != 0) {
        --faults_;
        swarm::break_something(world_, hub_address);
      }
    }
    judge();
    scope_.cancel_all();
    for (auto& session : sessions_) session->close();
    sessions_.clear();
    world_.settle();
    hub_.reset();
    world_.expect_quiet();
  }
  const swarm::Book& book() const { return book_; }
  parley::testing::Faults faults() const { return world_.faults(); }
  std::uint64_t digest() const { return world_.trace().hash(); }

 private:
  void join(parley::Options options) {
    options.token = token;
    auto session = world_.run(parley::connect(world_.loop(), hub_address, std::move(options)));
    world_.expect(session.has_value(), "a session with the hub");
    sessions_.push_back(std::move(*session));
  }

  // The limit of each session, and what its link has already taken.
  void check_bytes() {
    world_.expect(hub_->bytes_queued() <= (workers + clients) * 4 * quota, "the hub stays below its byte limit");
  }

  Task<void> client(std::size_t number, parley::Session& session) {
    auto desk = session.client<Desk>("Desk").with({.deadline = 20s});
    for (std::size_t i = 0; i < calls_of_a_client; ++i) {
      const std::string text = fmt::format("client {} call {}", number, i);
      switch (world_.prng().below(4)) {
        case 0: note(co_await desk.call<&Desk::echo>(text), text); break;
        case 1:
          note(co_await desk.call<&Desk::late>(text, static_cast<std::uint32_t>(world_.prng().below(3000))), text);
          break;
        case 2: co_await sum(desk); break;
        case 3: co_await count(desk); break;
      }
      co_await parley::Sleep(world_.loop().executor(), std::chrono::milliseconds(world_.prng().below(400)));
    }
  }

  Task<void> sum(parley::Client<Desk>& desk) {
    auto [tx, rx] = parley::channel<std::int32_t>();
    auto total = desk.call<&Desk::sum>(std::move(rx));
    std::int64_t sent = 0;
    for (std::int32_t i = 0; i < 200; ++i) {
      if (!co_await tx.send(i)) break;
      sent += i;
    }
    tx.close();
    const auto outcome = co_await total;
    if (outcome) world_.expect(*outcome == sent, "a stream arrives whole, or its call fails");
    end(outcome ? nullptr : &outcome.error());
  }

  Task<void> count(parley::Client<Desk>& desk) {
    auto [tx, rx] = parley::channel<std::uint32_t>();
    auto call = desk.call<&Desk::count>(500, std::move(tx));
    std::uint32_t next = 0;
    while (auto number = co_await rx.recv()) {
      world_.expect(*number == next++, "items come in their order and none is missing");
      if (world_.prng().chance(5)) co_await parley::Sleep(world_.loop().executor(), 50ms);
    }
    if (!rx.error()) world_.expect(next == 500, "a stream that is closed in good order is whole");
    const auto outcome = co_await call;
    end(outcome ? nullptr : &outcome.error());
  }

  void note(const Result<std::string>& outcome, const std::string& text) {
    int taken = 0;
    for (const Worker& desk : desks_) {
      const auto found = desk.taken.find(text);
      if (found != desk.taken.end()) taken += found->second;
    }
    world_.expect(taken <= 1, "no call is worked on twice");
    if (outcome) {
      world_.expect(*outcome == text, "the answer is the one to this call of this client");
      world_.expect(taken == 1, "what was answered was done");
    } else if (kind(outcome.error()) == Kind::lost || kind(outcome.error()) == Kind::not_found) {
      world_.expect(taken == 0, "what is said to be lost was not done");
    }
    end(outcome ? nullptr : &outcome.error());
  }

  void end(const parley::Error* error) {
    ++book_.ended;
    book_.note(error);
    if (error) world_.expect(swarm::may_end_with(kind(*error)), fmt::format("no call ends with {}", to_string(*error)));
  }

  // When no more is broken everybody comes back and every call is answered. A link that is to be cut behind so many
  // bytes is cut by the first call over it that is longer, and the next call goes elsewhere.
  void judge() {
    const std::string text(swarm::cut_bytes_max, 'x');
    std::string missed = "nothing yet";
    for (std::size_t links = workers + clients + 1; links != 0 && !missed.empty(); --links) {
      world_.pass(60s);
      world_.expect(hub_->session_count() == workers + clients, "everybody is back");
      missed.clear();
      for (std::size_t i = 0; i < clients; ++i) {
        const auto outcome = world_.run(sessions_[workers + i]->client<Desk>("Desk").call<&Desk::echo>(text));
        if (!outcome) missed = to_string(outcome.error());
      }
    }
    world_.expect(missed.empty(), "every client is served again, not: " + missed);
  }

  std::array<Worker, workers> desks_;
  std::array<parley::Services, workers> services_;
  World world_;
  std::unique_ptr<parley::Hub> hub_;
  std::vector<std::unique_ptr<parley::Session>> sessions_;
  swarm::Book book_;
  int faults_ = 30;
  parley::Scope scope_;
};

}  // namespace

int main(int argc, char** argv) { return swarm::run<Swarm>(argc, argv, {"ok", "lost", "unknown"}); }
