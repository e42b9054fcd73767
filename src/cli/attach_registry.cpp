#include "cli/attach_registry.h"

#include <chrono>
#include <utility>

#include "cli/hub_session.h"
#include "face/attach.h"
#include "runtime/commands/http_carrier.h"
#include "runtime/commands/line_server.h"

namespace parley::cli {

namespace {

// For a hello; a registry of cmd-ipc says something at once, and not that.
constexpr Duration hello_max = std::chrono::seconds(2);
// Over HTTP nobody says what changes.
constexpr Duration refresh = std::chrono::seconds(2);

Task<Result<void>> attach_http(Registry& registry, std::string url, std::string token) {
  HttpCarrierOptions options{.id = std::string(attached_id), .token = std::move(token)};
  options.answer_max = patience;
  options.refresh = refresh;
  auto carrier = http_carrier(registry.loop(), url, std::move(options));
  if (!carrier) co_return fail(std::move(carrier).error());
  co_return co_await registry.attach(*std::move(carrier));
}

Task<Result<void>> attach_lines(Registry& registry, std::string address, std::string token) {
  LineCarrierOptions options{.id = std::string(attached_id), .token = std::move(token)};
  auto carrier = co_await dial_lines(registry.loop(), std::move(address), std::move(options));
  if (!carrier) co_return fail(std::move(carrier).error());
  co_return co_await registry.attach(*std::move(carrier));
}

bool is_same_process(const Session& one, const Session& other) {
  const auto& credentials = one.peer().credentials;
  return credentials && other.peer().credentials && credentials->pid == other.peer().credentials->pid;
}

// Whether it may be that somebody is there who speaks lines.
bool is_no_session(const Error& error) {
  return error.code != Code::reported &&
         (kind(error) == Kind::protocol || error.code == Code::handshake_timeout || error.code == Code::link_lost);
}

}  // namespace

bool is_http(std::string_view address) { return address.starts_with("http://") || address.starts_with("https://"); }

Task<Result<std::unique_ptr<Session>>> attach_registry(Registry& registry, std::string address, std::string token,
                                                       const Session& hub) {
  if (is_http(address)) {
    co_await co_await attach_http(registry, std::move(address), std::move(token));
    co_return nullptr;
  }
  Options options;
  options.token = token;
  options.limits.handshake_max = hello_max;
  auto session = co_await connect(registry.loop(), address, std::move(options));
  if (!session) {
    if (!is_no_session(session.error())) co_return fail(std::move(session).error());
    co_await co_await attach_lines(registry, std::move(address), std::move(token));
    co_return nullptr;
  }
  if (is_same_process(**session, hub)) co_return fail(Code::invalid, "it is the hub itself");
  AttachSessionOptions attaching{.id = std::string(attached_id), .options = {.wants_commands = true}};
  co_await co_await attach(registry, **session, std::move(attaching));
  co_return *std::move(session);
}

}  // namespace parley::cli
