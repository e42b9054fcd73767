#include "cli/hub_session.h"

#include <fmt/format.h>

#include "cli/address.h"
#include "cli/environment.h"
#include "cli/terminal.h"
#include "cli/token.h"
#include "cli/trusted.h"
#include "face/loop.h"
#include "os/user.h"
#include "runtime/framed_link.h"

namespace parley::cli {

NoHub no_session(const std::string& address, const Error& error) {
  switch (error.code) {
    case Code::address:
      return {fmt::format("no hub at {} ({})", address, error.note),
              "start one with `parley hub`, or say where it is: --hub ADDRESS, or PARLEY_HUB in the environment",
              error};
    case Code::uri:
      return {fmt::format("{} is no address: {}", address, error.note), std::string(addresses_look_like), error,
              Exit::usage};
    case Code::permission:
      if (address.starts_with("tls:") || address.starts_with("wss:")) {
        return {
            fmt::format("no session with the hub at {}: {}", address, to_string(error)),
            "PARLEY_TLS_AUTHORITIES names the file of its authority, PARLEY_TLS_CERTIFICATE and PARLEY_TLS_KEY ours",
            error};
      }
      return {fmt::format("the hub at {} is not yours: {}", address, to_string(error)),
              "run this as the user who started it, or use a hub that takes tokens", error};
    case Code::reported: return {fmt::format("the hub at {} ends the session: {}", address, error.note), {}, error};
    default:
      return {fmt::format("no session with the hub at {}: {}", address, to_string(error)),
              "is it a hub that listens there?", error};
  }
}

Task<Result<std::unique_ptr<io::Stream>>> dial_trusted(io::Loop& loop, std::string address) {
  std::unique_ptr<io::Dialer> dialer = co_await loop.dialer(address);
  std::unique_ptr<io::Stream> stream = co_await co_await dialer->dial();
  const auto& owner = stream->peer().credentials;
  if (is_default_address(address) && owner && owner->uid != os::user_id() && owner->uid != 0) {
    co_return fail(Code::permission, fmt::format("it belongs to user {}, and gets nothing from here", owner->uid));
  }
  co_return std::move(stream);
}

// A hub that is there may still refuse.
static NoHub not_let_in(const std::string& address, const Error& error) {
  const bool has_tls = address.starts_with("tls:") || address.starts_with("wss:");
  const bool may_be_certificate = has_tls && error.code == Code::permission;
  if (!may_be_certificate && (error.code == Code::overloaded || kind(error) == Kind::refused)) {
    return {fmt::format("the hub at {} ends the session: {}", address, to_string(error)), {}, error};
  }
  return no_session(address, error);
}

Task<std::expected<std::unique_ptr<Session>, NoHub>> dial_hub(io::Loop& loop, std::string address, Options options) {
  auto stream = co_await dial_trusted(loop, address);
  if (!stream) co_return std::unexpected(no_session(address, stream.error()));
  auto link = std::make_unique<runtime::FramedLink>(loop, *std::move(stream), options.limits);
  auto session = co_await open_session(loop, std::move(link), std::move(options));
  if (!session) co_return std::unexpected(not_let_in(address, session.error()));
  if (!(*session)->runtime().machine().is_peer_hub()) {
    co_return std::unexpected(NoHub{fmt::format("what listens at {} is a service and no hub", address),
                                    "start a hub with `parley hub`, and let the service offer itself there",
                                    Error{Code::unsupported, address}});
  }
  co_return *std::move(session);
}
std::expected<std::unique_ptr<Session>, NoHub> open_hub(io::Loop& loop, const std::string& address, Options options) {
  return loop.run_until(dial_hub(loop, address, std::move(options)));
}

io::TlsOptions tls_of_environment() {
  return {.certificate = variable("PARLEY_TLS_CERTIFICATE"),
          .key = variable("PARLEY_TLS_KEY"),
          .authorities = variable("PARLEY_TLS_AUTHORITIES"),
          .server_name = variable("PARLEY_TLS_SERVER_NAME")};
}

Result<Options> options_toward_hub(const Common& common) {
  Options options;
  PARLEY_TRY(options.token, client_token(common.token_file));
  return options;
}

int with_hub(const Common& common, std::move_only_function<int(io::Loop&, Session&)> work, Interceptors interceptors) {
  auto options = options_toward_hub(common);
  if (!options) {
    complain(fmt::format("the token: {}", to_string(options.error())), {}, &options.error());
    return code(Exit::usage);
  }
  Loop loop({.tls = tls_of_environment()});
  options->interceptors = std::move(interceptors);
  auto session = open_hub(loop, hub_address(common.hub), *std::move(options));
  if (session) return work(loop, **session);
  complain(session.error().why, session.error().hint, &session.error().error);
  return code(session.error().exit);
}

Error hub_has_gone() { return {Code::link_lost, "the hub has ended the session; start this again when it is back"}; }

int give_up(const Error& error) {
  complain(error);
  return exit_of(error);
}

}  // namespace parley::cli
