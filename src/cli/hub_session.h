#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <string>

#include "cli/commands.h"
#include "cli/terminal.h"
#include "face/session.h"
#include "io/loop.h"
#include "io/tls_options.h"

namespace parley::cli {

// A hub, or a provider, that does not answer for so long is as good as gone.
inline constexpr Duration patience = std::chrono::seconds(5);

// Why there is no hub for us at an address, and what to do about it.
struct NoHub {
  std::string why;
  std::string hint;
  Error error = {};
  Exit exit = Exit::no_hub;
};
// A session with what listens there, if it is a hub of ours.
Task<std::expected<std::unique_ptr<Session>, NoHub>> dial_hub(io::Loop& loop, std::string address, Options options);
std::expected<std::unique_ptr<Session>, NoHub> open_hub(io::Loop& loop, const std::string& address,
                                                        Options options = {});

// How the environment says that tls: and wss: addresses are dialed (docs/OPERATING.md, section 9).
io::TlsOptions tls_of_environment();

// As whom we come to it. Errors: those of the file of the token.
Result<Options> options_toward_hub(const Common& common);
// Connects to the hub, does the work, and closes. The exit code is the work's, or says why there is no hub.
int with_hub(const Common& common, std::move_only_function<int(io::Loop&, Session&)> work,
             Interceptors interceptors = {});

// The hub was there, and has ended the session.
Error hub_has_gone();

// Says what went wrong with a call; its exit code.
int give_up(const Error& error);

}  // namespace parley::cli
