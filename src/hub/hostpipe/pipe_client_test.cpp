#include <gmock/gmock.h>

#include "hub/hostpipe/pipe_suite.h"
#include "runtime/hostpipe/hostpipe_client.h"

// A host of ours at a hub of ours: what one side says the other one reads.
namespace parley::hub {
namespace {

using namespace pipe_suite;
using ::testing::ElementsAre;

struct Spawn {
  std::string label;
};

TEST(PipeClient, commands_reports_and_events_pass_both_ways) {
  // rule: delivery/R-44
  HubWorld hub(with_commands({"build.*"}));
  Registry registry(hub.world.loop);
  hub.world
      .run(registry.command("host.spawn_pool_window", "",
                            [](Spawn spawn) -> Result<Spawn> {
                              if (spawn.label.empty()) return fail(Code::failed, "a window has a label");
                              return spawn;
                            }))
      .value();
  hub.world.run(registry.command("host.probe_ui_thread", "", [] {})).value();
  HostpipeClient client(registry, hub.dial(owner), {.pid = 17, .reports = {{"spawn_pool_window", "window_added"}}});
  EXPECT_TRUE(hub.world.run(client.start()).has_value());

  const auto call = [&](std::string name, std::string arguments) {
    return hub.world.run(hub.hub->registry().execute_json(std::move(name), std::move(arguments)));
  };
  EXPECT_EQ(call("host.spawn_pool_window", R"({"label":"main"})")->result,
            R"({"cmd":"report_window_added","saga_id":1,"label":"main"})");
  EXPECT_EQ(call("host.spawn_pool_window", R"({"label":""})").error().code, Code::failed);
  EXPECT_EQ(call("host.probe_ui_thread", "")->result, R"({"cmd":"ui_thread_alive","nonce":3})");

  std::vector<std::string> heard;
  const auto keep = [&](std::string_view event, std::string_view payload) {
    heard.push_back(std::string(event) + std::string(payload));
    return true;
  };
  const auto at_hub = hub.hub->registry().on_json("host.*", keep), at_host = registry.on_json("launcher.**", keep);
  client.report("window_opened", R"({"label":"main"})").value();
  hub.world.settle();
  hub.hub->registry().emit_json("build.done", R"({"ok":true})").value();
  hub.world.settle();
  EXPECT_THAT(heard, ElementsAre(R"(host.window_opened{"label":"main"})", R"(launcher.build.done{"ok":true})"));

  HostpipeClient second(registry, hub.dial(owner), {.pid = 17});
  EXPECT_EQ(hub.world.run(second.start()).error(),
            (Error{Code::refused, "process 17 has registered on another connection"}));
  client.leave();
  hub.world.settle();
  EXPECT_FALSE(hub.hub->has_host());
}

}  // namespace
}  // namespace parley::hub
