#include "cli/hub_session.h"

#include <fmt/format.h>

#include "cli/address.h"
#include "cli/terminal.h"
#include "cli/token.h"
#include "face/loop.h"
#include "os/user.h"
#include "runtime/framed_link.h"

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
               "addresses look like unix:/run/user/1000/parley/hub.sock or tcp:HOST:PORT");
      return code(Exit::usage);
    case Code::permission:
      complain(fmt::format("the hub at {} is not yours: {}", address, to_string(error)),
               "run this as the user who started it, or use a hub that takes tokens");
      return code(Exit::no_hub);
    case Code::reported:
      complain(fmt::format("the hub at {} ends the session: {}", address, error.note));
      return code(Exit::no_hub);
    default:
      complain(fmt::format("no session with the hub at {}: {}", address, to_string(error)),
               "is it a hub that listens there?");
      return code(Exit::no_hub);
  }
}

}  // namespace

// At the default place, whose hub it is is looked at before it is told anything, a token least of all. Whoever chose
// another address trusts it.
static Task<Result<std::unique_ptr<Session>>> join(io::Loop& loop, std::string address, std::string token) {
  std::unique_ptr<io::Dialer> dialer = co_await loop.dialer(address);
  std::unique_ptr<io::Stream> stream = co_await co_await dialer->dial();
  const auto& owner = stream->peer().credentials;
  if (is_default_address(address) && owner && owner->uid != os::user_id() && owner->uid != 0) {
    co_return fail(Code::permission, fmt::format("it belongs to user {}, and gets nothing from here", owner->uid));
  }
  Options options;
  options.token = std::move(token);
  auto link = std::make_unique<runtime::FramedLink>(loop, std::move(stream), options.limits);
  co_return co_await open_session(loop, std::move(link), std::move(options));
}

int with_hub(const Common& common, std::move_only_function<int(io::Loop&, Session&)> work) {
  auto token = client_token(common.token_file);
  if (!token) {
    complain(fmt::format("the token: {}", to_string(token.error())));
    return code(Exit::usage);
  }
  Loop loop;
  const std::string address = hub_address(common.hub);
  auto session = loop.run_until(join(loop, address, std::move(*token)));
  if (!session) return no_hub(address, session.error());
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
