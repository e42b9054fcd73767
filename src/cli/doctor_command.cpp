#include "cli/doctor_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "cli/address.h"
#include "cli/doctor_checks.h"
#include "cli/hub_session.h"
#include "cli/terminal.h"
#include "cli/token.h"
#include "codec/json.h"
#include "face/loop.h"
#include "io/uri.h"
#include "net/socket_listener.h"
#include "os/kernel.h"
#include "os/user.h"
#include "runtime/builtin.h"

namespace parley::cli {

namespace {

class Doctor {
 public:
  explicit Doctor(const Common& common) : common_(common), address_(hub_address(common.hub)) {}

  Report run() {
    look_at_address();
    look_at_hub();
    look_at_system();
    return std::move(report_);
  }

 private:
  void add(Finding finding) { report_.findings.push_back(std::move(finding)); }

  void look_at_address() {
    const auto uri = io::parse_uri(address_);
    if (!uri) {
      return add({"address", State::fail, fmt::format("{} is none: {}", address_, uri.error().note),
                  std::string(addresses_look_like)});
    }
    add({"address", State::ok, fmt::format("{} ({})", address_, hub_address_source(common_.hub)), {}});
    if (uri->kind != io::Uri::Kind::unix_socket) return;
    const std::size_t slash = uri->name.rfind('/');
    const std::string directory =
        slash == std::string::npos ? "." : uri->name.substr(0, std::max<std::size_t>(slash, 1));
    add(check_directory(directory, os::look_at(directory), is_default_address(address_), os::user_id()));
    socket_ = os::look_at(uri->name);
    socket_path_ = uri->name;
  }

  void look_at_hub() {
    Loop loop({.tls = tls_of_environment()});
    Options options;
    options.limits.handshake_max = patience;
    auto token = client_token(common_.token_file);
    if (!token) {
      return add({"token", State::fail, to_string(token.error()), "mend the file, or the variable PARLEY_TOKEN"});
    }
    options.token = std::move(*token);
    auto session = open_hub(loop, address_, std::move(options));
    if (!socket_path_.empty()) add(check_socket(socket_path_, socket_, session.has_value()));
    if (!session) return add({"hub", State::fail, session.error().why, session.error().hint});
    const auto& credentials = (*session)->peer().credentials;
    if (credentials) hub_pid_ = credentials->pid;
    const std::string where = hub_pid_ ? fmt::format(" (process {})", *hub_pid_) : std::string();
    const auto stats = loop.run_until(ask(**session));
    if (!stats && stats.error().code == Code::permission) {
      return add({"hub", State::ok, "answers" + where + "; its version and load are for those who may operate it", {}});
    }
    if (!stats && stats.error().code != Code::method) {
      return add({"hub", State::fail, fmt::format("does not answer{}: {}", where, to_string(stats.error())),
                  "end it, and start it again with `parley hub`"});
    }
    add({"hub", State::ok, "answers" + where, {}});
    add(check_versions(PARLEY_VERSION, stats ? stats->version : std::string()));
    if (stats) add(check_sessions(stats->sessions.size(), stats->sessions_max));
    if (stats) sessions_max_ = stats->sessions_max;
  }
  static Task<Result<builtin::HubStats>> ask(Session& session) {
    auto client = session.client<builtin::Hub>(builtin::hub_name).with({.deadline = patience});
    co_return co_await client.call<&builtin::Hub::stats>();
  }

  void look_at_system() {
    const std::string whose = hub_pid_ ? "the hub" : "this shell, and a hub that it starts,";
    const auto limit = os::open_files_limit(hub_pid_.value_or(os::process_id()));
    add(check_open_files(whose, limit, sessions_max_));
    add(check_listen_queue(os::listen_queue_max(), static_cast<std::uint64_t>(net::ListenOptions().waiting_max)));
    add(check_kernel(os::kernel_release(), os::kernel_features()));
  }

  const Common& common_;
  const std::string address_;
  std::string socket_path_;
  os::Place socket_;
  std::optional<std::int64_t> hub_pid_;
  std::uint64_t sessions_max_ = Limits().sessions_max;
  Report report_;
};

}  // namespace

int run_doctor(const Common& common) {
  Report report = Doctor(common).run();
  report.failed = static_cast<std::uint64_t>(std::ranges::count(report.findings, State::fail, &Finding::state));
  if (common.json) {
    say(codec::to_json(report));
  } else {
    for (const Finding& finding : report.findings) say(in_words(finding));
  }
  return code(report.failed == 0 ? Exit::ok : Exit::unwell);
}

}  // namespace parley::cli
