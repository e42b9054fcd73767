#include "runtime/cleanup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "runtime/raw.h"
#include "runtime/scripted_peer_suite.h"

// What a handler leaves to be done when it is stopped: Context::on_cancel().
namespace parley::runtime {
namespace {

using namespace suite;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

// What cleanups were told, as lines: "cancelled {reason=\"bored\"}".
class Told {
 public:
  void add(const Error& why, const Metadata& metadata) {
    lines_.push_back(to_string(why) + (metadata.empty() ? "" : " {" + to_string(metadata) + "}"));
  }
  std::vector<std::string> take() { return std::exchange(lines_, {}); }

 private:
  std::vector<std::string> lines_;
};

class CleanupRuntime : public testing::Test {
 protected:
  // A plain function.
  void note_when_stopped(Probe& probe) {
    probe.on_guarded = [this, &probe](Context& context) {
      context.on_cancel([this, &probe](const Error& why, const Metadata& metadata) {
        alive_when_started = probe.hanging;
        told.add(why, metadata);
      });
    };
  }
  // A task that waits until the test lets it go on.
  void wait_when_stopped(Probe& probe) {
    probe.on_guarded = [this](Context& context) {
      context.on_cancel([this](Error why, Metadata metadata) -> Task<void> {
        const Alive alive(cleaning);
        co_await go_on.wait();
        told.add(why, metadata);
      });
    };
  }
  static Octets guarded(std::uint64_t id) { return say::call_of<&Probe::guarded>(id, {}, std::string("x")); }

  Told told;
  std::optional<int> alive_when_started;
  int cleaning = 0;
  Event go_on;
};

TEST_F(CleanupRuntime, of_a_cancelled_handler_gets_the_metadata_of_the_cancel_behind_its_frame) {
  // rule: calls/weakness.14
  Scripted scripted;
  note_when_stopped(scripted.probe);
  scripted.peer->says(guarded(1));
  EXPECT_EQ(scripted.probe.hanging, 1);
  EXPECT_THAT(told.take(), IsEmpty());
  scripted.peer->says(say::cancel(1, {{"reason", "bored"}, {"count", std::uint64_t{7}}}));
  EXPECT_THAT(told.take(), ElementsAre(to_string(Error{Code::cancelled, {}}) + " {reason=\"bored\" count=7}"));
  EXPECT_EQ(alive_when_started, 0) << "the frame is gone before the cleanup starts";
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("response 1 {parley-error=7000} 0103"));
  EXPECT_EQ(scripted.counters().cleanups_started, 1u);
  EXPECT_EQ(scripted.session->root().cleanups(), 0u);
}

TEST_F(CleanupRuntime, may_wait_while_its_call_has_been_answered) {
  // rule: calls/weakness.14
  Scripted scripted;
  wait_when_stopped(scripted.probe);
  scripted.peer->says(guarded(1), say::cancel(1, {{"reason", "bored"}}));
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("response 1 {parley-error=7000} 0103"));
  EXPECT_EQ(cleaning, 1);
  EXPECT_EQ(scripted.session->root().cleanups(), 1u);
  EXPECT_EQ(scripted.session->root().calls().handling(), 0u);
  // The call is over: nothing is left to cancel.
  scripted.peer->says(say::cancel(1));
  EXPECT_EQ(scripted.counters().cancels_too_late, 1u);
  go_on.set();
  scripted.world.settle();
  EXPECT_EQ(cleaning, 0);
  EXPECT_EQ(scripted.session->root().cleanups(), 0u);
  EXPECT_THAT(told.take(), ElementsAre(to_string(Error{Code::cancelled, {}}) + " {reason=\"bored\"}"));
}

TEST_F(CleanupRuntime, of_a_handler_whose_deadline_passes_is_told_so) {
  Scripted scripted;
  note_when_stopped(scripted.probe);
  const Octets arguments = codec::to_postcard(std::string("x"));
  scripted.peer->says(say::call(1, method_id<&Probe::guarded>, arguments, {},
                                {{std::string(wire::roam::names::remaining_us), std::uint64_t{1000}}}));
  scripted.world.pass(1ms);
  EXPECT_THAT(told.take(), ElementsAre(to_string(Error{Code::deadline, "while it was handled"})));
  EXPECT_EQ(alive_when_started, 0);
}

TEST_F(CleanupRuntime, of_a_handler_whose_session_ends_is_told_how) {
  {
    Scripted scripted;
    note_when_stopped(scripted.probe);
    scripted.peer->says(guarded(1));
    scripted.peer->finishes();
    EXPECT_THAT(told.take(),
                ElementsAre(to_string(Error{Code::link_lost, "the peer closed it, or its process ended"})));
  }
  {
    Scripted scripted;
    note_when_stopped(scripted.probe);
    scripted.peer->says(guarded(1));
    scripted.session->close({Code::closed, "enough"});
    EXPECT_THAT(told.take(), IsEmpty()) << "never from inside of what ends it";
    scripted.world.settle();
    EXPECT_THAT(told.take(), ElementsAre(to_string(Error{Code::closed, "enough"})));
    EXPECT_EQ(alive_when_started, 0);
  }
  {
    Scripted scripted;
    note_when_stopped(scripted.probe);
    scripted.peer->says(guarded(1));
    scripted.peer->says(say::hello(7, Parity::odd, 64));
    EXPECT_EQ(kind(scripted.end_reason()), Kind::protocol);
    EXPECT_EQ(told.take().size(), 1u);
  }
}

TEST_F(CleanupRuntime, keeps_the_session_in_memory_but_not_open) {
  Scripted scripted;
  wait_when_stopped(scripted.probe);
  scripted.peer->says(guarded(1), say::cancel(1));
  EXPECT_EQ(cleaning, 1);
  scripted.session.reset();
  scripted.world.settle();
  EXPECT_TRUE(scripted.peer->has_heard_the_end()) << "the last caller closes the session whatever is cleaned up";
  scripted.peer->finishes();
  EXPECT_FALSE(scripted.is_gone);
  go_on.set();
  scripted.world.settle();
  EXPECT_TRUE(scripted.is_gone);
  EXPECT_EQ(cleaning, 0);
}

TEST_F(CleanupRuntime, of_a_handler_that_ends_by_itself_is_dropped) {
  Scripted scripted;
  note_when_stopped(scripted.probe);
  scripted.peer->says(guarded(1));
  scripted.probe.release.set();
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("response 1 000178"));
  // In place.
  scripted.peer->says(guarded(3));
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("response 3 000178"));
  // By a throw, in place and later.
  scripted.probe.on_guarded = [this](Context& context) {
    context.on_cancel([this](const Error& why, const Metadata& metadata) { told.add(why, metadata); });
    throw std::runtime_error("no");
  };
  scripted.peer->says(guarded(5));
  EXPECT_EQ(scripted.counters().handlers_threw, 1u);
  scripted.peer->finishes();
  EXPECT_THAT(told.take(), IsEmpty());
  EXPECT_EQ(scripted.counters().cleanups_started, 0u);
}

TEST_F(CleanupRuntime, of_a_handler_that_has_ended_when_the_cancel_comes_is_dropped_too) {
  Scripted scripted;
  note_when_stopped(scripted.probe);
  scripted.peer->says(guarded(1));
  // The handler comes to its end, then the Cancel is delivered, then the response would be made: what is large is
  // delivered without waiting for the ready queue to drain.
  scripted.probe.release.set();
  scripted.peer->put(say::cancel(1));
  scripted.peer->put(say::call(3, 4711, Octets(std::size_t{1} << 17)));
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("response 1 {parley-error=7000} 0103", "response 3 0101"));
  EXPECT_THAT(told.take(), IsEmpty());
  EXPECT_EQ(scripted.probe.hanging, 0);
}

TEST_F(CleanupRuntime, that_throws_is_counted_and_harms_nothing) {
  Scripted scripted;
  scripted.probe.on_guarded = [](Context& context) {
    context.on_cancel([](const Error&, const Metadata&) { throw std::runtime_error("plain"); });
  };
  scripted.peer->says(guarded(1), say::cancel(1));
  scripted.probe.on_guarded = [](Context& context) {
    context.on_cancel([](Error, Metadata) -> Task<void> {
      throw std::runtime_error("at once");
      co_return;
    });
  };
  scripted.peer->says(guarded(3), say::cancel(3));
  scripted.probe.on_guarded = [](Context& context) {
    context.on_cancel([](Error, Metadata) -> Task<void> {
      co_await Yield();
      throw 7;
    });
  };
  scripted.peer->says(guarded(5), say::cancel(5));
  EXPECT_EQ(scripted.counters().cleanups_started, 3u);
  EXPECT_EQ(scripted.counters().cleanups_threw, 3u);
  EXPECT_EQ(scripted.session->root().cleanups(), 0u);
  EXPECT_EQ(scripted.counters().handlers_threw, 0u);
  EXPECT_FALSE(scripted.session->has_ended());
}

TEST_F(CleanupRuntime, that_is_said_later_takes_the_place_of_the_one_before_and_null_takes_it_back) {
  Scripted scripted;
  scripted.probe.on_guarded = [this](Context& context) {
    context.on_cancel([](const Error&, const Metadata&) { FAIL() << "it has been replaced"; });
    context.on_cancel([this](const Error& why, const Metadata& metadata) { told.add(why, metadata); });
  };
  scripted.peer->says(guarded(1), say::cancel(1));
  EXPECT_EQ(told.take().size(), 1u);
  scripted.probe.on_guarded = [](Context& context) {
    context.on_cancel([](const Error&, const Metadata&) { FAIL() << "it has been taken back"; });
    context.on_cancel(nullptr);
  };
  scripted.peer->says(guarded(3), say::cancel(3));
  EXPECT_EQ(scripted.counters().cleanups_started, 1u);
}

TEST_F(CleanupRuntime, may_call_the_peer_back_by_a_client_that_it_holds) {
  Scripted scripted;
  scripted.probe.on_guarded = [this](Context& context) {
    auto client = context.client<Probe>("Probe");
    context.on_cancel([this, client](Error why, Metadata metadata) mutable -> Task<void> {
      auto call = client.call<&Probe::add>(1, 2);
      auto sum = co_await call;
      EXPECT_EQ(sum.value(), 3);
      told.add(why, metadata);
    });
  };
  scripted.peer->says(guarded(1), say::cancel(1));
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("response 1 {parley-error=7000} 0103", "call 2 add 0204"));
  scripted.session.reset();
  scripted.world.settle();
  EXPECT_FALSE(scripted.peer->has_heard_the_end()) << "its client is a caller of the session";
  scripted.peer->says(say::response(2, {0, 6}));
  EXPECT_EQ(told.take().size(), 1u);
  EXPECT_TRUE(scripted.peer->has_heard_the_end());
}

TEST_F(CleanupRuntime, of_a_handler_that_ends_its_own_session_runs_too) {
  Scripted scripted;
  scripted.probe.on_guarded = [this](Context& context) {
    context.on_cancel([this](const Error& why, const Metadata& metadata) { told.add(why, metadata); });
    context.session().close({Code::closed, "by the handler"});
  };
  scripted.peer->says(guarded(1));
  EXPECT_THAT(told.take(), ElementsAre(to_string(Error{Code::closed, "the session"})));
  EXPECT_EQ(scripted.probe.hanging, 0);
}

TEST_F(CleanupRuntime, so_many_as_calls_may_be_handled_and_further_calls_that_could_leave_one_are_refused) {
  // rule: calls/weakness.17
  Scripted scripted({.session = {.limits = {.concurrent_requests_max = 2}}});
  wait_when_stopped(scripted.probe);
  scripted.peer->says(guarded(1), say::cancel(1), guarded(3), say::cancel(3));
  EXPECT_EQ(cleaning, 2);
  scripted.peer->heard();
  scripted.peer->says(guarded(5), say::call_of<&Probe::add>(7, {}, std::int64_t{1}, std::int64_t{2}));
  EXPECT_THAT(scripted.peer->heard(),
              ElementsAre("response 5 {parley-error=5001 parley-note=\"cleanups of stopped handlers\"} 0103",
                          "response 7 0006"));
  EXPECT_EQ(scripted.counters().calls_refused_to_peer, 1u);
  go_on.set();
  scripted.peer->says(guarded(9));
  EXPECT_EQ(scripted.probe.hanging, 1);
  EXPECT_EQ(cleaning, 0);
}

// Hangs, and says what is to be done when it is stopped.
class GuardedHandler final : public RawHandler {
 public:
  explicit GuardedHandler(Told& told) : told_(told) {}
  Task<Result<RawResponse>> handle(RawRequest& request) override {
    const Alive alive(hanging);
    Told& told = told_;
    request.on_cancel([&told](const Error& why, const Metadata& metadata) { told.add(why, metadata); });
    co_await release.wait();
    co_return RawResponse{};
  }
  int hanging = 0;
  Event release;

 private:
  Told& told_;
};

TEST_F(CleanupRuntime, of_a_raw_handler_is_no_different) {
  // rule: calls/weakness.14
  GuardedHandler handler(told);
  Scripted scripted;
  set_rest(scripted.table, handler).value();
  scripted.peer->says(say::call(1, 4711, {}), say::call(3, 4711, {}));
  EXPECT_EQ(handler.hanging, 2);
  scripted.peer->says(say::cancel(1, {{"reason", "bored"}}));
  EXPECT_EQ(handler.hanging, 1);
  EXPECT_THAT(told.take(), ElementsAre(to_string(Error{Code::cancelled, {}}) + " {reason=\"bored\"}"));
  handler.release.set();
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("response 1 {parley-error=7000} 0103", "response 3 00"));
  EXPECT_THAT(told.take(), IsEmpty());
}

// Binds no channel and waits.
class Careless final : public RawHandler {
 public:
  explicit Careless(Told& told) : told_(told) {}
  Task<Result<RawResponse>> handle(RawRequest& request) override {
    Told& told = told_;
    request.on_cancel([&told](const Error& why, const Metadata& metadata) { told.add(why, metadata); });
    co_await never.wait();
    co_return RawResponse{};
  }
  Event never;

 private:
  Told& told_;
};

TEST_F(CleanupRuntime, of_a_raw_handler_that_is_stopped_for_what_it_left_undone_runs_too) {
  Careless handler(told);
  Scripted scripted;
  set_rest(scripted.table, handler).value();
  scripted.peer->says(say::call(1, 4711, {}, {1}));
  EXPECT_EQ(scripted.peer->heard().size(), 1u);
  EXPECT_EQ(told.take().size(), 1u);
}

}  // namespace
}  // namespace parley::runtime
