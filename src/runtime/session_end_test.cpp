#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/hold.h"
#include "runtime/pair_suite.h"
#include "runtime/scripted_peer_suite.h"
#include "runtime/services.h"

// How sessions end: who keeps one open, who learns what when it ends, and in which order things die.
namespace parley::runtime::end_test {

using namespace suite;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

// --- who keeps a session open

TEST(SessionCallers, the_last_one_closes_the_session_in_good_order) {
  // rule: calls/rpc.caller.liveness.refcounted
  // rule: calls/rpc.caller.liveness.last-drop-closes-connection
  // rule: calls/rpc.caller.liveness.root-internal-close
  // rule: calls/rpc.caller.liveness.root-teardown-condition
  Scripted scripted;
  std::optional<Client<Probe>> client(scripted.client());
  std::optional<Client<Probe>> copy(*client);
  std::optional<Client<Probe>> moved(std::move(*copy));
  scripted.session.reset();
  client.reset();
  copy.reset();
  scripted.world.settle();
  EXPECT_FALSE(scripted.peer->has_heard_the_end());
  moved.reset();
  EXPECT_THAT(scripted.peer->heard(), IsEmpty()) << "no message says so: the link ends";
  EXPECT_TRUE(scripted.peer->has_heard_the_end());
}

TEST(SessionCallers, are_pending_calls_and_open_channels_too) {
  Scripted scripted;
  auto [tx, rx] = channel<std::int32_t>();
  auto [tx_back, rx_back] = channel<std::int32_t>();
  std::optional<Call<void>> call(scripted.client().call<&Probe::keep_rx>(std::move(rx)));
  std::optional<Call<void>> other(scripted.client().call<&Probe::keep_tx>(std::move(tx_back)));
  scripted.session.reset();
  scripted.world.settle();
  scripted.peer->says(say::response(2, {0}), say::response(4, {0}));
  EXPECT_TRUE(call->is_done() && other->is_done());
  EXPECT_FALSE(scripted.peer->has_heard_the_end()) << "the channels outlive their calls";
  tx.close();
  scripted.world.settle();
  EXPECT_FALSE(scripted.peer->has_heard_the_end());
  scripted.peer->says(say::close(4));
  EXPECT_TRUE(scripted.peer->has_heard_the_end());
}

TEST(SessionCallers, are_holds_each_copy_for_itself) {
  Scripted scripted;
  Scripted other;
  std::optional<parley::Hold> first(*scripted.session);
  std::optional<parley::Hold> second(*first);
  std::optional<parley::Hold> third(*other.session);
  *third = *second;
  second = *third;
  const parley::Hold& itself = *second;
  *second = itself;
  scripted.session.reset();
  other.session.reset();
  other.world.settle();
  EXPECT_TRUE(other.peer->has_heard_the_end()) << "nobody holds the other one any more";
  first.reset();
  second.reset();
  scripted.world.settle();
  EXPECT_FALSE(scripted.peer->has_heard_the_end());
  third.reset();
  scripted.world.settle();
  EXPECT_TRUE(scripted.peer->has_heard_the_end());
}

TEST(SessionCallers, are_holds_of_a_handler_beyond_its_end) {
  Scripted scripted;
  std::optional<parley::Hold> kept;
  scripted.probe.on_guarded = [&kept](Context& context) { kept = context.hold(); };
  scripted.probe.release.set();
  scripted.peer->says(say::call_of<&Probe::guarded>(1, {}, std::string("x")));
  EXPECT_EQ(scripted.peer->heard().size(), 1u);
  scripted.session.reset();
  scripted.world.settle();
  EXPECT_FALSE(scripted.peer->has_heard_the_end());
  kept.reset();
  scripted.world.settle();
  EXPECT_TRUE(scripted.peer->has_heard_the_end());
}

TEST(SessionCallers, are_not_the_handlers_that_run_for_the_peer) {
  Scripted scripted;
  scripted.peer->says(say::call_of<&Probe::hang>(1, {}, std::string("x")));
  EXPECT_EQ(scripted.probe.hanging, 1);
  scripted.session.reset();
  scripted.world.settle();
  EXPECT_EQ(scripted.probe.hanging, 0);
  EXPECT_THAT(scripted.peer->heard(), IsEmpty()) << "there is no response to what was stopped so";
  EXPECT_TRUE(scripted.peer->has_heard_the_end());
}

// --- who learns what

// A session with something of each kind under way.
struct Busy {
  explicit Busy(ScriptOptions options = {}) : scripted(with_two_slots(std::move(options))) {
    auto client = scripted.client();
    auto [tx, rx] = channel<std::int32_t>();
    sending = std::move(tx);
    sent.emplace(client.call<&Probe::hang>("sent"));
    keeping.emplace(client.call<&Probe::keep_rx>(std::move(rx)));
    waiting.emplace(client.call<&Probe::hang>("in line"));
    scripted.world.settle();
    scripted.peer->says(say::call_of<&Probe::hang>(1, {}, std::string("x")), say::call_of<&Probe::keep_tx>(3, {1}),
                        say::call_of<&Probe::sum>(5, {3}));
    EXPECT_EQ(scripted.probe.hanging, 2);
    scripted.peer->heard();
  }
  static ScriptOptions with_two_slots(ScriptOptions options) {
    options.peer_requests_max = 2;
    return options;
  }
  template <class T>
  static Error error_of(std::optional<Call<T>>& call, World& world) {
    EXPECT_TRUE(call->is_done());
    return world.run(outcome(*call)).error();
  }

  Scripted scripted;
  Tx<std::int32_t> sending;
  std::optional<Call<std::string>> sent;
  std::optional<Call<void>> keeping;
  std::optional<Call<std::string>> waiting;
};

TEST(SessionEnd, by_close_ends_all_calls_and_channels_both_ways_and_refuses_new_ones) {
  // rule: calls/weakness.16
  Busy busy;
  Scripted& scripted = busy.scripted;
  scripted.session->close({Code::closed, "enough"});
  scripted.session->close({Code::bug, "twice"});
  scripted.world.settle();
  EXPECT_EQ(busy.error_of(busy.sent, scripted.world),
            (Error{Code::sent_then_lost, to_string(Error{Code::closed, "enough"})}));
  EXPECT_EQ(busy.error_of(busy.keeping, scripted.world).code, Code::sent_then_lost);
  EXPECT_EQ(busy.error_of(busy.waiting, scripted.world), (Error{Code::not_sent, "enough"}));
  ASSERT_TRUE(busy.sending.error());
  EXPECT_EQ(*busy.sending.error(), (Error{Code::closed, "enough"}));
  EXPECT_EQ(scripted.probe.hanging, 0);
  ASSERT_TRUE(scripted.probe.kept_tx->error());
  EXPECT_EQ(scripted.probe.kept_tx->error()->code, Code::closed);
  EXPECT_THAT(scripted.peer->heard(), IsEmpty()) << "nothing is said beside the end";
  EXPECT_TRUE(scripted.peer->has_heard_the_end());
  EXPECT_FALSE(scripted.session->end_reason()) << "it was meant";
  auto late = scripted.client().call<&Probe::add>(1, 2);
  EXPECT_EQ(scripted.world.run(outcome(late)).error(), (Error{Code::closed, "the session"}));
}

TEST(SessionEnd, by_close_lets_what_was_said_before_leave) {
  Scripted scripted;
  auto [tx, rx] = channel<std::int32_t>();
  auto call = scripted.client().call<&Probe::sum>(std::move(rx));
  EXPECT_TRUE(scripted.world.run(send_one(tx, 5)));
  auto last = scripted.client().call<&Probe::add>(1, 2);
  scripted.session->close({Code::closed, "enough"});
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("call 2 sum [2]", "item 2 0a", "call 4 add 0204"));
  EXPECT_EQ(scripted.world.run(outcome(last)).error().code, Code::sent_then_lost) << "it may happen";
}

TEST(SessionEnd, by_the_peer_says_that_the_link_is_gone_to_whoever_waits) {
  Busy busy;
  Scripted& scripted = busy.scripted;
  scripted.peer->finishes();
  EXPECT_EQ(busy.error_of(busy.sent, scripted.world).code, Code::sent_then_lost);
  EXPECT_EQ(busy.error_of(busy.waiting, scripted.world).code, Code::not_sent);
  ASSERT_TRUE(busy.sending.error());
  EXPECT_EQ(busy.sending.error()->code, Code::link_lost);
  EXPECT_EQ(scripted.probe.hanging, 0);
  EXPECT_TRUE(scripted.session->has_ended());
  EXPECT_FALSE(scripted.session->end_reason()) << "the peer closed it in good order";
}

TEST(SessionEnd, by_a_breach_says_so_to_all) {
  Busy busy;
  Scripted& scripted = busy.scripted;
  scripted.peer->says(say::item(2, {2}));  // to an end that sends
  EXPECT_EQ(scripted.end_reason().code, Code::channel_direction);
  EXPECT_EQ(busy.error_of(busy.sent, scripted.world).code, Code::channel_direction);
  EXPECT_EQ(busy.error_of(busy.waiting, scripted.world).code, Code::not_sent);
  EXPECT_EQ(busy.sending.error()->code, Code::channel_direction);
  EXPECT_EQ(scripted.probe.hanging, 0);
}

TEST(SessionEnd, by_the_peer_while_both_are_at_each_others_calls) {
  Pair pair;
  auto there = pair.client_a().call<&Probe::hang>("there");
  auto back = pair.client_b().call<&Probe::hang>("back");
  pair.world.settle();
  EXPECT_EQ(pair.probe_a.hanging + pair.probe_b.hanging, 2);
  pair.a->close({Code::closed, "enough"});
  pair.world.settle();
  EXPECT_EQ(pair.probe_a.hanging + pair.probe_b.hanging, 0);
  EXPECT_EQ(pair.world.run(outcome(there)).error(),
            (Error{Code::sent_then_lost, to_string(Error{Code::closed, "enough"})}));
  EXPECT_EQ(pair.world.run(outcome(back)).error().code, Code::sent_then_lost);
  EXPECT_FALSE(pair.a->end_reason());
  EXPECT_FALSE(pair.b->end_reason());
}

// --- the end of the loop

using Log = std::vector<std::string>;

// Writes down when it dies.
class Mark {
 public:
  Mark(Log& log, std::string what) : log_(&log), what_(std::move(what)) {}
  Mark(Mark&& other) noexcept : log_(std::exchange(other.log_, nullptr)), what_(std::move(other.what_)) {}
  Mark& operator=(Mark&&) = delete;
  ~Mark() {
    if (log_) log_->push_back(what_);
  }

 private:
  Log* log_;
  std::string what_;
};

class Desk {
 public:
  explicit Desk(Log& log) : log_(log), gone_(log, "object") {}
  Task<void> stay(Tx<std::int32_t> out) {
    const Mark frame(log_, "frame");
    static_cast<void>(co_await out.send(1));
    co_await never_.wait();
  }
  // Waits for a call of its own.
  Task<void> ask(Context& context);
  Task<void> wait() { co_await never_.wait(); }
  // One that has begun to clean up when the loop goes, or would begin then.
  Task<void> guard(Context& context, std::string name) {
    const Mark frame(log_, name + " frame");
    context.on_cancel([this, hold = context.hold(), mark = Mark(log_, name + " work")](Error, Metadata) -> Task<void> {
      const Mark cleanup(log_, "cleanup frame");
      log_.emplace_back("cleaning");
      co_await never_.wait();
    });
    co_await never_.wait();
  }

 private:
  Log& log_;
  Mark gone_;
  Event never_;
};
PARLEY_SERVICE(Desk, stay, ask, wait, guard);

Task<void> Desk::ask(Context& context) {
  const Mark frame(log_, "asking frame");
  auto client = context.client<Desk>("Desk");
  auto call = client.call<&Desk::wait>();
  static_cast<void>(co_await call);
  ADD_FAILURE() << "nothing runs any more";
}

TEST(LoopEnd, with_everything_running_tells_what_lives_on_and_destroys_the_rest_in_order) {
  Log log;
  Services services;
  services.serve<Desk>("Desk", [&log](const io::Peer&) { return std::make_unique<Desk>(log); }).value();
  auto world = std::make_unique<World>();
  auto [link_a, link_b] = make_memory_links(world->loop);
  bool is_a_gone = false;
  bool is_b_gone = false;
  Session& a = Session::start(world->loop, std::make_unique<TrackedLink>(std::move(link_a), is_a_gone),
                              Session::Role::initiator, {}, &services.table());
  Session& b = Session::start(world->loop, std::make_unique<TrackedLink>(std::move(link_b), is_b_gone),
                              Session::Role::acceptor, {}, &services.table());
  world->settle();
  // Outlive the loop: calls and channel ends, which lose their session with it.
  auto [tx, rx] = channel<std::int32_t>();
  auto staying = Client<Desk>(a).call<&Desk::stay>(std::move(tx));
  auto asking = Client<Desk>(a).call<&Desk::ask>();
  world->settle();
  EXPECT_THAT(log, IsEmpty());
  EXPECT_EQ(b.root().calls().handling(), 2u);
  EXPECT_EQ(a.root().calls().handling(), 1u);

  world.reset();
  EXPECT_TRUE(is_a_gone && is_b_gone);
  // Session by session, and in each the objects behind the frames.
  ASSERT_EQ(log.size(), 4u);
  EXPECT_EQ(log[0], "object");
  EXPECT_THAT(std::vector(log.begin() + 1, log.begin() + 3), testing::UnorderedElementsAre("frame", "asking frame"));
  EXPECT_EQ(log[3], "object");
  EXPECT_TRUE(staying.is_done());
  EXPECT_TRUE(asking.is_done());
  EXPECT_EQ(staying.await_resume().error(),
            (Error{Code::sent_then_lost, to_string(Error{Code::closed, "the loop is gone"})}));
  ASSERT_TRUE(rx.error());
  EXPECT_EQ(*rx.error(), (Error{Code::closed, "the loop is gone"}));
}

TEST(LoopEnd, drops_cleanups_where_they_stand_and_starts_none) {
  // rule: calls/weakness.14
  Log log;
  Services services;
  services.serve<Desk>("Desk", [&log](const io::Peer&) { return std::make_unique<Desk>(log); }).value();
  auto world = std::make_unique<World>();
  auto [link_a, link_b] = make_memory_links(world->loop);
  Session& a = Session::start(world->loop, std::move(link_a), Session::Role::initiator, {}, nullptr);
  Session::start(world->loop, std::move(link_b), Session::Role::acceptor, {}, &services.table());
  world->settle();
  auto first = Client<Desk>(a).call<&Desk::guard>("first");
  auto second = Client<Desk>(a).call<&Desk::guard>("second");
  world->settle();
  first.cancel();
  world->settle();
  EXPECT_THAT(log, ElementsAre("first frame", "cleaning"));
  log.clear();
  world.reset();
  EXPECT_THAT(log, ElementsAre("second frame", "cleanup frame", "first work", "second work", "object"));
  EXPECT_EQ(second.await_resume().error().code, Code::sent_then_lost);
}

}  // namespace parley::runtime::end_test
