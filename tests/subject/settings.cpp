#include "subject/settings.h"

#include <fmt/format.h>

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
    const bool is_in_memory = read_transport();
    if (const std::string conduit = variable("SPEC_CONDUIT", "bare"); conduit != "bare") {
      wrong(fmt::format("SPEC_CONDUIT is `{}`; the only conduit that is supported is bare", conduit));
    }
    if (const std::string accepts = variable("ACCEPT_CONNECTIONS", "0"); accepts != "0" && accepts != "1") {
      wrong(fmt::format("ACCEPT_CONNECTIONS is `{}`; it is 0 or 1", accepts));
    }
    if (is_in_memory) {
      settings_.address = "mem:subject";
    } else if (settings_.is_listening) {
      read_port();
    } else if (is_mode_known_) {
      read_peer();
    }
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

  // Whether it is the memory.
  bool read_transport() {
    const std::string transport = variable("SPEC_TRANSPORT", "tcp");
    const bool is_in_memory = transport == "mem";
    if (is_in_memory && is_mode_known_ && (!settings_.is_client || settings_.is_listening)) {
      wrong("SPEC_TRANSPORT is `mem`, which needs SUBJECT_MODE=client: nobody else reaches the memory of this process");
    }
    if (!is_in_memory && transport != "tcp") {
      wrong(fmt::format("SPEC_TRANSPORT is `{}`; the transports that are supported are tcp and mem", transport));
    }
    return is_in_memory;
  }

  void read_port() {
    settings_.address = "tcp:127.0.0.1:" + variable("LISTEN_PORT", "0");
    if (!parley::io::parse_uri(settings_.address)) {
      wrong(fmt::format("LISTEN_PORT is `{}`; it is a number from 0 to 65535", variable("LISTEN_PORT")));
    }
  }

  void read_peer() {
    const std::string peer = variable("PEER_ADDR");
    if (peer.empty()) return wrong("PEER_ADDR is missing; it is HOST:PORT of the peer");
    if (peer.find("://") != peer.npos) {
      return wrong(
          fmt::format("PEER_ADDR is `{}`; it is HOST:PORT, because the transport that is supported is tcp", peer));
    }
    settings_.address = "tcp:" + peer;
    const auto uri = parley::io::parse_uri(settings_.address);
    if (!uri) return wrong(fmt::format("PEER_ADDR is `{}`; it is HOST:PORT: {}", peer, uri.error().note));
    if (uri->port == 0) wrong(fmt::format("PEER_ADDR is `{}`; nothing is reached at port 0", peer));
  }

  void read_scenario() {
    const auto& known = testbed::scenarios();
    std::string names;
    for (const auto& [name, scenario] : known) names += (names.empty() ? "" : ", ") + name;
    settings_.scenario_name = variable("CLIENT_SCENARIO");
    if (settings_.scenario_name.empty()) return wrong("CLIENT_SCENARIO is missing; it is one of " + names);
    const auto found = known.find(settings_.scenario_name);
    if (found == known.end()) {
      return wrong(fmt::format("CLIENT_SCENARIO is `{}`; it is one of {}", settings_.scenario_name, names));
    }
    settings_.scenario = found->second;
  }

  Settings settings_;
  bool is_mode_known_ = false;
  std::vector<std::string> wrong_;
};

}  // namespace

std::expected<Settings, std::vector<std::string>> read_settings() { return Reader().read(); }

}  // namespace subject
