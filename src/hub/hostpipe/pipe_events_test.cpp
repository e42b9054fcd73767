#include <gmock/gmock.h>

#include "hub/hostpipe/event_log.h"
#include "hub/hostpipe/pipe_suite.h"
#include "wire/hostpipe/line.h"

// What the host hears, and what it says of itself.
namespace parley::hub {
namespace {

using namespace pipe_suite;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string event(int version) {
  return R"({"event":"n","of":)" + std::to_string(version) + R"(,"version":)" + std::to_string(version) + "}";
}

TEST(PipeEvents, those_of_a_pattern_go_to_the_host_as_raw_events) {
  // rule: delivery/R-44
  Registered at(with_commands({"build.*", "host.*", "build.done"}));
  at.emit("build.done", R"({"ok":true})");
  at.emit("build.deep.done", "1");
  at.emit("host.host_should_quit");
  at.emit("build.text", R"("done")");
  at.emit("_build.private");
  EXPECT_THAT(at.host.hear_all(), ElementsAre(R"({"event":"build.done","ok":true,"version":1})",
                                              R"({"event":"host_should_quit","version":2})",
                                              R"({"event":"build.text","payload":"done","version":3})"));
  EXPECT_EQ(at.counters().events, 3u);
}

TEST(PipeEvents, commands_and_events_reach_the_host_in_the_order_in_which_they_happened) {
  // rule: delivery/K-11
  Registered at(with_commands({"n"}));
  at.emit("n", R"({"of":1})");
  auto call = at.call("host.spawn_pool_window");
  at.emit("n", R"({"of":2})");
  EXPECT_THAT(at.host.hear_all(), ElementsAre(event(1), HasSubstr("spawn_pool_window"), event(2)));
}

TEST(PipeEvents, a_report_of_its_own_accord_is_an_event_of_the_hub) {
  // rule: delivery/R-44
  Registered at;
  std::vector<std::string> heard;
  const auto listening = at.hub.hub->registry().on_json("**", [&](std::string_view name, std::string_view what) {
    heard.push_back(std::string(name) + std::string(what));
    return true;
  });
  at.host.say(R"({"cmd":"report_window_opened","label":"main","rect":[0, 0, 8, 6]})");
  at.host.say(R"({"cmd":"report_pool_drained","saga_id":null})");
  EXPECT_THAT(heard, ElementsAre(R"(host.window_opened{"label":"main","rect":[0,0,8,6]})", "host.pool_drained{}"));
  EXPECT_EQ(at.counters().reports, 2u);
  EXPECT_EQ(at.counters().reports_unasked, 0u);
  EXPECT_EQ(at.host.hear(), "") << "facts are not answered";
}

TEST(PipeEvents, an_answer_and_what_is_reported_behind_it_keep_their_order) {
  Registered at;
  std::vector<std::string> order;
  const auto listening = at.hub.hub->registry().on_json("host.**", [&](std::string_view name, std::string_view) {
    order.emplace_back(name);
    return true;
  });
  auto call = at.call("host.spawn_pool_window");
  at.host.write(
      "{\"cmd\":\"report_window_opened\"}\n{\"cmd\":\"report_pool_window_added\",\"saga_id\":1}\n"
      "{\"cmd\":\"report_window_closed\"}\n");
  EXPECT_TRUE(call.is_done());
  EXPECT_THAT(order, ElementsAre("host.window_opened", "host.window_closed"));
}

TEST(PipeEvents, who_may_not_publish_publishes_nothing) {
  HubOptions options;
  options.policy.add(core::Rule::parse("uid:1000 publish host.window_opened").value()).value();
  Registered at(std::move(options));
  std::vector<std::string> heard;
  const auto listening = at.hub.hub->registry().on_json("**", [&](std::string_view name, std::string_view) {
    heard.emplace_back(name);
    return true;
  });
  at.host.say(R"({"cmd":"report_window_opened"})");
  at.host.say(R"({"cmd":"report_window_closed"})");
  EXPECT_THAT(heard, ElementsAre("host.window_opened"));
  EXPECT_EQ(at.hub.hub->registry().counters().events_refused, 1u);
}

TEST(PipeEvents, nobody_hears_one_before_it_registers) {
  // rule: delivery/I-02
  HubWorld hub(with_commands({"**"}));
  Host host(hub);
  host.say(R"({"cmd":"ping"})");
  EXPECT_THAT(host.hear(), HasSubstr("not_registered"));
  hub.hub->registry().emit("n").value();
  hub.world.settle();
  EXPECT_EQ(host.hear(), "");
  EXPECT_EQ(host.ask(register_17), R"({"event":"registered","kind":"host","pid":17,"generation":1,"version":1})");
  hub.hub->registry().emit("m").value();
  EXPECT_EQ(host.hear(), R"({"event":"m","version":2})");
}

TEST(PipeEvents, private_answers_take_no_version_and_those_of_events_have_no_holes) {
  // rule: delivery/I-05, delivery/I-07
  Registered at(with_commands({"n"}));
  at.emit("n", R"({"of":1})");
  EXPECT_EQ(at.host.hear(), event(1));
  EXPECT_EQ(at.host.ask(R"({"cmd":"ping"})"), R"({"event":"pong","version":1})");
  EXPECT_THAT(at.host.ask(R"({"cmd":"get_snapshot"})"), HasSubstr(R"("version":1})"));
  EXPECT_THAT(at.host.ask(R"({"cmd":)"), HasSubstr(R"("version":1})"));
  EXPECT_THAT(at.host.ask(R"({"cmd":"get_events","since":0})"), HasSubstr(R"("version":1})"));
  at.emit("n", R"({"of":2})");
  EXPECT_EQ(at.host.hear(), event(2));
}

TEST(PipeEvents, whoever_asks_for_those_that_it_missed_is_told_whether_they_are_all) {
  // rule: delivery/I-06
  HubOptions options = with_commands({"n"});
  options.hostpipe.events_kept_max = 3;
  Registered at(std::move(options));
  const auto ask = [&](std::uint64_t since) {
    return at.host.ask(R"({"cmd":"get_events","since":)" + std::to_string(since) + "}");
  };
  EXPECT_EQ(ask(0), R"({"event":"event_list","events":[],"complete_from":1,"truncated":false,"version":0})");
  for (int i = 1; i <= 5; ++i) at.emit("n", R"({"of":)" + std::to_string(i) + "}");
  EXPECT_THAT(at.host.hear_all(), ElementsAre(event(1), event(2), event(3), event(4), event(5)));
  const std::string last = event(3) + "," + event(4) + "," + event(5);
  EXPECT_EQ(ask(2),
            R"({"event":"event_list","events":[)" + last + R"(],"complete_from":3,"truncated":false,"version":5})");
  EXPECT_EQ(ask(1),
            R"({"event":"event_list","events":[)" + last + R"(],"complete_from":3,"truncated":true,"version":5})");
  EXPECT_EQ(ask(5), R"({"event":"event_list","events":[],"complete_from":6,"truncated":false,"version":5})");
  EXPECT_EQ(ask(6),
            R"({"event":"event_list","events":[)" + last + R"(],"complete_from":3,"truncated":true,"version":5})")
      << "it has heard another life of this hub";
  EXPECT_THAT(ask(~std::uint64_t{0}), HasSubstr(R"("truncated":true)"));
}

TEST(PipeEvents, the_next_host_may_ask_for_what_happened_without_one) {
  // rule: delivery/I-07
  Registered at(with_commands({"n"}));
  at.emit("n", R"({"of":1})");
  at.host.die();
  at.emit("n", R"({"of":2})");
  Host next(at.hub);
  EXPECT_EQ(next.ask(register_17), R"({"event":"registered","kind":"host","pid":17,"generation":2,"version":2})");
  EXPECT_EQ(next.ask(R"({"cmd":"get_events","since":1})"),
            R"({"event":"event_list","events":[)" + event(2) + R"(],"complete_from":2,"truncated":false,"version":2})");
}

TEST(PipeEvents, what_it_may_not_hear_has_its_version_all_the_same) {
  // rule: delivery/I-07
  HubOptions options;
  options.hostpipe.events = {"**"};
  options.hostpipe.line_bytes_max = 100;
  options.policy.add(core::Rule::parse("uid:1000 subscribe n").value()).value();
  Registered at(std::move(options));
  at.emit("n", R"({"of":1})");
  at.emit("secret", R"({"of":2})");
  at.emit("n", R"({"long":")" + std::string(100, 'x') + "\"}");
  const std::string withheld = R"({"event":"withheld","reason":"permission","version":2})";
  const std::string too_large = R"({"event":"withheld","reason":"too_large","version":3})";
  EXPECT_THAT(at.host.hear_all(), ElementsAre(event(1), withheld, too_large));
  EXPECT_THAT(at.host.ask(R"({"cmd":"get_events","since":0})"),
              HasSubstr("[" + event(1) + "," + withheld + "," + too_large + "]"));
  EXPECT_EQ(at.counters().events_withheld, 4u);
}

// What the launcher says its host can read, whatever somebody publishes.
TEST(PipeEvents, a_payload_that_would_make_no_line_is_a_member_or_is_withheld) {
  Registered at(with_commands({"n"}));
  at.emit("n", R"({"a":1,"a":2})");
  at.emit("n", R"({"a":)" + std::string(255, '[') + std::string(255, ']') + "}");
  EXPECT_THAT(at.host.hear_all(), ElementsAre(R"({"event":"n","payload":{"a":1,"a":2},"version":1})",
                                              R"({"event":"withheld","reason":"unsayable","version":2})"));
  const std::string list = at.host.ask(R"({"cmd":"get_events","since":0})");
  EXPECT_TRUE(wire::hostpipe::parse_of_launcher(list).has_value());
  EXPECT_EQ(at.counters().events_withheld, 2u);
}

TEST(PipeEvents, none_of_the_hub_is_a_word_of_the_launcher) {
  Registered at(with_commands({"**"}));
  int version = 0;
  for (const std::string name : {"registered", "pong", "error", "snapshot", "event_list", "withheld"}) {
    at.emit("host." + name, R"({"fatal":true})");
    at.emit(name, R"({"fatal":true})");
    const std::string next = std::to_string(++version), last = std::to_string(++version);
    EXPECT_THAT(at.host.hear_all(),
                ElementsAre(R"({"event":"host.)" + name + R"(","fatal":true,"version":)" + next + "}",
                            R"({"event":"withheld","reason":"unsayable","version":)" + last + "}"));
  }
}

TEST(PipeEvents, a_host_that_is_too_slow_gets_a_snapshot_and_goes_on_behind_it) {
  // rule: delivery/I-04
  HubOptions options = with_commands({"n"});
  options.hostpipe.events_kept_max = 4;
  options.hostpipe.unsent_bytes_max = 200'000;
  Registered at(std::move(options));
  at.host.stop_reading();
  const std::string large = R"({"text":")" + std::string(100'000, 'x') + "\"}";
  for (int i = 0; i < 20; ++i) at.emit("n", large);
  EXPECT_EQ(at.call("host.spawn_pool_window").take().error().code, Code::overloaded)
      << "it does not overtake what was there before it";
  at.host.go_on_reading();
  const auto heard = at.host.hear_all();
  std::vector<std::uint64_t> versions;
  std::size_t snapshots = 0;
  for (const std::string& each : heard) {
    const auto at_version = each.rfind(R"("version":)");
    versions.push_back(std::stoull(each.substr(at_version + 10)));
    snapshots += each.starts_with(R"({"event":"snapshot")") ? 1 : 0;
  }
  ASSERT_EQ(snapshots, 1u);
  EXPECT_EQ(at.counters().resyncs, 1u);
  EXPECT_THAT(heard.back(), HasSubstr(R"("resync":true,"version":20})"));
  EXPECT_TRUE(std::ranges::is_sorted(versions));
  at.emit("n", R"({"of":21})");
  EXPECT_EQ(at.host.hear(), event(21));
}

TEST(PipeEvents, what_is_kept_has_a_bound_in_bytes) {
  // rule: delivery/I-03
  EventLog log(100, 40);
  EXPECT_EQ(log.version(), 0u);
  EXPECT_EQ(log.oldest(), 1u);
  for (const char* line : {"0123456789", "0123456789", "0123456789", "0123456789"}) log.add({"n", line});
  EXPECT_EQ(log.version(), 4u);
  EXPECT_EQ(log.oldest(), 2u);
  log.add({"n", std::string(100, 'x')});
  EXPECT_EQ(log.oldest(), 5u);
  EXPECT_EQ(log.at(5).line.size(), 100u) << "the last one stays";
}

TEST(PipeEvents, whoever_asks_and_does_not_read_goes) {
  // rule: delivery/I-03
  HubOptions options = with_commands({"n"});
  options.hostpipe.unsent_bytes_max = 100'000;
  Registered at(std::move(options));
  at.emit("n", R"({"text":")" + std::string(50'000, 'x') + "\"}");
  at.host.stop_reading();
  for (int i = 0; i < 20; ++i) at.host.say(R"({"cmd":"get_events","since":0})");
  EXPECT_FALSE(at.hub.hub->has_host());
  EXPECT_EQ(at.counters().answers_unread, 1u);
}

}  // namespace
}  // namespace parley::hub
