#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/directory/registry.h"

// What tests of the registry share: one of them with peers that say JSON, and several that are joined to each other.
namespace parley::core::registry_suite {

// The value at a path such as `command.id` or `commands.0`; of a string its text, and nothing where there is none.
std::string json_at(std::string_view json, std::string_view path);

// --- what peers say; `more` are members such as `,"_meta":{}`

std::string execute_text(std::string_view id, std::string_view command, std::string_view more = "");
std::string result_text(std::string_view thread, std::string_view result, std::string_view more = "");
std::string error_text(std::string_view thread, std::string_view code, std::string_view message,
                       std::string_view more = "");
std::string register_text(std::string_view id, std::string_view command, std::string_view more = "");
std::string registered_text(std::string_view thread, bool is_ok);
std::string list_text(const std::vector<std::string>& commands, std::string_view more = "");
std::string list_request_text(std::string_view id);
std::string event_text(std::string_view id, std::string_view event, std::string_view more = "");
std::string cancel_text(std::string_view thread);
std::string progress_text(std::string_view thread, std::string_view content);
std::string unregister_text(std::string_view command);
// `patterns` as the inside of an array.
std::string interest_text(std::string_view patterns, bool wants_commands = false);

// One registry, its peers, and everything that it wants done, kept by kind. Time passes by hand.
class RegistryBench {
 public:
  using Carrier = Registry::Carrier;
  using Call = Registry::Call;

  explicit RegistryBench(const RegistryLimits& limits = {}, const Directory::Bounds& bounds = {},
                         std::uint64_t seed = 1)
      : directory_(bounds), registry_(directory_, limits, seed) {}

  Registry& registry() { return registry_; }
  Directory& directory() { return directory_; }
  const RegistryCounters& counters() const { return registry_.counters(); }
  Instant now() const { return now_; }

  // --- carriers
  Result<Carrier> add(Registry::Terms terms);
  void start(Carrier carrier);
  // Added and started, and what was said at that is read.
  Carrier join(Registry::Terms terms);
  void drop(Carrier carrier);
  // That peer says something.
  void hear(Carrier from, std::string_view json);
  // The oldest that was said to that peer and is not read; empty: nothing.
  std::string next(Carrier to);
  std::size_t unread(Carrier to) const { return peers_.at(to).said.size(); }
  std::size_t unread() const;
  void read_all();

  // --- here
  void offer(const std::string& command, std::string schema = {}) {
    Registry::Definition definition;
    definition.id = command;
    definition.schema = std::move(schema);
    offer(std::move(definition));
  }
  void offer(Registry::Definition definition);
  bool withdraw(std::string_view command);
  // That command ends so as soon as it starts.
  void answer_with(const std::string& command, Result<std::string> result);
  Call execute(Registry::Execution execution);
  Call execute(const std::string& command, std::string request = {}) {
    return execute(Registry::Execution{.command = command, .request = std::move(request)});
  }
  void cancel(Call call);
  bool finish(Call call, Result<std::string> result, std::string meta = {});
  bool progress(Call call, std::string content);
  Result<void> try_emit(std::string event, std::string payload = {}, const Rights* rights = nullptr);
  void emit(const std::string& event, const std::string& payload = {}) {
    EXPECT_TRUE(try_emit(event, payload).has_value());
  }
  void listen(std::string_view pattern);
  void forget(std::string_view pattern);
  void pass(Duration duration) { pass_until(now_ + duration); }
  // The timer fires when it was asked to, and never otherwise.
  void pass_until(Instant end);
  void close();

  // --- what was to be done
  std::deque<Registry::Start> starts;
  std::vector<Registry::Stop> stops;
  std::map<Call, Registry::Settle> settled;
  std::vector<Registry::Progressed> progressed;
  std::vector<std::string> unannounced;
  std::deque<Registry::Registered> registered;
  std::vector<Registry::Deliver> delivered;
  std::vector<Registry::Refused> refused;
  std::size_t changes = 0;

  // The end of the registration that ended last.
  Result<void> last_registered() const { return registered.empty() ? fail(Code::bug) : registered.back().result; }
  bool has_settled(Call call) const { return settled.contains(call); }
  const Result<std::string>& result_of(Call call) const { return settled.at(call).result; }
  Code code_of(Call call) const { return result_of(call) ? Code::bug : result_of(call).error().code; }
  bool lists(std::string_view command);

 private:
  struct Peer {
    bool is_extended = false;
    std::deque<std::string> said;
  };

  template <class Function>
  void with_effects(Function function);
  void keep_all(Registry::Effects& effects);
  void keep(Registry::Send& send);
  void keep(Registry::Start& start);
  void keep(Registry::Stop& stop) { stops.push_back(std::move(stop)); }
  void keep(Registry::Settle& settle);
  void keep(Registry::Progressed& each) { progressed.push_back(std::move(each)); }
  void keep(Registry::Registered& each) { registered.push_back(std::move(each)); }
  void keep(Registry::Deliver& each) { delivered.push_back(std::move(each)); }
  void keep(Registry::Unannounced& each) { unannounced.push_back(std::move(each.command)); }
  void keep(Registry::Changed&) { ++changes; }
  void keep(Registry::Refused& each) { refused.push_back(std::move(each)); }

  Directory directory_;
  Registry registry_;
  Instant now_ = Instant::from_ns(1'000'000'000);
  std::map<Carrier, Peer> peers_;
  std::map<std::string, Result<std::string>> answers_;
};

// Registries that are joined to each other; what they say is carried when told to.
class RegistryNet {
 public:
  using Carrier = Registry::Carrier;

  explicit RegistryNet(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      nodes_.push_back(std::make_unique<RegistryBench>(RegistryLimits(), Directory::Bounds(), i + 1));
    }
  }
  RegistryBench& operator[](std::size_t node) { return *nodes_[node]; }
  std::size_t size() const { return nodes_.size(); }

  struct Joint {
    bool is_extended = true;
    bool is_router = false;         // `b`, of `a`
    bool is_router_too = false;     // `a`, of `b`
    bool a_wants_commands = false;  // all that `b` knows
    bool b_wants_commands = false;
  };
  // Both ends of a new carrier. An end's id is the number of the node at the other.
  std::pair<Carrier, Carrier> connect(std::size_t a, std::size_t b, const Joint& joint);
  void cut(std::size_t node, Carrier carrier);
  // Until nothing moves any more. How many were carried; more than `count_max` is a failure.
  std::size_t carry(std::size_t count_max = 10'000);
  // What one end sends next arrives, alone.
  std::string carry_one(std::size_t node, Carrier carrier);
  std::vector<std::pair<std::size_t, Carrier>> ends() const;
  void pass(Duration duration);

 private:
  std::vector<std::unique_ptr<RegistryBench>> nodes_;
  std::map<std::pair<std::size_t, Carrier>, std::pair<std::size_t, Carrier>> ends_;
  std::size_t joints_ = 0;
};

}  // namespace parley::core::registry_suite
