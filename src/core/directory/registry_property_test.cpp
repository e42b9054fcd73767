#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/prng.h"
#include "core/directory/registry_suite.h"

// A small net of registries to which anything happens in any order. The bench itself refuses a call that ends twice and
// a message to a carrier that is gone.
namespace parley::core {
namespace {

using namespace registry_suite;

class Storm {
 public:
  explicit Storm(std::uint64_t seed) : prng_(seed), net_(3 + prng_.below(3)), calls_(net_.size()), over_(net_.size()) {
    // A tree, and sometimes one edge more.
    for (std::size_t node = 1; node < net_.size(); ++node) {
      net_.connect(node, prng_.below(node), joint(true));
    }
    if (prng_.chance(400)) net_.connect(0, net_.size() - 1, joint(false));
  }

  void blow(int steps) {
    for (int step = 0; step < steps; ++step) {
      const std::size_t node = prng_.below(net_.size());
      switch (prng_.below(14)) {
        case 0:
          ++offered_[node];
          net_[node].offer(any_command());
          break;
        case 1: net_[node].withdraw(any_command()); break;
        case 2:
        case 3: execute(node); break;
        case 4: finish(node, true); break;
        case 5: finish(node, false); break;
        case 6: cancel(node); break;
        case 7: net_[node].emit(prng_.chance(500) ? "news.a" : "_news"); break;
        case 8: prng_.chance(500) ? net_[node].listen("news.*") : net_[node].forget("news.*"); break;
        case 9: net_.pass(std::chrono::milliseconds(prng_.below(12'000))); break;
        case 10: cut_or_join(); break;
        case 11: lie(); break;
        default: carry_some(); break;
      }
    }
  }

  void rest() {
    net_.carry(3000);
    net_.pass(std::chrono::seconds(31));
    net_.carry(3000);
    net_.pass(std::chrono::seconds(31));
    for (std::size_t node = 0; node < net_.size(); ++node) {
      RC_ASSERT(net_[node].registry().requests_in_flight() == 0u);
      RC_ASSERT(net_[node].registry().next_deadline().is_never());
      for (const auto call : calls_[node]) RC_ASSERT(net_[node].has_settled(call) != over_[node].contains(call));
      RC_ASSERT(net_[node].settled.size() + over_[node].size() == calls_[node].size());
      // Each handler that began has ended or was told to.
      RC_ASSERT(net_[node].stops.size() + finished_[node] == net_[node].starts.size());
      RC_ASSERT(net_[node].registered.size() == offered_[node]);
    }
  }

  void close() {
    for (std::size_t node = 0; node < net_.size(); ++node) {
      net_[node].close();
      RC_ASSERT(net_[node].registry().carrier_count() == 0u);
      RC_ASSERT(net_[node].registry().table().size() == 0u);
      RC_ASSERT(net_[node].registry().requests_in_flight() == 0u);
      RC_ASSERT(net_[node].registry().next_deadline().is_never());
    }
  }

 private:
  RegistryNet::Joint joint(bool is_up) {
    RegistryNet::Joint joint;
    joint.is_extended = prng_.chance(600);
    joint.is_router = is_up && prng_.chance(800);
    joint.a_wants_commands = joint.is_extended && prng_.chance(400);
    joint.b_wants_commands = joint.is_extended && prng_.chance(200);
    return joint;
  }
  std::string any_command() { return fmt::format("{}{}", prng_.chance(100) ? "_c" : "c", prng_.below(4)); }

  void execute(std::size_t node) {
    Registry::Execution execution{.command = any_command()};
    if (prng_.chance(300)) execution.deadline = net_[node].now() + std::chrono::milliseconds(prng_.below(5000));
    calls_[node].push_back(net_[node].execute(std::move(execution)));
  }
  void finish(std::size_t node, bool is_good) {
    auto& starts = net_[node].starts;
    if (starts.empty()) return;
    const auto call = starts[prng_.below(starts.size())].call;
    if (prng_.chance(200)) net_[node].progress(call, "1");
    const Result<std::string> result = is_good ? Result<std::string>("1") : fail(Code::permission, "no");
    finished_[node] += net_[node].finish(call, result);
  }
  void cancel(std::size_t node) {
    if (calls_[node].empty()) return;
    const auto call = calls_[node][prng_.below(calls_[node].size())];
    if (!net_[node].has_settled(call)) over_[node].insert(call);
    net_[node].cancel(call);
  }
  void carry_some() {
    const auto ends = net_.ends();
    if (ends.empty()) return;
    for (std::uint64_t i = prng_.below(12); i != 0; --i) {
      const auto& [node, carrier] = ends[prng_.below(ends.size())];
      net_.carry_one(node, carrier);
    }
  }
  void cut_or_join() {
    const auto ends = net_.ends();
    if (!ends.empty() && prng_.chance(500)) {
      const auto& [node, carrier] = ends[prng_.below(ends.size())];
      net_.cut(node, carrier);
      return;
    }
    const std::size_t a = prng_.below(net_.size());
    const std::size_t b = prng_.below(net_.size());
    if (a != b) net_.connect(a, b, joint(false));
  }
  // What no honest peer would say.
  void lie() {
    const auto ends = net_.ends();
    if (ends.empty()) return;
    const auto& [at, carrier] = ends[prng_.below(ends.size())];
    RegistryBench& bench = net_[at];
    const std::string id = fmt::format("lie{}", prng_.below(4));
    switch (prng_.below(6)) {
      case 0: bench.hear(carrier, execute_text(id, any_command())); break;
      case 1: bench.hear(carrier, list_text({any_command(), any_command()})); break;
      case 2: bench.hear(carrier, register_text(id, any_command(), R"(,"description":"false")")); break;
      case 3: bench.hear(carrier, result_text(id, "0")); break;
      case 4: bench.hear(carrier, unregister_text(any_command())); break;
      default: bench.hear(carrier, cancel_text(id)); break;
    }
  }

  Prng prng_;
  RegistryNet net_;
  std::vector<std::vector<Registry::Call>> calls_;
  std::vector<std::set<Registry::Call>> over_;  // cancelled
  std::map<std::size_t, std::size_t> finished_;
  std::map<std::size_t, std::size_t> offered_;
};

RC_GTEST_PROP(RegistryProperty, whatever_happens_each_call_ends_once_and_nothing_stays, (std::uint64_t seed)) {
  SCOPED_TRACE(fmt::format("seed {}", seed));
  Storm storm(seed);
  storm.blow(120);
  storm.rest();
  storm.close();
  RC_ASSERT(!::testing::Test::HasFailure());
}

}  // namespace
}  // namespace parley::core
