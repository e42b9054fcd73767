#include <gtest/gtest.h>

#include "io/memory_stream.h"
#include "runtime/commands/line_carrier.h"
#include "runtime/commands/memory_carrier.h"
#include "runtime/commands/session_carrier.h"
#include "runtime/memory_link.h"
#include "sim/carrier_rules.h"
#include "sim/world.h"

namespace parley {
namespace {

using testing::CarrierEnds;
using testing::CarrierRule;

// One kind of carrier: how its ends are made, in a world of its own.
struct Kind {
  const char* name;
  Task<Result<CarrierEnds>> (*make)(io::Loop&);
};

Task<Result<CarrierEnds>> memory(io::Loop& loop) {
  auto [first, second] = carrier_pair({loop, "b"}, {loop, "a"});
  co_return CarrierEnds{first, second};
}

Task<Result<CarrierEnds>> lines(io::Loop& loop) {
  auto [first, second] = io::MemoryStream::make_pair(loop);
  co_return CarrierEnds{LineCarrier::make(loop, std::move(first), {.id = "b"}),
                        LineCarrier::make(loop, std::move(second), {.id = "a"})};
}

// Two processes: the one serves parley.Commands to the other. Lives as long as the world.
struct TwoSessions {
  explicit TwoSessions(io::Loop& loop)
      : service(
            [this](Context&, std::shared_ptr<Carrier> carrier) -> Task<Result<void>> {
              accepted = std::move(carrier);
              co_return Result<void>();
            },
            [](Context&) { return std::vector<CommandDefinition>(); },
            [](Context&, std::string, std::string) { return Result<void>(); }) {
    services.serve<builtin::Commands>(std::string(builtin::commands_name), service).value();
    auto [first, second] = runtime::make_memory_links(loop);
    using enum runtime::Session::Role;
    client = &runtime::Session::start(loop, std::move(first), initiator, {}, nullptr);
    server = &runtime::Session::start(loop, std::move(second), acceptor, {}, &services.table());
  }
  ~TwoSessions() {
    accepted.reset();
    server->drop_caller();
    client->drop_caller();
  }
  std::shared_ptr<Carrier> accepted;
  CommandsService service;
  Services services;
  runtime::Session* client = nullptr;
  runtime::Session* server = nullptr;
};

// What the dialling end starts is there at the other end then, started already.
class Accepted final : public Carrier {
 public:
  explicit Accepted(std::shared_ptr<TwoSessions> sessions) : Carrier("client", true), sessions_(std::move(sessions)) {}
  ~Accepted() override { sessions_->accepted.reset(); }
  Task<Result<void>> start() override {
    while (!sessions_->accepted) co_await Sleep(co_await this_executor(), std::chrono::milliseconds(1));
    co_return co_await sessions_->accepted->start();
  }
  Result<void> send(const CommandMessage& message) override { return sessions_->accepted->send(message); }
  Task<void> writable() override { return sessions_->accepted->writable(); }
  Task<std::optional<ReceivedCommand>> receive() override { return sessions_->accepted->receive(); }
  void close() override { sessions_->accepted->close(); }

 private:
  std::shared_ptr<TwoSessions> sessions_;
};

Task<Result<CarrierEnds>> session(io::Loop& loop) {
  auto sessions = std::make_shared<TwoSessions>(loop);
  co_await sessions->client->established().wait();
  co_return CarrierEnds{session_carrier(*sessions->client, "server"), std::make_shared<Accepted>(sessions)};
}

const Kind kinds[] = {{"memory", &memory}, {"lines", &lines}, {"session", &session}};

class Carriers : public ::testing::TestWithParam<std::tuple<const Kind*, const CarrierRule*>> {};

TEST_P(Carriers, keep_the_rule) {
  // rule: commands/C1, commands/C2, commands/C3, commands/C4, commands/C5, commands/C6, commands/C7, commands/C9
  // rule: commands/C10, commands/C11, commands/C12, commands/weakness.1
  const auto& [kind, rule] = GetParam();
  sim::World world(1);
  const auto finding = testing::check_carrier(world.loop(), *rule, [&] { return kind->make(world.loop()); });
  EXPECT_EQ(finding, std::nullopt) << rule->id << ": " << rule->says << ": " << finding.value_or("");
}

std::vector<std::tuple<const Kind*, const CarrierRule*>> all() {
  std::vector<std::tuple<const Kind*, const CarrierRule*>> combinations;
  for (const Kind& kind : kinds) {
    for (const CarrierRule& rule : testing::carrier_rules()) combinations.emplace_back(&kind, &rule);
  }
  return combinations;
}

std::string name_of(const ::testing::TestParamInfo<Carriers::ParamType>& info) {
  const auto& [kind, rule] = info.param;
  return std::string(kind->name) + "_" + std::string(rule->id) + "_" + std::to_string(info.index);
}

INSTANTIATE_TEST_SUITE_P(Every, Carriers, ::testing::ValuesIn(all()), name_of);

}  // namespace
}  // namespace parley
