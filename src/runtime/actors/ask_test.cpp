#include "runtime/actors/ask.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "runtime/actors/actors.h"
#include "runtime/world_suite.h"

namespace parley {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

struct Double {
  int value;
};
using Question = Ask<Double, int>;

enum class Way { answers, refuses, drops, throws, keeps, returns };

Task<Result<void>> answer_so(Actor& self, Way way) {
  std::optional<Question> kept;
  for (;;) {
    Question ask = co_await self.receive<Question>();
    switch (way) {
      case Way::answers: ask.answer(ask.question.value * 2); break;
      case Way::refuses: ask.refuse({Code::failed, "I do not count"}); break;
      case Way::drops: break;
      case Way::throws: throw std::runtime_error("no more numbers");
      case Way::keeps: kept.emplace(std::move(ask)); break;
      case Way::returns: co_return {};
    }
  }
}

Task<Result<void>> deaf(Actor& self) {
  co_await self.receive<std::monostate>();
  co_return {};
}

class AskTest : public ::testing::Test {
 protected:
  AskTest() { world_.settle(); }

  static Task<Result<int>> wait_for(Asking<int> asking) { co_return co_await asking; }
  Result<int> ask(const ActorRef& whom) { return world_.run(wait_for(guest_->ask<int>(whom, Double{21}))); }

  runtime::suite::World world_;
  Actors actors_{world_.loop};
  Guest guest_{actors_};
};

TEST_F(AskTest, a_question_is_answered_by_whoever_was_asked) {
  const ActorRef actor = actors_.spawn(answer_so, Way::answers).value();
  EXPECT_EQ(ask(actor).value(), 42);
  const ActorRef refusing = actors_.spawn(answer_so, Way::refuses).value();
  EXPECT_EQ(ask(refusing).error(), (Error{Code::failed, "I do not count"}));
}

TEST_F(AskTest, the_end_of_the_asked_one_ends_the_wait_at_once_with_the_cause) {
  const ActorRef throws = actors_.spawn(answer_so, Way::throws).value();
  const Result<int> thrown = ask(throws);
  EXPECT_EQ(thrown.error().code, Code::unknown);
  EXPECT_THAT(thrown.error().note, HasSubstr("error: no more numbers"));

  const ActorRef returns = actors_.spawn(answer_so, Way::returns).value();
  EXPECT_THAT(ask(returns).error().note, HasSubstr("has ended: normal"));

  const ActorRef keeps = actors_.spawn(answer_so, Way::keeps).value();
  runtime::suite::Running<Result<int>> kept(world_, wait_for(guest_->ask<int>(keeps, Double{1})));
  EXPECT_FALSE(kept.is_done());
  keeps.exit({.kind = ExitReason::Kind::killed});
  world_.settle();
  EXPECT_THAT(kept.take().error().note, HasSubstr("has ended: killed"));
}

TEST_F(AskTest, a_question_that_nobody_read_is_lost_and_one_that_was_read_unknown) {
  const ActorRef actor = actors_.spawn(deaf).value();
  runtime::suite::Running<Result<int>> asked(world_, wait_for(guest_->ask<int>(actor, Double{1})));
  actor.exit({.kind = ExitReason::Kind::error, .text = "tired"});
  world_.settle();
  const Result<int> answer = asked.take();
  EXPECT_EQ(answer.error().code, Code::lost);
  EXPECT_THAT(answer.error().note, HasSubstr("error: tired"));

  const ActorRef drops = actors_.spawn(answer_so, Way::drops).value();
  EXPECT_EQ(ask(drops).error(), (Error{Code::unknown, "the asked actor dropped the question"}));
  EXPECT_FALSE(drops.has_ended());
}

TEST_F(AskTest, one_that_cannot_be_asked_says_so_at_once) {
  const ActorRef gone = actors_.spawn(deaf).value();
  gone.exit();
  EXPECT_EQ(ask(gone).error().code, Code::not_found);
  EXPECT_EQ(ask({}).error().code, Code::not_found);
  const ActorRef full = actors_.spawn({.mailbox_items_max = 1}, deaf).value();
  full.send(1).value();
  EXPECT_EQ(ask(full).error().code, Code::overloaded);
}

TEST_F(AskTest, no_answer_in_time_is_an_error_and_a_late_one_meets_nobody) {
  const ActorRef actor = actors_.spawn(deaf).value();
  runtime::suite::Running<Result<int>> asked(world_, wait_for(guest_->ask<int>(actor, Double{1}, 150ms)));
  world_.pass(149ms);
  EXPECT_FALSE(asked.is_done());
  world_.pass(1ms);
  EXPECT_EQ(asked.take().error().code, Code::timed_out);
  actor.exit();
  world_.settle();
  EXPECT_EQ(world_.loop.executor().timer_count(), 0u);
}

Task<Result<void>> answer_if_wanted(Actor& self, int* answered, int* unwanted) {
  for (;;) {
    Question ask = co_await self.receive<Question>();
    ++(ask.is_wanted() ? *answered : *unwanted);
    ask.answer(0);
  }
}

TEST_F(AskTest, nobody_waits_any_more_when_the_wait_is_dropped) {
  int answered = 0;
  int unwanted = 0;
  const ActorRef actor = actors_.spawn(answer_if_wanted, &answered, &unwanted).value();
  {
    const Asking<int> dropped = guest_->ask<int>(actor, Double{1}, 1s);
  }
  const Asking<int> kept = guest_->ask<int>(actor, Double{1}, 1s);
  world_.settle();
  EXPECT_EQ(answered, 1);
  EXPECT_EQ(unwanted, 1);
  EXPECT_EQ(world_.loop.executor().timer_count(), 0u);
}

Task<Result<void>> hand_on(Actor& self, ActorRef next) {
  for (;;) next.send(co_await self.receive<Question>()).value();
}

TEST(AskEndTest, a_wait_that_outlives_the_actors_is_over_with_them) {
  runtime::suite::World world;
  std::optional<Asking<int>> outlives;
  std::optional<runtime::suite::Running<Result<int>>> waits;
  {
    Actors actors(world.loop);
    const ActorRef silent = actors.spawn(deaf).value();
    world.settle();
    Guest guest(actors);
    outlives.emplace(guest->ask<int>(silent, Double{1}));
    struct Wait {
      static Task<Result<int>> run(Asking<int> asking) { co_return co_await asking; }
    };
    waits.emplace(world, Wait::run(guest->ask<int>(silent, Double{2}, 1h)));
  }
  world.settle();
  EXPECT_FALSE(waits->take());
  EXPECT_TRUE(outlives->await_ready()) << "nobody waits for ever";
  waits.reset();
  outlives.reset();
  EXPECT_EQ(world.loop.executor().timer_count(), 0u);
}

TEST_F(AskTest, a_question_may_be_handed_on) {
  const ActorRef last = actors_.spawn(answer_so, Way::answers).value();
  const ActorRef first = actors_.spawn(hand_on, last).value();
  EXPECT_EQ(ask(first).value(), 42);
}

}  // namespace
}  // namespace parley
