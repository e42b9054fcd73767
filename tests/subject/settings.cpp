#include "subject/settings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <utility>

#include "io/uri.h"

namespace subject {

namespace {

// A variable that is empty counts as one that is not there.
std::string variable(const char* name, std::string_view otherwise = "") {
  const char* value = std::getenv(name);
  return std::string(value && *value ? std::string_view(value) : otherwise);
}

class Reader {
 public:
  std::expected<Settings, std::vector<std::string>> read() {
    read_mode();
    read_transport();
    read_conduit();
    if (const std::string accepts = variable("ACCEPT_CONNECTIONS", "0"); accepts != "0" && accepts != "1") {
      wrong(fmt::format("ACCEPT_CONNECTIONS is `{}`; it is 0 or 1", accepts));
    }
    if (transport_ == "mem") {
      settings_.address = "mem:subject";
    } else if (settings_.is_listening) {
      read_own_address();
    } else if (is_mode_known_) {
      read_peer();
    }
    if (is_mode_known_ && (transport_ == "tls" || transport_ == "wss")) read_tls();
    if (settings_.is_client) read_scenario();
    if (!wrong_.empty()) return std::unexpected(std::move(wrong_));
    return std::move(settings_);
  }

 private:
  void wrong(std::string sentence) { wrong_.push_back(std::move(sentence)); }

  void read_mode() {
    const std::string mode = variable("SUBJECT_MODE", "server");
    settings_.is_listening = mode.ends_with("-listen");
    settings_.is_client = mode.starts_with("client");
    is_mode_known_ = mode == "server" || mode == "client" || mode == "server-listen" || mode == "client-listen";
    if (is_mode_known_) return;
    settings_ = {};
    wrong(fmt::format("SUBJECT_MODE is `{}`; it is server, client, server-listen or client-listen", mode));
  }

  void read_transport() {
    constexpr std::array<std::string_view, 6> known{"tcp", "unix", "ws", "tls", "wss", "mem"};
    transport_ = variable("SPEC_TRANSPORT", "tcp");
    if (transport_ == "mem" && is_mode_known_ && (!settings_.is_client || settings_.is_listening)) {
      wrong("SPEC_TRANSPORT is `mem`, which needs SUBJECT_MODE=client: nobody else reaches the memory of this process");
    }
    if (std::ranges::find(known, std::string_view(transport_)) != known.end()) return;
    wrong(fmt::format("SPEC_TRANSPORT is `{}`; the transports that are supported are {}", transport_,
                      fmt::join(known, ", ")));
    transport_ = "tcp";
  }

  void read_conduit() {
    const std::string conduit = variable("SPEC_CONDUIT", "bare");
    settings_.is_stable = conduit == "stable";
    if (!settings_.is_stable && conduit != "bare") {
      wrong(fmt::format("SPEC_CONDUIT is `{}`; it is bare or stable", conduit));
    }
    const std::string away = variable("STABLE_AWAY_MS", "30000");
    int milliseconds = 0;
    const auto read = std::from_chars(away.data(), away.data() + away.size(), milliseconds);
    if (read.ec != std::errc() || read.ptr != away.data() + away.size() || milliseconds < 1) {
      wrong(fmt::format("STABLE_AWAY_MS is `{}`; it is a number of milliseconds from 1", away));
    }
    settings_.limits.stable_away_max = std::chrono::milliseconds(milliseconds);
  }

  void read_own_address() {
    if (transport_ == "unix") {
      settings_.address = "unix:" + variable("LISTEN_PATH");
      if (!parley::io::parse_uri(settings_.address)) {
        wrong(fmt::format("LISTEN_PATH is `{}`; it is the path of a Unix socket", variable("LISTEN_PATH")));
      }
      return;
    }
    settings_.address = transport_ + ":127.0.0.1:" + variable("LISTEN_PORT", "0");
    if (!parley::io::parse_uri(settings_.address)) {
      wrong(fmt::format("LISTEN_PORT is `{}`; it is a number from 0 to 65535", variable("LISTEN_PORT")));
    }
  }

  void read_peer() {
    const std::string peer = variable("PEER_ADDR");
    const std::string form = transport_ == "unix" ? "a path" : "HOST:PORT";
    if (peer.empty()) return wrong(fmt::format("PEER_ADDR is missing; it is {} of the peer", form));
    const bool is_web = transport_ == "ws" || transport_ == "wss";
    std::string_view place = peer;
    if (is_web && place.starts_with(transport_ + "://")) place.remove_prefix(transport_.size() + 3);
    if (place.find("://") != place.npos) {
      return wrong(fmt::format("PEER_ADDR is `{}`; it is {}, because SPEC_TRANSPORT is {}", peer, form, transport_));
    }
    settings_.address = fmt::format("{}:{}", transport_, place);
    const auto uri = parley::io::parse_uri(settings_.address);
    if (!uri) return wrong(fmt::format("PEER_ADDR is `{}`; it is {}: {}", peer, form, uri.error().note));
    if (uri->has_port() && uri->port == 0) wrong(fmt::format("PEER_ADDR is `{}`; nothing is reached at port 0", peer));
  }

  void read_tls() {
    settings_.tls = {.certificate = variable("TLS_CERTIFICATE"),
                     .key = variable("TLS_KEY"),
                     .authorities = variable("TLS_AUTHORITIES")};
    if (settings_.is_listening && settings_.tls.certificate.empty()) {
      wrong(fmt::format("TLS_CERTIFICATE is missing; SPEC_TRANSPORT {} needs the file of a certificate", transport_));
    }
  }

  void read_scenario() {
    const auto& known = testbed::scenarios();
    std::string names;
    for (const auto& [name, scenario] : known) names += (names.empty() ? "" : ", ") + name;
    const std::string name = variable("CLIENT_SCENARIO");
    if (name.empty()) return wrong("CLIENT_SCENARIO is missing; it is one of " + names + ", or all");
    for (const auto& [known_name, scenario] : known) {
      if (name == known_name || name == "all") settings_.scenarios.push_back({known_name, scenario});
    }
    if (settings_.scenarios.empty())
      wrong(fmt::format("CLIENT_SCENARIO is `{}`; it is one of {}, or all", name, names));
  }

  Settings settings_;
  bool is_mode_known_ = false;
  std::string transport_;
  std::vector<std::string> wrong_;
};

}  // namespace

std::expected<Settings, std::vector<std::string>> read_settings() { return Reader().read(); }

}  // namespace subject
