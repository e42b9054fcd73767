#include <fmt/format.h>

#include "cli/address.h"
#include "cli/commands.h"
#include "cli/terminal.h"
#include "face/loop.h"
#include "hub/hub.h"
#include "os/termination.h"
#include "os/user.h"

namespace parley::cli {

namespace {

std::string_view hint_for(const Error& error) {
  switch (error.code) {
    case Code::in_use: return "another hub runs there: use it, end it, or choose another address with --listen";
    case Code::uri: return "addresses look like unix:/run/user/1000/app/hub.sock or tcp:127.0.0.1:4711";
    case Code::permission: return "choose a place of your own with --listen unix:PATH";
    case Code::address: return "the directory must exist: make it, or choose another place with --listen unix:PATH";
    default: return {};
  }
}

}  // namespace

int run_hub(const Common& common, const HubCommand& command) {
  Loop loop;
  const os::Termination termination([&loop] { loop.stop(); });
  Hub hub(loop, {.only_user = os::user_id()});
  std::vector<std::string> addresses = command.listen;
  if (addresses.empty()) {
    addresses.push_back(hub_address(common.hub));
    if (!common.hub) {
      if (auto prepared = prepare_default_address(); !prepared) {
        complain(fmt::format("no place for the hub: {}", to_string(prepared.error())), hint_for(prepared.error()));
        return exit_of(prepared.error());
      }
    }
  }
  for (const std::string& address : addresses) {
    const auto listening = hub.listen(address);
    if (!listening) {
      complain(fmt::format("cannot listen at {}: {}", address, to_string(listening.error())),
               hint_for(listening.error()));
      return exit_of(listening.error());
    }
    if (!command.quiet) say(fmt::format("hub: listens at {} (process {})", *listening, os::process_id()));
  }
  loop.run();
  hub.close();
  loop.poll_once();  // what was said last leaves
  if (!command.quiet) say("hub: ended");
  return code(Exit::ok);
}

}  // namespace parley::cli
