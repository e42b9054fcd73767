#include <gmock/gmock.h>

#include "hub/hostpipe/pipe_suite.h"

// Commands that go to the host, and what becomes of them.
namespace parley::hub {
namespace {

using namespace pipe_suite;
using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::string_view spawn = "host.spawn_pool_window";
constexpr std::string_view first_line = R"({"kind":"command","cmd":"spawn_pool_window","saga_id":1})";

std::vector<std::string> names_in(Hub& hub) {
  std::vector<std::string> names;
  for (const auto& each : hub.registry().commands()) names.push_back(each.id);
  return names;
}

TEST(PipeCommands, a_call_is_a_line_and_the_report_of_its_saga_is_the_result) {
  // rule: delivery/R-44
  Registered at;
  auto call = at.call(std::string(spawn), R"({"label":"p-1","size":[800,600]})");
  EXPECT_EQ(at.host.hear(),
            R"({"kind":"command","cmd":"spawn_pool_window","saga_id":1,"label":"p-1","size":[800,600]})");
  EXPECT_FALSE(call.is_done());
  at.host.say(R"({"cmd":"report_pool_window_added","saga_id":1,"label":"p-1"})");
  ASSERT_TRUE(call.is_done());
  EXPECT_EQ(call.take().value().result, R"({"cmd":"report_pool_window_added","saga_id":1,"label":"p-1"})");
  EXPECT_EQ(at.counters().commands, 1u);
  EXPECT_EQ(at.counters().answered, 1u);
  EXPECT_EQ(at.counters().reports, 0u) << "an answer is no event";
}

TEST(PipeCommands, the_host_that_cannot_do_it_says_why) {
  // rule: delivery/R-44
  Registered at;
  auto call = at.call(std::string(spawn));
  auto other = at.call(std::string(spawn));
  EXPECT_THAT(at.host.hear_all(), SizeIs(2));
  at.host.say(R"({"cmd":"saga_action_failed","saga_id":1,"reason":"no room for windows"})");
  ASSERT_TRUE(call.is_done());
  const auto failed = call.take();
  EXPECT_EQ(failed.error(), (Error{Code::failed, "no room for windows"}));
  EXPECT_FALSE(other.is_done());
  at.host.say(R"({"cmd":"saga_action_failed","saga_id":2})");
  EXPECT_EQ(other.take().error().code, Code::failed);
  EXPECT_EQ(at.counters().failed, 2u);
  at.host.say(R"({"cmd":"saga_action_failed","saga_id":2})");
  EXPECT_EQ(at.counters().answers_unasked, 1u);
}

TEST(PipeCommands, its_commands_are_there_while_it_is) {
  Registered at;
  EXPECT_THAT(names_in(*at.hub.hub), ElementsAre("host.probe_ui_thread", "host.reap_panes", spawn));
  EXPECT_EQ(at.hub.hub->registry().commands()[0].provider, "host-1");
  EXPECT_EQ(at.host.ask(R"({"cmd":"get_snapshot"})"),
            R"({"event":"snapshot","host":{"pid":17,"generation":1},)"
            R"("commands":["probe_ui_thread","reap_panes","spawn_pool_window"],"version":0})");
  at.host.die();
  EXPECT_THAT(names_in(*at.hub.hub), IsEmpty());
  EXPECT_EQ(at.call(std::string(spawn)).take().error().code, Code::not_found);
}

// A probe that no host has heard tells nothing of any.
TEST(PipeCommands, without_a_host_a_probe_fails_at_once_and_the_next_host_never_hears_it) {
  // rule: delivery/R-41, delivery/R-43
  Registered at;
  at.host.die();
  EXPECT_EQ(at.call("host.probe_ui_thread").take().error().code, Code::not_found);
  Host next(at.hub);
  EXPECT_THAT(next.ask(register_17), HasSubstr("registered"));
  EXPECT_THAT(next.hear_all(), IsEmpty());
}

TEST(PipeCommands, a_probe_is_answered_by_its_nonce) {
  Registered at;
  auto probe = at.call("host.probe_ui_thread");
  EXPECT_EQ(at.host.hear(), R"({"kind":"command","cmd":"probe_ui_thread","nonce":1})");
  at.host.say(R"({"cmd":"report_pool_window_added","saga_id":1})");
  EXPECT_FALSE(probe.is_done()) << "a saga of that number is something else";
  at.host.say(R"({"cmd":"ui_thread_alive","nonce":1,"frames":60})");
  EXPECT_EQ(probe.take().value().result, R"({"cmd":"ui_thread_alive","nonce":1,"frames":60})");
  at.host.say(R"({"cmd":"ui_thread_alive","nonce":1})");
  EXPECT_EQ(at.counters().answers_unasked, 1u);
  EXPECT_EQ(at.call("host.probe_ui_thread", R"({"saga_id":1})").take().error().code, Code::arguments);
}

// Whoever repeats a step says its saga again, by which the host knows what it has done.
TEST(PipeCommands, a_caller_may_say_the_saga_that_its_call_belongs_to) {
  Registered at;
  auto call = at.call(std::string(spawn), R"({"saga_id":7000000000000,"label":"x"})");
  EXPECT_EQ(at.host.hear(), R"({"kind":"command","cmd":"spawn_pool_window","saga_id":7000000000000,"label":"x"})");
  EXPECT_EQ(at.call("host.reap_panes", R"({"saga_id":7000000000000})").take().error().code, Code::in_use);
  at.host.say(R"({"cmd":"report_pool_window_added","saga_id":7000000000000})");
  EXPECT_TRUE(call.take().has_value());
  auto again = at.call(std::string(spawn), R"({"saga_id":7000000000000,"label":"x"})");
  EXPECT_THAT(at.host.hear(), HasSubstr("7000000000000"));
}

// Its host would answer the next one that gets such a number by what it has done for this one.
TEST(PipeCommands, no_caller_says_a_saga_that_the_hub_gives) {
  Registered at;
  auto first = at.call(std::string(spawn));
  EXPECT_EQ(at.host.hear(), first_line);
  for (const char* given : {"1", "2", "257", "1099511627776"}) {
    auto ahead = at.call(std::string(spawn), std::string(R"({"saga_id":)") + given + "}");
    ASSERT_TRUE(ahead.is_done()) << given;
    EXPECT_EQ(ahead.take().error().code, Code::arguments) << given;
  }
  EXPECT_EQ(at.host.hear(), "");
  auto next = at.call(std::string(spawn)), own = at.call(std::string(spawn), R"({"saga_id":1099511627777})");
  EXPECT_THAT(at.host.hear_all(), ElementsAre(HasSubstr(R"("saga_id":2})"), HasSubstr(R"("saga_id":1099511627777})")));
}

TEST(PipeCommands, arguments_that_cannot_be_members_are_refused) {
  Registered at;
  for (const char* wrong :
       {R"({"cmd":"other"})", R"({"kind":"event"})", R"({"nonce":1})", R"({"saga_id":0})", R"({"saga_id":"7"})"}) {
    EXPECT_EQ(at.call(std::string(spawn), wrong).take().error().code, Code::arguments) << wrong;
  }
  EXPECT_EQ(at.counters().commands_refused, 5u);
  EXPECT_EQ(at.host.hear(), "");
}

// What is carried for somebody else may be anything.
TEST(PipeCommands, arguments_that_are_no_json_are_refused_and_the_host_hears_nothing) {
  Registered at;
  const std::string two_lines = "{\"a\":[\"x\n{\"kind\":\"command\",\"cmd\":\"reap_panes\",\"saga_id\":7}\n\"]}";
  for (const std::string& wrong : {two_lines, std::string("{"), std::string(R"({"a":1)"), std::string(R"({"a":"x)"),
                                   std::string(R"({"a":1,"a":2})")}) {
    EXPECT_EQ(at.call(std::string(spawn), wrong).take().error().code, Code::arguments) << wrong;
  }
  EXPECT_EQ(at.host.hear(), "");
}

TEST(PipeCommands, one_that_is_not_answered_ends_at_its_deadline_and_the_late_answer_is_an_event) {
  Registered at;
  std::vector<std::string> heard;
  const auto listening = at.hub.hub->registry().on_json("host.**", [&](std::string_view event, std::string_view what) {
    heard.push_back(std::string(event) + std::string(what));
    return true;
  });
  auto call = at.call(std::string(spawn), {}, {.deadline = 2s});
  EXPECT_EQ(at.host.hear(), first_line);
  at.hub.world.pass(2s);
  ASSERT_TRUE(call.is_done());
  EXPECT_EQ(call.take().error().code, Code::deadline);
  EXPECT_EQ(at.counters().given_up, 1u);
  at.host.say(R"({"cmd":"report_pool_window_added","label":"p","saga_id":1})");
  EXPECT_THAT(heard, ElementsAre(R"(host.pool_window_added{"label":"p","saga_id":1})"));
  EXPECT_EQ(at.counters().reports_unasked, 1u);
  EXPECT_EQ(at.counters().reports, 1u);
}

// The host says a saga again, and not which of its commands it answers.
TEST(PipeCommands, the_late_answer_of_one_that_was_given_up_is_not_that_of_another_command) {
  HubOptions options = with_commands();
  options.hostpipe.commands_in_flight_max = 2;
  Registered at(std::move(options));
  const auto saga = [](int last) { return R"({"saga_id":700000000000)" + std::to_string(last) + "}"; };
  const auto give_up = [&](int last) {
    auto call = at.call(std::string(spawn), saga(last), {.deadline = 2s});
    at.hub.world.pass(2s);
    EXPECT_EQ(call.take().error().code, Code::deadline);
  };
  const auto code_of_other = [&](int last) { return at.call("host.reap_panes", saga(last)).take().error().code; };
  give_up(1);
  EXPECT_EQ(code_of_other(1), Code::in_use);
  at.host.say(R"({"cmd":"report_pool_window_added","saga_id":7000000000001})");
  auto other = at.call("host.reap_panes", saga(1));
  EXPECT_FALSE(other.is_done()) << "it has come";
  give_up(2);
  auto again = at.call(std::string(spawn), saga(2));
  at.host.say(R"({"cmd":"report_pool_window_added","saga_id":7000000000002})");
  EXPECT_TRUE(again.take().has_value()) << "the same again waits for the same answer";
  for (const int last : {3, 4, 5}) give_up(last);
  EXPECT_EQ(code_of_other(4), Code::in_use);
  auto third = at.call("host.reap_panes", saga(3));
  EXPECT_FALSE(third.is_done()) << "what is known of them has a bound";
}

TEST(PipeCommands, what_the_host_has_read_is_unknown_when_it_dies) {
  Registered at;
  auto call = at.call(std::string(spawn));
  EXPECT_EQ(at.host.hear(), first_line);
  at.host.die();
  ASSERT_TRUE(call.is_done());
  EXPECT_EQ(call.take().error().code, Code::sent_then_lost);
  EXPECT_EQ(at.counters().lost, 1u);
  EXPECT_EQ(at.counters().unsent, 0u);
}

TEST(PipeCommands, a_goodbye_ends_what_is_not_answered) {
  Registered at;
  auto call = at.call(std::string(spawn));
  at.host.say(R"({"cmd":"goodbye"})");
  EXPECT_EQ(call.take().error().code, Code::sent_then_lost);
}

TEST(PipeCommands, a_host_that_does_not_read_is_given_up_in_the_middle_of_a_line) {
  // rule: delivery/W-13, delivery/W-14
  Registered at;
  at.host.stop_reading();
  const std::string large = R"({"text":")" + std::string(200'000, 'x') + "\"}";
  auto read = at.call(std::string(spawn), large), begun = at.call(std::string(spawn), large);
  auto unread = at.call(std::string(spawn));
  at.hub.world.pass(4s);
  EXPECT_FALSE(read.is_done() || begun.is_done() || unread.is_done());
  at.hub.world.pass(1s);
  EXPECT_EQ(at.counters().stuck, 1u);
  EXPECT_FALSE(at.hub.hub->has_host());
  EXPECT_EQ(read.take().error().code, Code::sent_then_lost);
  EXPECT_EQ(begun.take().error().code, Code::not_sent) << "nobody can have read a part of it";
  EXPECT_EQ(unread.take().error().code, Code::not_sent);
  EXPECT_EQ(at.counters().unsent, 2u);
  at.host.go_on_reading();
  EXPECT_THAT(at.host.hear_all(), SizeIs(1));
  EXPECT_THAT(at.host.begun(), HasSubstr(R"("saga_id":2)"));
  EXPECT_THAT(at.host.begun(), ::testing::Not(HasSubstr(R"("saga_id":3)"))) << "nothing follows a part of a line";
  EXPECT_TRUE(at.host.has_ended());
}

TEST(PipeCommands, a_host_that_reads_slowly_keeps_its_connection) {
  Registered at;
  at.host.stop_reading();
  const std::string large = R"({"text":")" + std::string(200'000, 'x') + "\"}";
  auto first = at.call(std::string(spawn), large), second = at.call(std::string(spawn), large);
  at.hub.world.pass(4s);
  at.host.go_on_reading();
  EXPECT_THAT(at.host.hear_all(), SizeIs(2));
  at.hub.world.pass(10s);
  EXPECT_EQ(at.counters().stuck, 0u);
  EXPECT_TRUE(at.hub.hub->has_host());
}

TEST(PipeCommands, beyond_what_may_wait_for_a_host_that_does_not_read_calls_are_refused) {
  // rule: delivery/W-13
  HubOptions options = with_commands();
  options.hostpipe.unsent_bytes_max = 400'000;
  Registered at(std::move(options));
  at.host.stop_reading();
  const std::string large = R"({"text":")" + std::string(300'000, 'x') + "\"}";
  auto taken = at.call(std::string(spawn), large), waits = at.call(std::string(spawn), large);
  EXPECT_FALSE(taken.is_done() || waits.is_done());
  auto refused = at.call(std::string(spawn), large);
  ASSERT_TRUE(refused.is_done());
  EXPECT_EQ(refused.take().error().code, Code::overloaded);
  auto small = at.call(std::string(spawn));
  EXPECT_FALSE(small.is_done()) << "there is room for this one";
  EXPECT_EQ(at.counters().commands_refused, 1u);
}

TEST(PipeCommands, a_call_behind_many_events_of_its_turn_reaches_a_host_that_reads) {
  Registered at(with_commands({"n"}));
  const std::string large = R"({"text":")" + std::string(100'000, 'x') + "\"}";
  for (int i = 0; i < 5; ++i) at.hub.hub->registry().emit_json("n", large).value();
  auto call = at.call(std::string(spawn));
  EXPECT_FALSE(call.is_done());
  const auto heard = at.host.hear_all();
  ASSERT_THAT(heard, SizeIs(6));
  EXPECT_EQ(heard.back(), first_line);
}

TEST(PipeCommands, what_no_line_holds_is_refused_and_so_is_one_too_many) {
  HubOptions options = with_commands();
  options.hostpipe.line_bytes_max = 1000;
  options.hostpipe.commands_in_flight_max = 2;
  Registered at(std::move(options));
  EXPECT_EQ(at.call(std::string(spawn), R"({"text":")" + std::string(1000, 'x') + "\"}").take().error().code,
            Code::too_large);
  auto first = at.call(std::string(spawn)), second = at.call(std::string(spawn));
  EXPECT_EQ(at.call(std::string(spawn)).take().error().code, Code::overloaded);
  EXPECT_EQ(at.counters().commands_refused, 2u);
}

TEST(PipeCommands, a_host_that_is_gone_ends_the_connection_and_all_that_waits) {
  HubWorld hub(with_commands());
  ASSERT_TRUE(hub.hub->listen("mem:other"));
  Host host(hub);
  EXPECT_THAT(host.ask(register_17), HasSubstr("registered"));
  Running<Result<Registry::Answer>> call(hub.world, hub.hub->registry().execute_json(std::string(spawn), {}));
  host.die();
  EXPECT_TRUE(call.is_done());
  EXPECT_FALSE(hub.hub->has_host());
  EXPECT_THAT(names_in(*hub.hub), IsEmpty());
}

TEST(PipeCommands, half_a_line_and_then_death_is_nothing_that_was_said) {
  Registered at;
  auto call = at.call(std::string(spawn));
  at.host.write(R"({"cmd":"report_pool_window_added","saga_id":1)");
  EXPECT_FALSE(call.is_done());
  at.host.die();
  EXPECT_EQ(call.take().error().code, Code::sent_then_lost);
  EXPECT_EQ(at.counters().answered, 0u);
  EXPECT_EQ(at.counters().malformed, 1u);
}

TEST(PipeCommands, a_name_that_somebody_else_has_is_left_to_him) {
  HubWorld hub(with_commands());
  hub.world.run(hub.hub->registry().command("host.reap_panes", "Ours", [] { return 7; })).value();
  Host host(hub);
  EXPECT_THAT(host.ask(register_17), HasSubstr("registered"));
  EXPECT_EQ(hub.hub->hostpipe().names_refused, 1u);
  EXPECT_THAT(host.ask(R"({"cmd":"get_snapshot"})"),
              HasSubstr(R"("commands":["probe_ui_thread","spawn_pool_window"])"));
}

TEST(PipeCommands, who_may_not_offer_a_command_does_not_have_it) {
  HubOptions options;
  options.hostpipe.commands = {"spawn_pool_window", "reap_panes"};
  options.policy.add(core::Rule::parse("uid:1000 offer host.reap_panes").value()).value();
  Registered at(std::move(options));
  EXPECT_THAT(names_in(*at.hub.hub), ElementsAre("host.reap_panes"));
  EXPECT_EQ(at.counters().names_refused, 1u);
}

TEST(PipeCommands, a_caller_that_is_gone_waits_no_longer) {
  Registered at;
  auto call = at.call(std::string(spawn));
  EXPECT_EQ(at.host.hear(), first_line);
  call.cancel();
  EXPECT_EQ(at.counters().given_up, 1u);
  EXPECT_THAT(at.host.ask(R"({"cmd":"ping"})"), HasSubstr("pong"));
}

}  // namespace
}  // namespace parley::hub
