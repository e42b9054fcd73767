#include "cli/hub_session.h"

#include <fmt/format.h>

#include "cli/address.h"
#include "cli/terminal.h"
#include "face/loop.h"
#include "os/user.h"

namespace parley::cli {

namespace {

NoHub no_session(const std::string& address, const Error& error) {
  switch (error.code) {
    case Code::address:
      return {fmt::format("no hub at {} ({})", address, error.note),
              "start one with `parley hub`, or say where it is: --hub ADDRESS, or PARLEY_HUB in the environment"};
    case Code::uri:
      return {fmt::format("{} is no address: {}", address, error.note),
              "addresses look like unix:/run/user/1000/parley/hub.sock", Exit::usage};
    case Code::permission:
      return {fmt::format("the hub at {} is not yours: {}", address, to_string(error)),
              "a hub takes its owner only: run this as the user who started it"};
    default:
      return {fmt::format("no session with the hub at {}: {}", address, to_string(error)),
              "is it a hub that listens there?"};
  }
}

}  // namespace

std::expected<std::unique_ptr<Session>, NoHub> open_hub(io::Loop& loop, const std::string& address, Options options) {
  auto session = loop.run_until(connect(loop, address, std::move(options)));
  if (!session) return std::unexpected(no_session(address, session.error()));
  const auto& owner = (*session)->peer().credentials;
  if (owner && owner->uid != os::user_id() && owner->uid != 0) {
    return std::unexpected(
        NoHub{fmt::format("the hub at {} belongs to user {}, and gets nothing from here", address, owner->uid),
              "say where yours is: --hub ADDRESS, or PARLEY_HUB in the environment"});
  }
  if (!(*session)->runtime().machine().is_peer_hub()) {
    return std::unexpected(NoHub{fmt::format("what listens at {} is a service and no hub", address),
                                 "start a hub with `parley hub`, and let the service offer itself there"});
  }
  return std::move(*session);
}

int with_hub(const Common& common, std::move_only_function<int(io::Loop&, Session&)> work) {
  Loop loop;
  auto session = open_hub(loop, hub_address(common.hub));
  if (session) return work(loop, **session);
  complain(session.error().why, session.error().hint);
  return code(session.error().exit);
}

int give_up(const Error& error) {
  complain(error);
  return exit_of(error);
}

}  // namespace parley::cli
