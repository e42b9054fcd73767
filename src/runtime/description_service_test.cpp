#include "runtime/description_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "codec/dynamic.h"
#include "runtime/pair_suite.h"
#include "runtime/services.h"

// parley.Describe: answered by every session, and enough to call what is served without its types.
namespace parley::runtime {
namespace {

using suite::outcome;
using suite::Probe;
using testing::ElementsAre;
using testing::IsEmpty;

// A client, and the other end with services or without.
class Served {
 public:
  explicit Served(const MethodTable* table, bool is_client_foreign = false) {
    auto [here, there] = make_memory_links(world.loop);
    SessionOptions options;
    options.is_foreign = is_client_foreign;
    a = suite::Hold(Session::start(world.loop, std::move(here), Session::Role::initiator, options, nullptr));
    b = suite::Hold(Session::start(world.loop, std::move(there), Session::Role::acceptor, {}, table));
    world.settle();
  }
  ~Served() {
    a.reset();
    b.reset();
    world.settle();
  }
  template <auto Method, class... Arguments>
  auto call(Arguments... arguments) {
    auto call = Client<Describe>(*a).call<Method>(std::move(arguments)...);
    return world.run(outcome(call));
  }
  Result<RawResponse> call_raw(std::uint64_t method, ByteView arguments, std::vector<RawChannel> channels = {}) {
    RawCall call = RawCall::start(*a, method, arguments, std::move(channels));
    return world.run([](RawCall& started) -> Task<Result<RawResponse>> { co_return co_await started; }(call));
  }

  suite::World world;
  suite::Hold a;
  suite::Hold b;
};

TEST(DescribeService, lists_what_is_served_under_its_names) {
  Probe probe;
  Services services;
  ASSERT_TRUE(services.serve<Probe>("app.Probe", probe));
  Served served(&services.table());
  EXPECT_THAT(*served.call<&Describe::services>(), ElementsAre(ServiceEntry{"app.Probe", "Probe"}));
}

TEST(DescribeService, describes_a_service_as_its_own_end_does) {
  Probe probe;
  Services services;
  ASSERT_TRUE(services.serve<Probe>("app.Probe", probe));
  Served served(&services.table());
  const auto answer = served.call<&Describe::describe>(std::string("app.Probe"));
  ASSERT_TRUE(answer);
  EXPECT_EQ(*answer, describe<Probe>());
}

TEST(DescribeService, knows_services_that_have_an_object_for_each_session) {
  Services services;
  ASSERT_TRUE(services.serve<Probe>("Probe", [](const io::Peer&) { return std::make_unique<Probe>(); }));
  Served served(&services.table());
  EXPECT_EQ(*served.call<&Describe::describe>(std::string("Probe")), describe<Probe>());
}

TEST(DescribeService, suggests_the_name_that_was_meant) {
  Probe probe;
  Services services;
  ASSERT_TRUE(services.serve<Probe>("Probe", probe));
  Served served(&services.table());
  const auto answer = served.call<&Describe::describe>(std::string("Prode"));
  ASSERT_TRUE(answer.own());
  EXPECT_EQ(*answer.own(), (NoSuchService{"Prode", "Probe"}));
  EXPECT_EQ(served.call<&Describe::describe>(std::string("else")).own()->nearest, "");
}

TEST(DescribeService, answers_where_nothing_is_served) {
  Served served(nullptr);
  EXPECT_THAT(*served.call<&Describe::services>(), IsEmpty());
  EXPECT_EQ(*served.call<&Describe::describe>(std::string("x")).own(), (NoSuchService{"x", ""}));
}

TEST(DescribeService, answers_foreign_peers) {
  Probe probe;
  Services services;
  ASSERT_TRUE(services.serve<Probe>("Probe", probe));
  Served served(&services.table(), true);
  EXPECT_TRUE(served.b->machine().is_peer_foreign());
  EXPECT_EQ(*served.call<&Describe::describe>(std::string("Probe")), describe<Probe>());
}

TEST(DescribeService, is_not_for_the_handler_of_what_nobody_serves) {
  class Rest final : public RawHandler {
   public:
    Task<Result<RawResponse>> handle(RawRequest&) override {
      ++calls;
      co_return fail(Code::method);
    }
    int calls = 0;
  };
  Rest rest;
  Services services;
  ASSERT_TRUE(services.serve_rest(rest));
  Served served(&services.table());
  EXPECT_THAT(*served.call<&Describe::services>(), IsEmpty());
  EXPECT_EQ(rest.calls, 0);
  EXPECT_EQ(served.b->counters().methods_unknown, 0u);
}

TEST(DescribeService, arguments_that_do_not_decode_are_refused) {
  Served served(nullptr);
  const std::vector<std::uint8_t> cut = {9, 'x'};
  EXPECT_EQ(served.call_raw(method_id<&Describe::describe>, cut).error().code, Code::arguments);
}

// --- what it is for

class Described : public testing::Test {
 protected:
  Described() {
    services_.serve<Probe>("Probe", probe_).value();
    served_ = std::make_unique<Served>(&services_.table());
    transcoder_.emplace(codec::Transcoder::make(*served_->call<&Describe::describe>(std::string("Probe"))).value());
  }
  Result<std::string> call(std::string_view name, std::string_view json, std::vector<RawChannel> channels = {}) {
    const codec::MethodDescription& method = *transcoder_->find(name);
    PARLEY_TRY(codec::DynamicArguments arguments, transcoder_->arguments(method, json));
    EXPECT_EQ(arguments.channels.size(), channels.size());
    PARLEY_TRY(RawResponse answer, served_->call_raw(method.id, arguments.bytes, std::move(channels)));
    return transcoder_->to_json(answer.is_own_error ? *method.own_error : method.result, answer.payload.view());
  }

  Probe probe_;
  Services services_;
  std::unique_ptr<Served> served_;
  std::optional<codec::Transcoder> transcoder_;
};

TEST_F(Described, methods_are_called_with_json) {
  EXPECT_EQ(*call("add", "[2, 3]"), "5");
  EXPECT_EQ(*call("add", R"({"b": 3, "a": "9007199254740993"})"), R"("9007199254740996")");
  EXPECT_EQ(*call("divide", "[1, 0]"), R"("division_by_zero")");
  EXPECT_EQ(*call("echo", R"(["\u00e9"])"), "\"\xc3\xa9\"");
  EXPECT_EQ(call("add", "[2, true]").error().code, Code::json);
}

TEST_F(Described, items_of_channels_are_json_too) {
  const codec::MethodDescription& generate = *transcoder_->find("generate");
  const auto arguments = transcoder_->arguments(generate, "[3]");
  ASSERT_TRUE(arguments);
  ASSERT_EQ(arguments->channels.size(), 1u);
  const codec::DynamicChannel& channel = arguments->channels[0];
  auto [tx, rx] = raw_channel(channel.initial_credit);
  std::vector<RawChannel> given;
  given.emplace_back(std::move(tx));
  EXPECT_EQ(*call("generate", "[3]", std::move(given)), "null");
  std::vector<std::string> items;
  while (auto item = served_->world.run(
             [](RawRx& from) -> Task<std::optional<Bytes>> { co_return co_await from.recv(); }(rx))) {
    items.push_back(transcoder_->to_json(channel.item, item->view()).value());
  }
  EXPECT_THAT(items, ElementsAre("0", "1", "2"));
}

// --- peers that say what is not so

class Liar final : public Describe {
 public:
  Task<std::vector<ServiceEntry>> services() override { co_return {}; }
  Task<Either<codec::ServiceDescription, NoSuchService>> describe(std::string name) override {
    codec::ServiceDescription lie = parley::describe<Probe>();
    if (name == "endless") {
      lie.types.push_back({.kind = codec::DescribedKind::boxed});
      lie.types.back().parts.push_back({.name = {}, .type = static_cast<std::uint32_t>(lie.types.size() - 1)});
    } else {
      lie.methods[0].result = 4'000'000'000;
    }
    co_return lie;
  }
};

TEST(DescribeService, descriptions_that_are_none_are_refused_where_they_are_used) {
  Liar liar;
  MethodTable table;
  ASSERT_TRUE(add_service<Describe>(table, liar));
  Served served(&table);
  for (const std::string name : {"endless", "out of range"}) {
    const auto answer = served.call<&Describe::describe>(name);
    ASSERT_TRUE(answer) << name;
    EXPECT_EQ(codec::Transcoder::make(*answer).error().code, Code::response) << name;
  }
}

TEST_F(Described, results_that_do_not_fit_the_description_are_refused) {
  const codec::MethodDescription& add = *transcoder_->find("add");
  const std::vector<std::uint8_t> text = {3, 'a', 'b', 'c'};
  EXPECT_EQ(transcoder_->to_json(add.result, text).error(),
            (Error{Code::response, "bytes are left over behind the value (at byte 1 of 4)"}));
}

}  // namespace
}  // namespace parley::runtime
