#include "runtime/hostpipe/hostpipe_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "io/memory_stream.h"
#include "runtime/world_suite.h"

namespace parley {
namespace {

using namespace std::chrono_literals;
using runtime::suite::Running;
using runtime::suite::World;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct Spawn {
  std::string label;
};
struct Added {
  std::string label;
};
struct Decision {
  std::string cmd;
  int left = 0;
};

Task<Result<std::string>> twins(CommandContext&, std::string) { co_return std::string(R"({"a":1,"a":2})"); }

// A launcher that says what the test says.
struct Pipe {
  explicit Pipe(HostpipeClientOptions options = {}, io::MemoryOptions of_pipe = {}) : registry(world.loop) {
    auto [near, far] = io::MemoryStream::make_pair(world.loop, "mem:", of_pipe);
    launcher = std::move(far);
    options.pid = 17;
    options.reports = {{"spawn_pool_window", "pool_window_added"}};
    client = std::make_unique<HostpipeClient>(registry, std::move(near), std::move(options));
  }
  void agree() {
    Running<Result<void>> start(world, client->start());
    EXPECT_THAT(said(), ElementsAre(R"({"cmd":"register","kind":"host","pid":17})"));
    tell(R"({"event":"registered","kind":"host","pid":17,"version":0})");
    ASSERT_TRUE(start.is_done());
    EXPECT_TRUE(start.take().has_value());
  }
  template <class F>
  void command(std::string name, F function) {
    world.run(registry.command(std::move(name), "", std::move(function))).value();
  }
  void tell(std::string_view line) {
    static_cast<void>(launcher->write_some(as_bytes(std::string(line) + "\n")));
    world.settle();
  }
  // The lines since the last call.
  std::vector<std::string> said() {
    std::string all;
    std::array<char, 4096> bytes{};
    world.settle();
    for (;;) {
      const auto moved = launcher->read_some({reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()});
      has_ended = has_ended || moved.status == io::Transfer::Status::ended;
      if (moved.status != io::Transfer::Status::moved) break;
      all.append(bytes.data(), moved.bytes);
      world.settle();
    }
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < all.size();) {
      const std::size_t end = all.find('\n', at);
      lines.push_back(all.substr(at, end - at));
      at = end == all.npos ? end : end + 1;
    }
    return lines;
  }

  World world;
  Registry registry;
  std::unique_ptr<io::Stream> launcher;
  std::unique_ptr<HostpipeClient> client;
  bool has_ended = false;
};

Task<void> until(Event& done) { co_await done.wait(); }
Task<Added> added_at(Event& done) {
  co_await done.wait();
  co_return Added{"w"};
}

TEST(HostpipeClient, a_command_of_the_launcher_is_one_of_the_registry_and_its_end_a_report) {
  // rule: delivery/R-44
  Pipe at;
  at.command("host.spawn_pool_window", [](Spawn spawn) { return Added{"window of " + spawn.label}; });
  at.agree();
  at.tell(R"({"kind":"command","cmd":"spawn_pool_window","saga_id":42,"label":"main"})");
  EXPECT_THAT(at.said(), ElementsAre(R"({"cmd":"report_pool_window_added","saga_id":42,"label":"window of main"})"));
  at.tell(R"({"kind":"command","cmd":"reap_panes","saga_id":43})");
  EXPECT_THAT(at.said(), ElementsAre(HasSubstr(R"({"cmd":"saga_action_failed","saga_id":43,"reason":"not_found)")));
  EXPECT_EQ(at.client->counters().commands, 2u);
  EXPECT_EQ(at.client->counters().failed, 1u);
}

TEST(HostpipeClient, a_result_may_say_which_report_it_is) {
  Pipe at;
  at.command("host.drain_pool_if_last", [] { return Decision{"report_pool_not_last", 2}; });
  at.agree();
  at.tell(R"({"kind":"command","cmd":"drain_pool_if_last","saga_id":7})");
  EXPECT_THAT(at.said(), ElementsAre(R"({"cmd":"report_pool_not_last","saga_id":7,"left":2})"));
}

// Nobody reads a line that has a key twice.
TEST(HostpipeClient, a_result_that_cannot_be_members_is_one) {
  Pipe at;
  at.world.run(at.registry.command({.name = "host.twins", .description = ""}, twins)).value();
  at.agree();
  at.tell(R"({"kind":"command","cmd":"twins","saga_id":7})");
  EXPECT_THAT(at.said(), ElementsAre(R"({"cmd":"report_twins","saga_id":7,"result":{"a":1,"a":2}})"));
}

TEST(HostpipeClient, a_command_that_is_said_again_runs_once_and_is_answered_the_same) {
  // rule: delivery/W-11
  Pipe at;
  int runs = 0;
  at.command("host.spawn_pool_window", [&runs](Spawn) { return Added{"window " + std::to_string(++runs)}; });
  at.agree();
  const std::string line = R"({"kind":"command","cmd":"spawn_pool_window","saga_id":42,"label":"main"})";
  const std::string answer = R"({"cmd":"report_pool_window_added","saga_id":42,"label":"window 1"})";
  at.tell(line);
  at.tell(line);
  EXPECT_THAT(at.said(), ElementsAre(answer, answer));
  EXPECT_EQ(runs, 1);
  EXPECT_EQ(at.client->counters().commands_again, 1u);
}

// This wire acknowledges no answer: what is kept has a bound, and behind it a command that is said again runs again.
TEST(HostpipeClient, the_answers_that_are_kept_have_a_bound) {
  Pipe at({.answers_kept_max = 2});
  int runs = 0;
  at.command("host.spawn_pool_window", [&runs](Spawn) { return Added{"window " + std::to_string(++runs)}; });
  at.agree();
  const std::string line = R"({"kind":"command","cmd":"spawn_pool_window","saga_id":42,"label":"main"})";
  at.tell(line);
  for (const char* saga : {"43", "44"}) {
    at.tell(R"({"kind":"command","cmd":"spawn_pool_window","label":"x","saga_id":)" + std::string(saga) + "}");
  }
  at.tell(line);
  EXPECT_EQ(runs, 4);
}

TEST(HostpipeClient, one_that_is_said_again_while_it_runs_does_not_start_again) {
  // rule: delivery/W-11
  Pipe at;
  Event done;
  int runs = 0;
  at.command("host.spawn_pool_window", [&](Spawn) {
    ++runs;
    return added_at(done);
  });
  at.agree();
  const std::string line = R"({"kind":"command","cmd":"spawn_pool_window","saga_id":42,"label":"main"})";
  at.tell(line);
  at.tell(line);
  EXPECT_EQ(runs, 1);
  EXPECT_THAT(at.said(), IsEmpty());
  done.set();
  EXPECT_THAT(at.said(), SizeIs(1));
}

TEST(HostpipeClient, a_probe_is_answered_with_its_nonce_and_one_that_fails_is_not) {
  Pipe at;
  at.command("host.probe_ui_thread", [] {});
  at.agree();
  at.tell(R"({"kind":"command","cmd":"probe_ui_thread","nonce":5})");
  at.tell(R"({"kind":"command","cmd":"probe_other","nonce":6})");
  EXPECT_THAT(at.said(), ElementsAre(R"({"cmd":"ui_thread_alive","nonce":5})"));
}

TEST(HostpipeClient, both_forms_of_an_event_are_heard_and_what_is_neither_is_skipped) {
  // rule: delivery/R-44
  Pipe at;
  std::vector<std::string> heard;
  const auto listening = at.registry.on_json("launcher.**", [&](std::string_view event, std::string_view payload) {
    heard.push_back(std::string(event) + std::string(payload));
    return true;
  });
  at.agree();
  at.tell(R"({"event":"window_opened","label":"main","version":1})");
  at.tell(R"({"kind":"event","event":"window_closed","version":2})");
  at.tell("");
  at.tell("nonsense");
  at.tell(R"({"kind":"query","what":7})");
  at.tell(R"({"event":"pong","version":2})");
  at.tell(R"({"event":"window_opened","label":"main","version":1})");
  at.tell(R"({"event":"pool_drained","version":5})");
  at.tell(R"({"event":"no name","version":6})");
  EXPECT_THAT(heard, ElementsAre(R"(launcher.window_opened{"label":"main"})", "launcher.window_closed{}",
                                 "launcher.pool_drained{}"));
  const HostpipeClientCounters& counters = at.client->counters();
  EXPECT_EQ(counters.skipped, 2u);
  EXPECT_EQ(counters.events_again, 1u);
  EXPECT_EQ(counters.gaps, 1u);
  EXPECT_EQ(counters.events, 4u);
  EXPECT_EQ(counters.events_unnamed, 1u);
}

TEST(HostpipeClient, facts_are_reports_without_a_saga) {
  Pipe at;
  at.agree();
  EXPECT_TRUE(at.client->report("window_opened", R"({"label": "main", "saga_id": 9})").has_value());
  EXPECT_TRUE(at.client->report("pool_drained").has_value());
  EXPECT_EQ(at.client->report("x", "{").error().code, Code::json);
  EXPECT_THAT(at.said(),
              ElementsAre(R"({"cmd":"report_window_opened","label":"main"})", R"({"cmd":"report_pool_drained"})"));
}

TEST(HostpipeClient, a_launcher_that_refuses_says_why) {
  Pipe at;
  Running<Result<void>> start(at.world, at.client->start());
  at.tell(R"({"event":"error","code":"already_registered","message":"there is a host","fatal":true,"version":0})");
  ASSERT_TRUE(start.is_done());
  EXPECT_EQ(start.take().error(), (Error{Code::refused, "there is a host"}));
  EXPECT_EQ(at.client->counters().refusals, 1u);
  EXPECT_EQ(at.client->report("x").error().code, Code::link_lost);
}

TEST(HostpipeClient, an_error_that_is_not_fatal_ends_nothing) {
  Pipe at;
  at.agree();
  at.tell(R"({"event":"error","code":"invalid_command","message":"what?","fatal":false,"version":0})");
  EXPECT_EQ(at.client->counters().refusals, 1u);
  EXPECT_TRUE(at.client->report("x").has_value());
}

TEST(HostpipeClient, a_launcher_that_does_not_agree_in_time_is_given_up) {
  Pipe at;
  Running<Result<void>> start(at.world, at.client->start());
  at.world.pass(5s);
  ASSERT_TRUE(start.is_done());
  EXPECT_EQ(start.take().error().code, Code::timed_out);
}

TEST(HostpipeClient, the_end_of_the_launcher_is_told) {
  Pipe at;
  at.agree();
  Running<Error> gone(at.world, at.client->gone());
  at.launcher.reset();
  at.world.settle();
  ASSERT_TRUE(gone.is_done());
  EXPECT_EQ(gone.take().code, Code::link_lost);
}

TEST(HostpipeClient, it_says_goodbye) {
  Pipe at;
  at.agree();
  at.client->leave();
  EXPECT_THAT(at.said(), ElementsAre(R"({"cmd":"goodbye"})"));
  EXPECT_TRUE(at.has_ended);
  EXPECT_EQ(at.world.run(at.client->gone()).code, Code::closed);
}

TEST(HostpipeClient, a_goodbye_that_nobody_reads_is_given_up) {
  Pipe at({}, {.pipe_bytes_max = 100});
  at.agree();
  EXPECT_TRUE(at.client->report("a", R"({"text":")" + std::string(1500, 'x') + "\"}").has_value());
  at.client->leave();
  at.world.pass(5s);
  EXPECT_THAT(at.said(), ElementsAre(HasSubstr("report_a"))) << "it does not leave any more";
  EXPECT_EQ(at.world.run(at.client->gone()).code, Code::closed);
}

TEST(HostpipeClient, a_launcher_that_does_not_read_is_given_up) {
  // rule: delivery/W-13
  Pipe at({.unsent_bytes_max = 4000}, {.pipe_bytes_max = 100});
  at.agree();
  const std::string large = R"({"text":")" + std::string(1500, 'x') + "\"}";
  EXPECT_TRUE(at.client->report("a", large).has_value());
  EXPECT_TRUE(at.client->report("b", large).has_value());
  EXPECT_EQ(at.client->report("c", large).error().code, Code::overloaded);
  Running<Error> gone(at.world, at.client->gone());
  at.world.pass(5s);
  ASSERT_TRUE(gone.is_done());
  EXPECT_EQ(gone.take().code, Code::silence);
  EXPECT_THAT(at.said(), ElementsAre(HasSubstr("report_a"))) << "nothing follows a part of a line";
}

TEST(HostpipeClient, a_line_that_is_too_long_is_dropped_and_the_next_is_read) {
  // rule: delivery/I-03
  Pipe at({.line_bytes_max = 100});
  at.command("host.echo", [](Spawn spawn) { return spawn; });
  at.agree();
  at.tell(std::string(101, 'x'));
  EXPECT_EQ(at.client->counters().lines_too_long, 1u);
  at.tell(R"({"kind":"command","cmd":"echo","saga_id":1,"label":"x"})");
  EXPECT_THAT(at.said(), ElementsAre(R"({"cmd":"report_echo","saga_id":1,"label":"x"})"));
}

// The launcher would take what was done for what is not.
TEST(HostpipeClient, a_launcher_that_takes_no_more_answers_is_given_up) {
  // rule: delivery/W-13
  Pipe at({.unsent_bytes_max = 4000}, {.pipe_bytes_max = 100});
  at.command("host.echo", [](Spawn spawn) { return spawn; });
  at.agree();
  Running<Error> gone(at.world, at.client->gone());
  for (const char* saga : {"1", "2", "3"}) {
    EXPECT_FALSE(gone.is_done()) << saga;
    const std::string line = R"({"kind":"command","cmd":"echo","saga_id":)" + std::string(saga) + R"(,"label":")" +
                             std::string(1500, 'x') + "\"}\n";
    for (std::size_t at_byte = 0; at_byte < line.size(); at_byte += 50) {
      static_cast<void>(at.launcher->write_some(as_bytes(line.substr(at_byte, 50))));
      at.world.settle();
    }
  }
  ASSERT_TRUE(gone.is_done());
  EXPECT_EQ(gone.take().code, Code::silence);
}

TEST(HostpipeClient, an_end_that_no_line_of_the_launcher_holds_is_a_failure) {
  Pipe at({.said_bytes_max = 200});
  at.command("host.echo", [](Spawn spawn) { return spawn; });
  at.command("host.fail", [](Spawn spawn) -> Result<void> { return fail(Code::failed, spawn.label); });
  at.agree();
  const std::string label = R"("label":")" + std::string(300, 'x') + "\"}";
  at.tell(R"({"kind":"command","cmd":"echo","saga_id":1,)" + label);
  at.tell(R"({"kind":"command","cmd":"fail","saga_id":2,)" + label);
  EXPECT_THAT(at.said(),
              ElementsAre(HasSubstr(R"("saga_action_failed","saga_id":1,"reason":"invalid: the message is larger)"),
                          HasSubstr(R"("saga_id":2,"reason":"the reason is longer than a line"})")));
  EXPECT_EQ(at.client->counters().failed, 2u);
  EXPECT_EQ(at.client->report("x", "{" + label).error().code, Code::too_large);
}

TEST(HostpipeClient, a_host_that_is_busy_is_alive) {
  // rule: delivery/R-43
  Pipe at({.commands_max = 1, .probes_max = 1});
  Event done;
  at.command("host.wait", [&] { return until(done); });
  at.command("host.probe_ui_thread", [] {});
  at.agree();
  at.tell(R"({"kind":"command","cmd":"wait","saga_id":1})");
  at.tell(R"({"kind":"command","cmd":"probe_ui_thread","nonce":5})");
  EXPECT_THAT(at.said(), ElementsAre(R"({"cmd":"ui_thread_alive","nonce":5})"));
  at.tell(R"({"kind":"command","cmd":"wait","nonce":6})");
  at.tell(R"({"kind":"command","cmd":"probe_ui_thread","nonce":7})");
  EXPECT_THAT(at.said(), IsEmpty()) << "they have a bound, too";
}

TEST(HostpipeClient, more_commands_than_may_run_are_refused) {
  Pipe at({.commands_max = 1});
  Event done;
  at.command("host.wait", [&] { return until(done); });
  at.agree();
  at.tell(R"({"kind":"command","cmd":"wait","saga_id":1})");
  at.tell(R"({"kind":"command","cmd":"wait","saga_id":2})");
  EXPECT_EQ(at.client->commands_running(), 1u);
  EXPECT_THAT(at.said(), ElementsAre(HasSubstr(R"("saga_action_failed","saga_id":2)")));
  done.set();
  EXPECT_THAT(at.said(), ElementsAre(R"({"cmd":"report_wait","saga_id":1})"));
}

}  // namespace
}  // namespace parley
