#include "runtime/raw.h"

#include <tuple>

#include "runtime/pair_suite.h"

namespace parley::runtime {
namespace {

using suite::Absent;
using suite::MathError;
using suite::outcome;
using suite::Pair;
using suite::Probe;
using suite::Running;

template <class... Arguments>
std::vector<std::uint8_t> packed(const Arguments&... arguments) {
  return codec::to_postcard(std::tuple<Arguments...>(arguments...));
}

Bytes bytes_of(const std::vector<std::uint8_t>& bytes) { return Bytes::copy_of(bytes); }

template <class T>
T unpacked(const Bytes& bytes) {
  return codec::from_postcard<T>(bytes.view()).value();
}

Task<Result<RawResponse>> response(RawCall& call) { co_return co_await call; }

// What a test wants done with a call that nobody serves.
class Handler final : public RawHandler {
 public:
  using Handle = Task<Result<RawResponse>> (*)(Handler&, RawRequest&);
  explicit Handler(Handle handle) : handle_(handle) {}
  Task<Result<RawResponse>> handle(RawRequest& request) override { return handle_(*this, request); }

  std::uint64_t method = 0;
  Bytes arguments;
  Metadata metadata;
  std::optional<Instant> deadline;
  int running = 0;
  Event release;
  std::optional<RawTx> tx;
  std::optional<RawRx> rx;

 private:
  Handle handle_;
};

// --- raw calls

TEST(RawCall, calls_a_typed_method_with_encoded_arguments) {
  // rule: calls/rpc.request
  // rule: calls/rpc.response
  Pair pair;
  RawCall call = RawCall::start(*pair.a, method_id<&Probe::add>, packed(std::int64_t{2}, std::int64_t{3}));
  const Result<RawResponse> answer = pair.world.run(response(call));
  ASSERT_TRUE(answer);
  EXPECT_FALSE(answer->is_own_error);
  EXPECT_EQ(unpacked<std::int64_t>(answer->payload), 5);
}

TEST(RawCall, tells_the_methods_own_error_from_its_value) {
  Pair pair;
  RawCall call = RawCall::start(*pair.a, method_id<&Probe::divide>, packed(std::int64_t{1}, std::int64_t{0}));
  const Result<RawResponse> answer = pair.world.run(response(call));
  ASSERT_TRUE(answer);
  EXPECT_TRUE(answer->is_own_error);
  EXPECT_EQ(unpacked<MathError>(answer->payload), MathError::division_by_zero);
}

TEST(RawCall, gives_the_error_that_came_instead_of_a_response) {
  Pair pair;
  RawCall absent = RawCall::start(*pair.a, method_id<&Absent::missing>, packed(std::int64_t{1}));
  EXPECT_EQ(pair.world.run(response(absent)).error().code, Code::method);
  RawCall short_of_bytes = RawCall::start(*pair.a, method_id<&Probe::add>, {});
  EXPECT_EQ(pair.world.run(response(short_of_bytes)).error().code, Code::arguments);
  RawCall refused = RawCall::start(*pair.a, method_id<&Probe::refuse>,
                                   packed(static_cast<std::uint32_t>(Code::permission), std::string("no")));
  EXPECT_EQ(pair.world.run(response(refused)).error(), (Error{Code::permission, "no"}));
  EXPECT_NE(refused.metadata().find("parley-error"), nullptr);
}

TEST(RawCall, carries_metadata_and_a_deadline) {
  // rule: calls/rpc.metadata
  Pair pair;
  const CallOptions options{.deadline = std::chrono::seconds(3), .metadata = {{"color", "red"}}};
  RawCall call = RawCall::start(*pair.a, method_id<&Probe::inspect>, packed(std::string("color"), false), {}, options);
  const Result<RawResponse> answer = pair.world.run(response(call));
  ASSERT_TRUE(answer);
  EXPECT_EQ(unpacked<std::string>(answer->payload), "red");
  ASSERT_NE(answer->metadata.find_number("found"), nullptr);
  EXPECT_EQ(*answer->metadata.find_number("found"), 1u);
  EXPECT_EQ(call.metadata(), answer->metadata);
  EXPECT_EQ(pair.probe_b.deadline_seen, pair.world.loop.now() + std::chrono::seconds(3));
}

TEST(RawCall, that_is_dropped_stops_the_handler) {
  Pair pair;
  {
    const RawCall call = RawCall::start(*pair.a, method_id<&Probe::hang>, packed(std::string("x")));
    pair.world.settle();
    EXPECT_EQ(pair.probe_b.hanging, 1);
    EXPECT_FALSE(call.is_done());
  }
  pair.world.settle();
  EXPECT_EQ(pair.probe_b.hanging, 0);
  EXPECT_EQ(pair.a->counters().cancels_sent, 1u);
}

TEST(RawCall, may_move_while_it_is_pending) {
  Pair pair;
  RawCall call = RawCall::start(*pair.a, method_id<&Probe::hang>, packed(std::string("moved")));
  pair.world.settle();
  RawCall moved = std::move(call);
  pair.probe_b.release.set();
  pair.world.settle();
  ASSERT_TRUE(moved.is_done());
  EXPECT_EQ(unpacked<std::string>(pair.world.run(response(moved))->payload), "moved");
}

TEST(RawCall, of_a_small_result_pins_no_received_block) {
  Pair pair;
  RawCall call = RawCall::start(*pair.a, method_id<&Probe::add>, packed(std::int64_t{2}, std::int64_t{3}));
  EXPECT_LT(pair.world.run(response(call))->payload.pinned(), 64u);
}

TEST(RawCall, after_the_end_of_the_session_fails_and_ends_its_channels) {
  Pair pair;
  pair.a->close({Code::closed, "test"});
  auto [tx, rx] = raw_channel();
  std::vector<RawChannel> channels;
  channels.emplace_back(std::move(rx));
  RawCall call = RawCall::start(*pair.a, method_id<&Probe::sum>, {}, std::move(channels));
  ASSERT_TRUE(call.is_done());
  EXPECT_EQ(pair.world.run(response(call)).error().code, Code::closed);
  ASSERT_FALSE(tx.is_open());
  EXPECT_EQ(tx.error()->code, Code::dropped);
}

TEST(RawCall, with_more_channels_than_a_call_may_have_is_refused_here) {
  Pair pair;
  std::vector<RawChannel> channels;
  std::vector<RawTx> kept;
  for (int i = 0; i < 65; ++i) {
    auto [tx, rx] = raw_channel();
    kept.push_back(std::move(tx));
    channels.emplace_back(std::move(rx));
  }
  RawCall call = RawCall::start(*pair.a, method_id<&Probe::sum>, {}, std::move(channels));
  EXPECT_EQ(pair.world.run(response(call)).error().code, Code::invalid);
  EXPECT_FALSE(kept.front().is_open());
  EXPECT_TRUE(pair.a->is_established());
}

// --- raw channels

Task<Result<void>> send(RawTx& tx, std::vector<std::uint8_t> item) { co_return co_await tx.send(item); }
Task<std::optional<Bytes>> receive(RawRx& rx) { co_return co_await rx.recv(); }

TEST(RawChannel, feeds_a_typed_receiver_and_reads_a_typed_sender) {
  Pair pair;
  auto [numbers, argument] = raw_channel();
  std::vector<RawChannel> of_sum;
  of_sum.emplace_back(std::move(argument));
  RawCall sum = RawCall::start(*pair.a, method_id<&Probe::sum>, {}, std::move(of_sum));
  for (std::int32_t i = 1; i <= 40; ++i) {
    Running<Result<void>> sent(pair.world, send(numbers, codec::to_postcard(i)));
    ASSERT_TRUE(sent.take());
  }
  numbers.close();
  EXPECT_EQ(unpacked<std::int64_t>(pair.world.run(response(sum))->payload), 820);

  auto [out, squares] = raw_channel(256);
  std::vector<RawChannel> of_generate;
  of_generate.emplace_back(std::move(out));
  RawCall generate =
      RawCall::start(*pair.a, method_id<&Probe::generate>, packed(std::uint32_t{300}), std::move(of_generate));
  std::vector<std::int32_t> seen;
  while (const auto item = pair.world.run(receive(squares))) seen.push_back(unpacked<std::int32_t>(*item));
  EXPECT_EQ(seen.size(), 300u);
  EXPECT_EQ(seen.back(), 299);
  EXPECT_EQ(squares.error(), nullptr);
  EXPECT_TRUE(pair.world.run(response(generate)));
}

TEST(RawChannel, spends_the_credit_it_was_made_with) {
  // rule: calls/rpc.flow-control.credit.exhaustion
  Pair pair;
  auto [numbers, argument] = raw_channel();
  std::vector<RawChannel> channels;
  channels.emplace_back(std::move(argument));
  RawCall call = RawCall::start(*pair.a, method_id<&Probe::keep_rx>, {}, std::move(channels));
  EXPECT_TRUE(pair.world.run(response(call)));
  EXPECT_EQ(numbers.credit(), 16u);
  for (std::int32_t i = 0; i < 16; ++i) EXPECT_TRUE(pair.world.run(send(numbers, codec::to_postcard(i))));
  Running<Result<void>> beyond(pair.world, send(numbers, codec::to_postcard(16)));
  EXPECT_FALSE(beyond.is_done());
  pair.probe_b.kept_rx.reset();
  pair.world.settle();
  EXPECT_EQ(beyond.take().error().code, Code::reset);
}

TEST(RawChannel, close_and_reset_carry_metadata) {
  // rule: calls/weakness.13
  Pair pair;
  auto [numbers, first] = raw_channel();
  std::vector<RawChannel> of_rx;
  of_rx.emplace_back(std::move(first));
  RawCall keep_rx = RawCall::start(*pair.a, method_id<&Probe::keep_rx>, {}, std::move(of_rx));
  ASSERT_TRUE(pair.world.run(response(keep_rx)));
  numbers.close({{"reason", "enough"}});
  pair.world.settle();
  EXPECT_EQ(*pair.probe_b.kept_rx->close_metadata().find_text("reason"), "enough");
  EXPECT_EQ(pair.probe_b.kept_rx->error(), nullptr);

  auto [second, squares] = raw_channel();
  std::vector<RawChannel> of_tx;
  of_tx.emplace_back(std::move(second));
  RawCall keep_tx = RawCall::start(*pair.a, method_id<&Probe::keep_tx>, {}, std::move(of_tx));
  ASSERT_TRUE(pair.world.run(response(keep_tx)));
  squares.reset({{"reason", "bored"}});
  pair.world.settle();
  EXPECT_EQ(*pair.probe_b.kept_tx->reset_metadata().find_text("reason"), "bored");
  EXPECT_EQ(pair.probe_b.kept_tx->error()->code, Code::reset);
  EXPECT_EQ(pair.world.run(receive(squares)), std::nullopt);
  EXPECT_EQ(squares.error()->code, Code::reset);
}

// --- raw handlers

Task<Result<RawResponse>> negate(Handler& self, RawRequest& request) {
  self.method = request.method();
  self.arguments = request.arguments();
  self.metadata = request.metadata();
  self.deadline = request.deadline();
  const std::int64_t number = unpacked<std::int64_t>(request.arguments());
  co_return RawResponse{false, bytes_of(codec::to_postcard(-number)), {{"sign", "minus"}}};
}

TEST(RawHandler, takes_the_calls_that_nobody_else_serves) {
  Pair pair;
  Handler handler(&negate);
  ASSERT_TRUE(set_rest(pair.table_b, handler));
  Client<Absent> client(*pair.a);
  auto call = client.with({.deadline = std::chrono::seconds(2), .metadata = {{"k", "v"}}}).call<&Absent::missing>(7);
  Detailed<std::int64_t> answer = pair.world.run(call.detailed());
  EXPECT_EQ(*answer.result, -7);
  EXPECT_EQ(*answer.metadata.find_text("sign"), "minus");
  EXPECT_EQ(handler.method, method_id<&Absent::missing>);
  EXPECT_EQ(unpacked<std::int64_t>(handler.arguments), 7);
  EXPECT_EQ(*handler.metadata.find_text("k"), "v");
  EXPECT_EQ(handler.deadline, pair.world.loop.now() + std::chrono::seconds(2));

  Client<Probe> served(*pair.a);
  auto typed = served.call<&Probe::add>(1, 2);
  EXPECT_EQ(*pair.world.run(outcome(typed)), 3);
  EXPECT_EQ(pair.b->counters().methods_unknown, 0u);
}

TEST(RawHandler, is_one_at_most) {
  MethodTable table;
  Handler first(&negate);
  Handler second(&negate);
  ASSERT_TRUE(set_rest(table, first));
  EXPECT_EQ(set_rest(table, second).error().code, Code::in_use);
}

TEST(RawHandler, answers_with_a_methods_own_error) {
  Pair pair;
  Handler handler([](Handler&, RawRequest&) -> Task<Result<RawResponse>> {
    co_return RawResponse{true, bytes_of(codec::to_postcard(MathError::overflow)), {}};
  });
  ASSERT_TRUE(set_rest(pair.table_b, handler));
  RawCall call = RawCall::start(*pair.a, 12345, {});
  const Result<RawResponse> answer = pair.world.run(response(call));
  ASSERT_TRUE(answer);
  EXPECT_TRUE(answer->is_own_error);
  EXPECT_EQ(unpacked<MathError>(answer->payload), MathError::overflow);
}

TEST(RawHandler, answers_with_an_error_of_any_code) {
  Pair pair;
  static constexpr Code codes[] = {Code::method, Code::arguments, Code::permission, Code::overloaded, Code::deadline};
  Handler handler([](Handler&, RawRequest& request) -> Task<Result<RawResponse>> {
    co_return fail(codes[request.method()], "as it was told");
  });
  ASSERT_TRUE(set_rest(pair.table_b, handler));
  for (std::uint64_t i = 0; i < std::size(codes); ++i) {
    RawCall call = RawCall::start(*pair.a, i, {});
    EXPECT_EQ(pair.world.run(response(call)).error(), (Error{codes[i], "as it was told"}));
  }
}

TEST(RawHandler, that_throws_answers_with_what_it_said) {
  Pair pair;
  Handler late([](Handler&, RawRequest&) -> Task<Result<RawResponse>> {
    co_await Yield();
    throw std::runtime_error("late");
  });
  Handler early([](Handler&, RawRequest&) -> Task<Result<RawResponse>> { throw std::runtime_error("early"); });
  ASSERT_TRUE(set_rest(pair.table_a, early));
  ASSERT_TRUE(set_rest(pair.table_b, late));
  RawCall to_late = RawCall::start(*pair.a, 1, {});
  EXPECT_EQ(pair.world.run(response(to_late)).error(), (Error{Code::handler_threw, "late"}));
  RawCall to_early = RawCall::start(*pair.b, 1, {});
  EXPECT_EQ(pair.world.run(response(to_early)).error(), (Error{Code::handler_threw, "early"}));
}

Task<Result<RawResponse>> wait_for_release(Handler& self, RawRequest& request) {
  const suite::Alive alive(self.running);
  co_await self.release.wait();
  co_return RawResponse{false, request.arguments(), {}};
}

TEST(RawHandler, may_answer_later) {
  // rule: calls/rpc.service.methods
  Pair pair;
  Handler handler(&wait_for_release);
  ASSERT_TRUE(set_rest(pair.table_b, handler));
  RawCall call = RawCall::start(*pair.a, 1, packed(std::string("echo")));
  pair.world.settle();
  EXPECT_FALSE(call.is_done());
  handler.release.set();
  EXPECT_EQ(unpacked<std::string>(pair.world.run(response(call))->payload), "echo");
  EXPECT_EQ(handler.running, 0);
}

TEST(RawHandler, is_cancelled_by_destruction) {
  // rule: calls/rpc.cancel
  Pair pair;
  Handler handler(&wait_for_release);
  ASSERT_TRUE(set_rest(pair.table_b, handler));
  std::optional<RawCall> dropped = RawCall::start(*pair.a, 1, {});
  RawCall late = RawCall::start(*pair.a, 2, {}, {}, {.deadline = std::chrono::seconds(1)});
  RawCall last = RawCall::start(*pair.a, 3, {});
  pair.world.settle();
  EXPECT_EQ(handler.running, 3);
  dropped.reset();
  pair.world.settle();
  EXPECT_EQ(handler.running, 2);
  pair.world.pass(std::chrono::seconds(2));
  EXPECT_EQ(handler.running, 1);
  EXPECT_EQ(pair.world.run(response(late)).error().code, Code::deadline);
  pair.b->close({Code::closed, "test"});
  pair.world.settle();
  EXPECT_EQ(handler.running, 0);
  EXPECT_EQ(pair.world.run(response(last)).error().code, Code::sent_then_lost);
}

// --- channels of raw handlers

Task<Result<RawResponse>> bind_both(Handler& self, RawRequest& request) {
  EXPECT_EQ(request.channel_count(), 2u);
  EXPECT_NE(request.channel_id(0), request.channel_id(1));
  self.rx = request.as_receiver(0);
  self.tx = request.as_sender(1);
  co_await self.release.wait();
  co_return RawResponse{};
}

Task<Result<void>> send_number(Tx<std::int32_t>& tx, std::int32_t number) { co_return co_await tx.send(number); }
Task<std::optional<std::int32_t>> receive_number(Rx<std::int32_t>& rx) { co_return co_await rx.recv(); }

struct ChannelsOfCaller {
  Tx<std::int32_t> tx;
  Rx<std::int32_t> rx;
  Call<void> call;

  static ChannelsOfCaller start(Session& session) {
    auto [tx, in] = channel<std::int32_t>();
    auto [out, rx] = channel<std::int32_t>();
    Client<Absent> client(session);
    return {std::move(tx), std::move(rx), client.call<&Absent::missing_channels>(std::move(in), std::move(out))};
  }
};

TEST(RawHandler, says_which_way_each_channel_goes) {
  // rule: calls/rpc.channel.binding
  Pair pair;
  Handler handler(&bind_both);
  ASSERT_TRUE(set_rest(pair.table_b, handler));
  auto caller = ChannelsOfCaller::start(*pair.a);
  for (std::int32_t i = 0; i < 16; ++i) ASSERT_TRUE(pair.world.run(send_number(caller.tx, i)));
  pair.world.settle();
  for (std::int32_t i = 0; i < 16; ++i) {
    const std::optional<Bytes> item = pair.world.run(receive(*handler.rx));
    ASSERT_TRUE(item);
    EXPECT_EQ(unpacked<std::int32_t>(*item), i);
  }
  ASSERT_TRUE(pair.world.run(send(*handler.tx, codec::to_postcard(std::int32_t{77}))));
  EXPECT_EQ(pair.world.run(receive_number(caller.rx)), 77);
  handler.tx.reset();
  handler.rx.reset();
  handler.release.set();
  EXPECT_TRUE(pair.world.run(outcome(caller.call)));
  EXPECT_EQ(pair.world.run(receive_number(caller.rx)), std::nullopt);
  EXPECT_EQ(caller.rx.error()->code, Code::dropped);
  EXPECT_EQ(pair.world.run(send_number(caller.tx, 1)).error().code, Code::reset);
}

TEST(RawHandler, that_leaves_a_channel_unbound_is_stopped_and_the_peer_is_told) {
  Pair pair;
  Handler handler([](Handler& self, RawRequest& request) -> Task<Result<RawResponse>> {
    const suite::Alive alive(self.running);
    self.rx = request.as_receiver(0);
    co_await self.release.wait();
    co_return RawResponse{};
  });
  ASSERT_TRUE(set_rest(pair.table_b, handler));
  auto caller = ChannelsOfCaller::start(*pair.a);
  Running<std::optional<std::int32_t>> waiting(pair.world, receive_number(caller.rx));
  pair.world.settle();
  EXPECT_EQ(handler.running, 0);
  const auto ended = pair.world.run(outcome(caller.call));
  EXPECT_EQ(ended.error(), (Error{Code::bug, "the handler left channel 2 of 2 unbound"}));
  EXPECT_EQ(waiting.take(), std::nullopt);
  EXPECT_EQ(caller.rx.error()->code, Code::bug);
  EXPECT_EQ(pair.world.run(send_number(caller.tx, 1)).error().code, Code::bug);
}

TEST(RawHandler, that_expects_a_channel_which_the_call_does_not_list_is_stopped_and_the_peer_is_told) {
  Pair pair;
  Handler handler([](Handler& self, RawRequest& request) -> Task<Result<RawResponse>> {
    const suite::Alive alive(self.running);
    EXPECT_EQ(request.channel_id(0), 0u);
    self.rx = request.as_receiver(0);
    self.tx = request.as_sender(1);
    co_await self.release.wait();
    co_return RawResponse{};
  });
  ASSERT_TRUE(set_rest(pair.table_b, handler));
  const Error second{Code::arguments, "the method has a channel 2, and the call lists 0"};
  RawCall call = RawCall::start(*pair.a, 1, {});
  EXPECT_EQ(pair.world.run(response(call)).error(), second);
  EXPECT_EQ(handler.running, 0);
  EXPECT_EQ(pair.world.run(receive(*handler.rx)), std::nullopt);
  EXPECT_EQ(*handler.rx->error(), (Error{Code::arguments, "the method has a channel 1, and the call lists 0"}));
  EXPECT_EQ(*handler.tx->error(), second);
  EXPECT_FALSE(pair.b->has_ended());
}

TEST(RawHandler, that_answers_with_a_value_and_unbound_channels_gives_an_error_instead) {
  Pair pair;
  Handler handler([](Handler&, RawRequest&) -> Task<Result<RawResponse>> { co_return RawResponse{}; });
  ASSERT_TRUE(set_rest(pair.table_b, handler));
  auto caller = ChannelsOfCaller::start(*pair.a);
  EXPECT_EQ(pair.world.run(outcome(caller.call)).error().code, Code::bug);
  EXPECT_FALSE(caller.tx.is_open());
}

TEST(RawHandler, that_refuses_a_call_ends_its_channels_with_the_reason) {
  Pair pair;
  Handler handler([](Handler&, RawRequest&) -> Task<Result<RawResponse>> { co_return fail(Code::permission, "no"); });
  ASSERT_TRUE(set_rest(pair.table_b, handler));
  auto caller = ChannelsOfCaller::start(*pair.a);
  Running<std::optional<std::int32_t>> waiting(pair.world, receive_number(caller.rx));
  EXPECT_EQ(pair.world.run(outcome(caller.call)).error(), (Error{Code::permission, "no"}));
  EXPECT_EQ(waiting.take(), std::nullopt);
  EXPECT_EQ(*caller.rx.error(), (Error{Code::permission, "no"}));
  EXPECT_EQ(pair.world.run(send_number(caller.tx, 1)).error(), (Error{Code::permission, "no"}));
}

TEST(RawHandler, that_ends_the_session_gets_channels_that_are_over) {
  Pair pair;
  Handler closing([](Handler& self, RawRequest& request) -> Task<Result<RawResponse>> {
    request.session().close({Code::closed, "by the handler"});
    self.rx = request.as_receiver(0);
    self.tx = request.as_sender(1);
    self.running = (co_await self.tx->send({})).error().code == Code::closed ? 1 : -1;
    co_return RawResponse{};
  });
  ASSERT_TRUE(set_rest(pair.table_b, closing));
  auto caller = ChannelsOfCaller::start(*pair.a);
  pair.world.settle();
  EXPECT_EQ(closing.running, 1);
  EXPECT_FALSE(closing.tx->is_open());
  EXPECT_EQ(pair.world.run(receive(*closing.rx)), std::nullopt);
  EXPECT_EQ(pair.world.run(outcome(caller.call)).error().code, Code::sent_then_lost);
}

}  // namespace
}  // namespace parley::runtime
