#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "cli/settings_reader.h"
#include "face/loop.h"
#include "hub/hub.h"

namespace parley::cli {

struct TlsFiles {
  std::string certificate;            // without one the hub has no TLS
  std::string key;                    // empty: in the same file
  std::string authorities;            // of the certificates of clients
  std::string clients = "not_asked";  // or "optional", "required"
};
// Of the registry of commands and events: RegistryOptions and core::RegistryLimits, without their inner structure.
struct CommandSettings {
  std::uint32_t handlers_max = RegistryOptions().handlers_max;
  std::uint32_t listeners_max = RegistryOptions().listeners_max;
  std::uint32_t carriers_max = core::RegistryLimits().carriers_max;
  std::uint32_t requests_max = core::RegistryLimits().requests_max;
  std::uint32_t requests_per_carrier_max = core::RegistryLimits().requests_per_carrier_max;
  std::uint32_t registrations_per_carrier_max = core::RegistryLimits().registrations_per_carrier_max;
  std::uint32_t announcements_max = core::RegistryLimits().announcements_max;
  std::uint32_t seen_events_max = core::RegistryLimits().seen_events_max;
  Duration seen_events_for = core::RegistryLimits().seen_events_for;
  Duration answer_max = core::RegistryLimits().answer_max;
};
struct WebSocketGuests {
  std::vector<std::string> hosts;
  std::vector<std::string> origins;
};

// What a hub can be told by a file and by the environment (docs/OPERATING.md, section 8).
struct HubSettings {
  std::vector<std::string> listen;            // addresses; none: the default one
  std::vector<std::string> allow;             // rules: "token:ci see,call build.**"
  bool introduce = false;                     // clients to providers (HubOptions::socket_pair)
  std::string trace;                          // a file of spans; empty: none
  std::vector<std::string> echo;              // subjects in which the hub says again what it hears
  std::vector<std::string> keep;              // topics whose newest messages stay
  std::map<std::string, std::string> tokens;  // the file with its secret, by name
  std::map<std::string, std::string> topics;  // the file with its schema, by name; empty: none
  Limits limits;
  core::Directory::Bounds directory;
  TlsFiles tls;
  WebSocketGuests websocket;
  CommandSettings commands;
  io::HttpLimits http;
  BusOptions bus;
  core::KeptLimits kept;
  HostpipeOptions hostpipe;
};
LoopOptions loop_options(const HubSettings& settings);
RegistryOptions registry_options(const HubSettings& settings);

struct WrittenSettings {
  HubSettings settings;
  Setting written;  // as it stands in the file, with what the environment says instead
  std::optional<std::string> file;
};
// Each with its place.
using Mistakes = std::vector<std::string>;

// From that file, else from the one that PARLEY_CONFIG names, else from the default one if it is there; and from the
// environment.
std::variant<WrittenSettings, Mistakes> load_hub_settings(const std::optional<std::string>& file,
                                                          const Environment& environment);
std::variant<WrittenSettings, Mistakes> read_hub_settings(std::string_view text, const std::optional<std::string>& file,
                                                          const Environment& environment);

// All of them, as a file would say them, and where each comes from.
std::string to_toml(const WrittenSettings& settings);

}  // namespace parley::cli
