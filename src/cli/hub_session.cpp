#include "cli/hub_session.h"

#include <fmt/format.h>

#include "cli/address.h"
#include "cli/terminal.h"
#include "face/loop.h"
#include "os/user.h"

namespace parley::cli {

namespace {

int no_hub(const std::string& address, const Error& error) {
  switch (error.code) {
    case Code::address:
      complain(fmt::format("no hub at {} ({})", address, error.note),
               "start one with `parley hub`, or say where it is: --hub ADDRESS, or PARLEY_HUB in the environment");
      return code(Exit::no_hub);
    case Code::uri:
      complain(fmt::format("{} is no address: {}", address, error.note),
               "addresses look like unix:/run/user/1000/parley/hub.sock");
      return code(Exit::usage);
    case Code::permission:
      complain(fmt::format("the hub at {} is not yours: {}", address, to_string(error)),
               "a hub takes its owner only: run this as the user who started it");
      return code(Exit::no_hub);
    default:
      complain(fmt::format("no session with the hub at {}: {}", address, to_string(error)),
               "is it a hub that listens there?");
      return code(Exit::no_hub);
  }
}

}  // namespace

int with_hub(const Common& common, std::move_only_function<int(io::Loop&, Session&)> work) {
  Loop loop;
  const std::string address = hub_address(common.hub);
  auto session = loop.run_until(connect(loop, address));
  if (!session) return no_hub(address, session.error());
  const auto& owner = (*session)->peer().credentials;
  if (owner && owner->uid != os::user_id() && owner->uid != 0) {
    complain(fmt::format("the hub at {} belongs to user {}, and gets nothing from here", address, owner->uid),
             "say where yours is: --hub ADDRESS, or PARLEY_HUB in the environment");
    return code(Exit::no_hub);
  }
  if (!(*session)->runtime().machine().is_peer_hub()) {
    complain(fmt::format("what listens at {} is a service and no hub", address),
             "start a hub with `parley hub`, and let the service offer itself there");
    return code(Exit::no_hub);
  }
  return work(loop, **session);
}

int give_up(const Error& error) {
  complain(to_string(error));
  return exit_of(error);
}

}  // namespace parley::cli
