#include "runtime/actors/supervise.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <variant>
#include <vector>

#include "runtime/world_suite.h"

namespace parley {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Kind = ExitReason::Kind;

using Log = std::vector<std::string>;

Task<Result<void>> work(Actor& self, std::string name, Log* log) {
  log->push_back("+" + name);
  struct AtEnd {
    ~AtEnd() { log->push_back("-" + name); }
    std::string name;
    Log* log;
  } at_end{name, log};
  co_await self.receive<std::monostate>();
  co_return {};
}

class SuperviseTest : public ::testing::Test {
 protected:
  SuperviseTest() { world_.settle(); }

  ActorRef three(SupervisorOptions options) {
    const ActorRef ref = spawn_supervisor(actors_, options, child({.name = "a"}, work, std::string("a"), &log_),
                                          child({.name = "b"}, work, std::string("b"), &log_),
                                          child({.name = "c"}, work, std::string("c"), &log_))
                             .value();
    world_.settle();
    EXPECT_THAT(log_, ElementsAre("+a", "+b", "+c"));
    log_.clear();
    return ref;
  }
  void kill(std::string_view name) {
    ASSERT_TRUE(actors_.find(name));
    actors_.find(name).exit({.kind = Kind::killed});
    world_.settle();
  }
  template <class Answer, class Question>
  Result<Answer> ask(const ActorRef& whom, Question question) {
    return world_.run(wait_for(guest_->ask<Answer>(whom, std::move(question))));
  }
  template <class Answer>
  static Task<Result<Answer>> wait_for(Asking<Answer> asking) {
    co_return co_await asking;
  }

  Log log_;
  runtime::suite::World world_;
  Actors actors_{world_.loop};
  Guest guest_{actors_};
};

TEST_F(SuperviseTest, only_the_crashed_actor_is_restarted) {
  three({.strategy = Strategy::one_for_one});
  const ActorRef a = actors_.find("a");
  const ActorRef b = actors_.find("b");
  kill("b");
  EXPECT_FALSE(actors_.find("b"));
  world_.pass(10ms);
  EXPECT_THAT(log_, ElementsAre("-b", "+b"));
  EXPECT_EQ(actors_.find("a"), a);
  EXPECT_NE(actors_.find("b"), b);
  EXPECT_TRUE(actors_.find("b"));
}

TEST_F(SuperviseTest, all_are_restarted_when_one_crashes) {
  three({.strategy = Strategy::one_for_all});
  kill("b");
  world_.pass(10ms);
  EXPECT_THAT(log_, ElementsAre("-b", "-c", "-a", "+a", "+b", "+c"));
}

TEST_F(SuperviseTest, those_behind_the_crashed_one_are_restarted) {
  three({.strategy = Strategy::rest_for_one});
  kill("b");
  world_.pass(10ms);
  EXPECT_THAT(log_, ElementsAre("-b", "-c", "+b", "+c"));
}

TEST_F(SuperviseTest, one_crash_more_than_the_budget_and_it_gives_up) {
  const ActorRef supervisor = three({.restarts_max = 8, .within = 10s});
  guest_->monitor(supervisor).value();
  for (int crash = 1; crash <= 8; ++crash) {
    kill("a");
    world_.pass(1s);
    ASSERT_FALSE(supervisor.has_ended()) << crash;
  }
  kill("a");
  ASSERT_TRUE(supervisor.has_ended());
  EXPECT_EQ(supervisor.get()->exit_reason().kind, Kind::error);
  EXPECT_THAT(supervisor.get()->exit_reason().text, HasSubstr("8 restarts within 10 s are too many"));
  EXPECT_EQ(guest_->mailbox_size(), 1u);
  EXPECT_FALSE(actors_.find("b"));
}

TEST_F(SuperviseTest, death_is_seen_again_after_a_restart) {
  three({});
  for (int round = 0; round < 3; ++round) {
    kill("c");
    world_.pass(1s);
  }
  EXPECT_THAT(log_, ElementsAre("-c", "+c", "-c", "+c", "-c", "+c"));
}

TEST_F(SuperviseTest, asked_to_end_it_ends_its_children_the_last_one_first) {
  const ActorRef supervisor = three({});
  supervisor.exit();
  world_.settle();
  EXPECT_THAT(log_, ElementsAre("-c", "-b", "-a"));
  EXPECT_TRUE(supervisor.has_ended());
  EXPECT_EQ(supervisor.get()->exit_reason(), ExitReason());
}

TEST_F(SuperviseTest, killed_it_takes_its_children_with_it) {
  const ActorRef supervisor = three({});
  supervisor.exit({.kind = Kind::killed});
  world_.settle();
  EXPECT_EQ(log_.size(), 3u);
  EXPECT_EQ(actors_.size(), 1u);  // the guest
}

Task<Result<void>> stubborn(Actor& self, Log* log) {
  self.trap_exits();
  for (;;) {
    co_await self.receive<Exited>();
    log->push_back("no");
  }
}

TEST_F(SuperviseTest, a_child_that_does_not_end_when_asked_is_killed_after_its_time) {
  const ActorRef supervisor =
      spawn_supervisor(actors_, {.stop_max = 1s}, child({.name = "stubborn"}, stubborn, &log_)).value();
  world_.settle();
  supervisor.exit();
  world_.pass(999ms);
  EXPECT_THAT(log_, ElementsAre("no"));
  EXPECT_TRUE(actors_.find("stubborn"));
  world_.pass(1ms);
  EXPECT_FALSE(actors_.find("stubborn"));
  EXPECT_TRUE(supervisor.has_ended());
}

TEST_F(SuperviseTest, who_may_end_well_is_not_started_again) {
  const ActorRef supervisor =
      spawn_supervisor(actors_, {},
                       child({.name = "once", .restart = Restart::on_crash}, work, std::string("once"), &log_),
                       child({.name = "never", .restart = Restart::never}, work, std::string("never"), &log_))
          .value();
  world_.settle();
  actors_.find("once").send(std::monostate()).value();
  kill("never");
  world_.pass(1h);
  EXPECT_THAT(log_, ElementsAre("+once", "+never", "-never", "-once"));
  EXPECT_FALSE(supervisor.has_ended());
  EXPECT_TRUE(ask<std::vector<ChildStatus>>(supervisor, ListChildren()).value().empty()) << "and forgotten";
}

TEST_F(SuperviseTest, children_come_and_go) {
  const ActorRef supervisor = spawn_supervisor(actors_, {}).value();
  const Result<Added> added =
      ask<Added>(supervisor, AddChild{child({.name = "late"}, work, std::string("late"), &log_)});
  ASSERT_TRUE(added);
  world_.settle();
  EXPECT_EQ(added->ref, actors_.find("late"));
  const Result<std::vector<ChildStatus>> list = ask<std::vector<ChildStatus>>(supervisor, ListChildren());
  ASSERT_EQ(list.value().size(), 1u);
  EXPECT_EQ((*list)[0].name, "late");
  EXPECT_TRUE(ask<bool>(supervisor, RemoveChild{added->number}).value());
  world_.settle();
  EXPECT_FALSE(ask<bool>(supervisor, RemoveChild{added->number}).value());
  EXPECT_TRUE(ask<std::vector<ChildStatus>>(supervisor, ListChildren()).value().empty());
  world_.pass(1h);
  EXPECT_THAT(log_, ElementsAre("+late", "-late"));
}

TEST_F(SuperviseTest, one_that_cannot_be_started_is_tried_again_within_the_budget) {
  const ActorRef holder = actors_.spawn({.name = "a"}, work, std::string("holder"), &log_).value();
  const ActorRef supervisor =
      spawn_supervisor(actors_, {.backoff_first = 100ms}, child({.name = "a"}, work, std::string("a"), &log_)).value();
  world_.settle();
  EXPECT_THAT(log_, ElementsAre("+holder"));
  holder.exit();
  world_.pass(100ms);
  EXPECT_THAT(log_, ElementsAre("+holder", "-holder", "+a"));
  EXPECT_FALSE(supervisor.has_ended());
}

TEST_F(SuperviseTest, a_supervisor_is_the_child_of_another_and_comes_again_with_its_children) {
  static constexpr auto inner = [](Actor& self, Log* log) -> Task<Result<void>> {
    std::vector<Child> children;
    children.push_back(child({.name = "leaf"}, work, std::string("leaf"), log));
    return supervise(self, {.restarts_max = 0}, std::move(children));
  };
  const ActorRef root = spawn_supervisor(actors_, {}, child({.name = "inner"}, inner, &log_)).value();
  world_.settle();
  const ActorRef first = actors_.find("inner");
  kill("leaf");
  EXPECT_TRUE(first.has_ended());
  world_.pass(10ms);
  EXPECT_THAT(log_, ElementsAre("+leaf", "-leaf", "+leaf"));
  root.exit();
  world_.settle();
  EXPECT_EQ(actors_.size(), 1u);
}

TEST_F(SuperviseTest, one_that_gives_up_on_its_first_children_says_so) {
  static_cast<void>(actors_.spawn({.name = "a"}, work, std::string("other"), &log_).value());
  const ActorRef supervisor =
      spawn_supervisor(actors_, {.restarts_max = 0}, child({.name = "a"}, work, std::string("a"), &log_),
                       child({.name = "b"}, work, std::string("b"), &log_))
          .value();
  world_.settle();
  ASSERT_TRUE(supervisor.has_ended());
  EXPECT_NE(supervisor.get()->exit_reason().text.find("restarts"), std::string::npos)
      << supervisor.get()->exit_reason().text;
  EXPECT_FALSE(actors_.find("b"));
}

}  // namespace
}  // namespace parley
