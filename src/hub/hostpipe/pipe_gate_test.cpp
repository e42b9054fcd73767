#include "hub/hostpipe/pipe_gate.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "hub/hostpipe/pipe_suite.h"
#include "io/memory_stream.h"

// Who is the host, and who is not.
namespace parley::hub {
namespace {

using namespace pipe_suite;
using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string first_register = "register comes first";

TEST(PipeGate, a_host_registers_behind_the_door_and_is_told_so) {
  // rule: delivery/R-44
  HubWorld hub(with_commands());
  Host host(hub);
  EXPECT_EQ(host.ask(R"({"cmd":"register","kind":"host","pid":17,"request_id":"r1"})"),
            R"({"event":"registered","kind":"host","pid":17,"generation":1,"request_id":"r1","version":0})");
  EXPECT_TRUE(hub.hub->has_host());
  EXPECT_EQ(host.ask(R"({"cmd":"ping"})"), R"({"event":"pong","version":0})");
  host.say("");
  host.say(" \t\r");
  EXPECT_EQ(host.ask(R"({"cmd":"ping","request_id":7})"), R"({"event":"pong","request_id":7,"version":0})");
  EXPECT_EQ(hub.hub->hostpipe().streams, 1u);
  EXPECT_EQ(hub.hub->hostpipe().registered, 1u);
}

TEST(PipeGate, before_it_registers_what_it_asks_is_refused_and_it_may_go_on) {
  HubWorld hub(with_commands());
  Host host(hub);
  for (const std::string_view early :
       {R"({"cmd":"ping"})", R"({"cmd":"get_snapshot"})", R"({"cmd":"get_events","since":0})",
        R"({"cmd":"ui_thread_alive","nonce":1})", R"({"cmd":"spawn_pool_window"})", R"({"cmd":"create_tab"})"}) {
    EXPECT_EQ(host.ask(early), error("not_registered", first_register)) << early;
  }
  EXPECT_EQ(hub.hub->hostpipe().not_registered, 6u);
  EXPECT_THAT(host.ask(register_17), HasSubstr("registered"));
  EXPECT_FALSE(host.has_ended());
}

TEST(PipeGate, facts_and_a_goodbye_before_it_registers_close_the_connection) {
  // rule: delivery/I-09
  for (const std::string_view early : {R"({"cmd":"goodbye"})", R"({"cmd":"report_window_opened"})",
                                       R"({"cmd":"saga_action_failed","saga_id":1,"reason":"x"})"}) {
    HubWorld hub(with_commands());
    Host host(hub);
    host.say(early);
    EXPECT_THAT(host.hear_all(), ElementsAre(error("not_registered", first_register, true))) << early;
    EXPECT_TRUE(host.has_ended());
    host.say(register_17);
    EXPECT_FALSE(hub.hub->has_host()) << "it is not read any more";
  }
}

TEST(PipeGate, a_connection_registers_once) {
  Registered at;
  EXPECT_EQ(at.host.ask(register_17), error("already_registered", "this connection has registered"));
  EXPECT_THAT(at.host.ask(R"({"cmd":"ping"})"), HasSubstr("pong"));
  EXPECT_EQ(at.counters().registered_again, 1u);
}

TEST(PipeGate, there_is_one_host_and_another_one_is_told_of_it) {
  // rule: delivery/K-09
  Registered at;
  Host other(at.hub, io::Peer::Credentials{.pid = 18, .uid = 1000, .gid = 1000});
  other.say(R"({"cmd":"register","kind":"host","pid":18})");
  EXPECT_THAT(other.hear_all(), ElementsAre(error("already_registered", "there is a host, process 17", true)));
  EXPECT_TRUE(other.has_ended());
  Host again(at.hub);
  again.say(register_17);
  EXPECT_THAT(again.hear_all(),
              ElementsAre(error("already_registered", "process 17 has registered on another connection", true)));
  EXPECT_TRUE(again.has_ended());
  EXPECT_EQ(at.counters().hosts_refused, 2u);
  EXPECT_THAT(at.host.ask(R"({"cmd":"ping"})"), HasSubstr("pong"));
}

TEST(PipeGate, the_end_of_a_refused_one_takes_nothing_from_the_host) {
  // rule: delivery/K-09
  Registered at;
  {
    Host other(at.hub);
    other.say(register_17);
    other.die();
  }
  EXPECT_TRUE(at.hub.hub->has_host());
  auto call = at.call("host.spawn_pool_window");
  EXPECT_THAT(at.host.hear(), HasSubstr("spawn_pool_window"));
}

TEST(PipeGate, the_next_host_is_of_another_generation) {
  // rule: delivery/K-09
  Registered at;
  at.host.say(R"({"cmd":"goodbye"})");
  EXPECT_TRUE(at.host.has_ended());
  EXPECT_FALSE(at.hub.hub->has_host());
  EXPECT_EQ(at.counters().goodbyes, 1u);
  Host next(at.hub);
  EXPECT_THAT(next.ask(register_17), HasSubstr(R"("generation":2)"));
  auto call = at.call("host.spawn_pool_window");
  EXPECT_THAT(next.hear(), HasSubstr("spawn_pool_window")) << "it has the names of the one before it";
  EXPECT_EQ(at.counters().names_refused, 0u);
}

TEST(PipeGate, a_process_says_its_own_number) {
  // rule: delivery/I-01
  HubWorld hub(with_commands());
  Host liar(hub);
  liar.say(R"({"cmd":"register","kind":"host","pid":18})");
  EXPECT_THAT(liar.hear_all(), ElementsAre(error("invalid_command", "process 17 says that it is process 18", true)));
  EXPECT_TRUE(liar.has_ended());
  EXPECT_FALSE(hub.hub->has_host());
  EXPECT_EQ(hub.hub->hostpipe().pids_wrong, 1u);
  Host inside(hub, std::nullopt);
  EXPECT_THAT(inside.ask(R"({"cmd":"register","kind":"host","pid":99})"), HasSubstr(R"("pid":99)"))
      << "where the system says no number there is none to compare";
}

TEST(PipeGate, of_a_process_elsewhere_the_system_may_know_no_number) {
  HubWorld hub(with_commands());
  Host contained(hub, io::Peer::Credentials{.pid = 0, .uid = 1000, .gid = 1000});
  EXPECT_THAT(contained.ask(register_17), HasSubstr("registered"));
}

TEST(PipeGate, whom_no_rule_names_needs_a_token) {
  // rule: delivery/I-01
  HubOptions options = with_commands();
  options.tokens.add("host", "the secret of the host").value();
  HubWorld hub(std::move(options));
  const io::Peer::Credentials stranger{.pid = 17, .uid = 4711, .gid = 1};
  for (const std::string_view brings : {"", R"(,"token":"another")"}) {
    Host host(hub, stranger);
    host.say(R"({"cmd":"register","kind":"host","pid":17)" + std::string(brings) + "}");
    EXPECT_THAT(host.hear_all(), ElementsAre(HasSubstr(R"("code":"not_registered")"))) << brings;
    EXPECT_TRUE(host.has_ended());
  }
  EXPECT_EQ(hub.hub->hostpipe().refused, 2u);
  Host host(hub, stranger);
  EXPECT_THAT(host.ask(R"({"cmd":"register","kind":"host","pid":17,"token":"the secret of the host"})"),
              HasSubstr("registered"));
}

TEST(PipeGate, who_may_offer_no_command_does_not_take_the_place_of_the_host) {
  // rule: delivery/I-01
  HubOptions options = with_commands();
  options.tokens.add("builder", "the secret of the builder").value();
  options.policy.add(core::Rule::parse("token:builder see,call build.**").value()).value();
  options.tokens.add("prober", "the secret of the prober").value();
  options.policy.add(core::Rule::parse("token:prober offer host.probe_ui_thread").value()).value();
  HubWorld hub(std::move(options));
  const io::Peer::Credentials stranger{.pid = 17, .uid = 4711, .gid = 1};
  Host builder(hub, stranger);
  builder.say(R"({"cmd":"register","kind":"host","pid":17,"token":"the secret of the builder"})");
  EXPECT_THAT(builder.hear_all(),
              ElementsAre(error("not_registered", "token:builder may offer no command of a host", true)));
  EXPECT_TRUE(builder.has_ended());
  EXPECT_EQ(hub.hub->hostpipe().without_rights, 1u);
  Host prober(hub, stranger);
  EXPECT_THAT(prober.ask(R"({"cmd":"register","kind":"host","pid":17,"token":"the secret of the prober"})"),
              HasSubstr(R"("event":"registered")"));
}

TEST(PipeGate, who_does_not_get_the_place_of_the_host_is_written_down) {
  runtime::suite::World world;
  core::Policy policy;
  policy.add(core::Rule::parse("uid:1000 see build.**").value()).value();
  const Gate door{std::move(policy), {}};
  Registry registry(world.loop);
  std::vector<std::string> written;
  const auto write = [&](const auto& who, const io::Peer&, std::string_view verb, std::string_view name, const Error&) {
    written.push_back(fmt::format("{} {} {}", to_string(*who), verb, name));
  };
  PipeGate gate({world.loop, door, registry}, with_commands().hostpipe, write, 4);
  io::Peer peer;
  peer.credentials = owner;
  auto [near, far] = io::MemoryStream::make_pair(world.loop);
  gate.admit({.stream = std::move(near), .seen = Gate::seen(peer, false), .until = world.loop.now() + 5s});
  static_cast<void>(far->write_some(as_bytes(std::string(register_17) + "\n")));
  world.settle();
  EXPECT_FALSE(gate.has_host());
  EXPECT_THAT(written, ElementsAre("uid:1000 offer host.spawn_pool_window"));
}

TEST(PipeGate, only_hosts_register) {
  HubWorld hub(with_commands());
  Host tool(hub);
  tool.say(R"({"cmd":"register","kind":"tool","pid":17})");
  EXPECT_THAT(tool.hear_all(), ElementsAre(error("invalid_command", R"(hosts register here, and no \"tool\")", true)));
  EXPECT_TRUE(tool.has_ended());
  EXPECT_EQ(hub.hub->hostpipe().kinds_refused, 1u);
}

TEST(PipeGate, what_is_no_line_of_a_host_is_told_and_the_next_is_read) {
  Registered at;
  EXPECT_EQ(at.host.ask(R"({"cmd":)"),
            error("invalid_command", "line 1, column 8: the text ends in the middle of a value"));
  EXPECT_THAT(at.host.ask(R"({"kind":"host"})"), HasSubstr("cmd is a string"));
  EXPECT_EQ(at.counters().malformed, 2u);
  EXPECT_EQ(at.host.ask(R"({"cmd":"create_tab"})"), error("invalid_command", "create_tab is no command of a host"));
  EXPECT_EQ(at.host.ask(R"({"cmd":"reap_panes"})"),
            error("invalid_command", "reap_panes goes from the launcher to its host"));
  EXPECT_EQ(at.counters().misrouted, 2u);
  EXPECT_THAT(at.host.ask(R"({"cmd":"report_a b"})"), HasSubstr("invalid_command")) << "no event is called so";
  EXPECT_THAT(at.host.ask(R"({"cmd":"ping"})"), HasSubstr("pong"));
}

TEST(PipeGate, a_line_that_is_too_long_is_dropped_and_told) {
  // rule: delivery/I-03
  HubOptions options = with_commands();
  options.hostpipe.line_bytes_max = 100;
  Registered at(std::move(options));
  EXPECT_EQ(at.host.ask(std::string(101, 'x')), error("invalid_command", "a line is at most 100 bytes long"));
  EXPECT_EQ(at.counters().lines_too_long, 1u);
  EXPECT_THAT(at.host.ask(R"({"cmd":"ping"})"), HasSubstr("pong"));
}

TEST(PipeGate, newcomers_have_a_time_and_push_out_each_other) {
  // rule: delivery/I-03
  HubOptions options = with_commands();
  options.limits.newcomers_max = 2;
  HubWorld hub(std::move(options));
  const std::string early = R"({"cmd":"ping"})";
  Host first(hub), second(hub);
  first.say(early);
  second.say(early);
  Host third(hub);
  third.say(early);
  EXPECT_TRUE(first.has_ended());
  EXPECT_FALSE(second.has_ended());
  EXPECT_EQ(hub.hub->hostpipe().pushed_out, 1u);
  EXPECT_THAT(third.hear(), HasSubstr("not_registered"));
  EXPECT_THAT(third.ask(register_17), HasSubstr(R"("event":"registered")"));
  hub.world.pass(5s);
  EXPECT_TRUE(second.has_ended());
  EXPECT_FALSE(third.has_ended());
  EXPECT_EQ(hub.hub->hostpipe().late, 1u);
}

TEST(PipeGate, whoever_does_not_read_its_last_bytes_is_cut_off) {
  Registered at;
  at.host.stop_reading();
  at.host.say(R"({"cmd":"goodbye"})");
  EXPECT_FALSE(at.hub.hub->has_host());
  at.hub.world.pass(5s);
  EXPECT_EQ(at.counters().cut_off, 1u);
}

TEST(PipeGate, whoever_says_no_more_reads_its_answers_to_the_end) {
  Registered at;
  at.host.stop_reading();
  const std::string ping = R"({"cmd":"ping","request_id":")" + std::string(100, 'x') + "\"}";
  for (int i = 0; i < 4000; ++i) at.host.say(ping);
  at.host.say(R"({"cmd":"goodbye"})");
  at.host.finish();
  at.host.go_on_reading();
  EXPECT_EQ(at.host.hear_all().size(), 4000u);
  EXPECT_TRUE(at.host.has_ended());
  EXPECT_EQ(at.hub.world.loop.executor().timer_count(), 0u) << "it is gone";
}

TEST(PipeGate, who_has_not_registered_and_does_not_read_its_answers_goes) {
  // rule: delivery/I-03
  HubWorld hub(with_commands());
  Host host(hub);
  host.stop_reading();
  std::string nonsense = "{\"cmd\":\"ping\"}\n";
  for (int i = 0; i < 4000; ++i) nonsense += "{}\n";
  host.write(nonsense);
  EXPECT_EQ(hub.hub->hostpipe().answers_unread, 1u);
  EXPECT_LT(hub.hub->hostpipe().malformed, 1500u) << "nothing more is answered";
}

TEST(PipeGate, who_has_not_registered_says_short_lines_alone) {
  // rule: delivery/I-03
  HubWorld hub(with_commands());
  Host host(hub);
  EXPECT_THAT(host.ask(R"({"cmd":"ping"})"), HasSubstr("not_registered"));
  const std::string long_ping = R"({"cmd":"ping","why":")" + std::string(100'000, 'x') + "\"}";
  EXPECT_EQ(host.ask(long_ping), error("invalid_command", "a line is at most 65536 bytes long"));
  EXPECT_THAT(host.ask(register_17), HasSubstr("registered"));
  EXPECT_THAT(host.ask(long_ping), HasSubstr("pong"));
}

TEST(PipeGate, a_hub_without_room_for_a_peer_says_so) {
  HubOptions options = with_commands();
  options.commands.limits.carriers_max = 0;
  HubWorld hub(std::move(options));
  Host host(hub);
  host.say(register_17);
  EXPECT_THAT(host.hear_all(), ElementsAre(HasSubstr("registered"), HasSubstr(R"("fatal":true)")));
  EXPECT_TRUE(host.has_ended());
  EXPECT_FALSE(hub.hub->has_host());
}

TEST(PipeGate, the_end_of_the_hub_is_the_end_of_the_pipe) {
  Registered at;
  at.hub.hub->close();
  at.hub.world.settle();
  EXPECT_TRUE(at.host.has_ended());
  EXPECT_FALSE(at.hub.hub->has_host());
}

TEST(HostpipeOptions, names_that_are_none_are_mistakes) {
  HostpipeOptions good = with_commands({"host.**", "build.*"}).hostpipe;
  EXPECT_THAT(mistakes_in(good), IsEmpty());
  HostpipeOptions bad{.commands = {"a b", "x", "x"}, .probes = {"x"}, .events = {"a*"}};
  std::vector<std::string> of;
  for (const auto& [option, why] : mistakes_in(bad)) of.emplace_back(option);
  EXPECT_THAT(of, ElementsAre("commands", "commands", "probes", "events"));
  for (const char* prefix : {"_host.", "parley.", "a b."}) {
    EXPECT_EQ(mistakes_in({.prefix = prefix}).size(), 1u) << prefix;
  }
  EXPECT_THAT(mistakes_in({.commands = {"plain"}, .prefix = ""}), IsEmpty());
}

// Each call of it would end at its deadline, or as a failure.
TEST(HostpipeOptions, a_command_whose_report_no_line_can_say_is_a_mistake) {
  EXPECT_THAT(mistakes_in({.commands = {std::string(121, 'x')}}), IsEmpty());
  EXPECT_EQ(mistakes_in({.commands = {std::string(122, 'x')}}).size(), 1u);
  EXPECT_EQ(mistakes_in({.commands = {"saga_action_failed"}}).size(), 1u);
}

}  // namespace
}  // namespace parley::hub
