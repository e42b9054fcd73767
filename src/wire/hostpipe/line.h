#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/error.h"

// The lines of a host pipe, one JSON object each: docs/WIRE.md, section 20. A launcher says commands and events to its
// host, and the host what it is, what it asks and what has happened. What a line carries for others stays the JSON that
// it was.
namespace parley::wire::hostpipe {

inline constexpr std::size_t name_bytes_max = 128;
inline constexpr std::size_t request_id_bytes_max = 128;

// In lines of the launcher. `rest` has the members that are of this command or event alone: `"x":1,"y":2`.
struct Command {
  std::string name;
  std::optional<std::uint64_t> saga;   // which the report that answers it says again; never 0
  std::optional<std::uint64_t> nonce;  // instead, of a probe: said again by whoever is alive
  std::string rest = {};
  friend bool operator==(const Command&, const Command&) = default;
};
struct Event {
  std::string name;
  std::optional<std::uint64_t> version = {};
  std::string rest = {};
  friend bool operator==(const Event&, const Event&) = default;
};
using LauncherLine = std::variant<Command, Event>;

// In lines of the host.
struct Register {
  std::string kind;  // of its client: `host`, and others that are none
  std::uint32_t pid = 0;
  std::string token = {};  // of who has to bring one; empty: none
  friend bool operator==(const Register&, const Register&) = default;
};
struct Ping {
  friend bool operator==(const Ping&, const Ping&) = default;
};
struct Goodbye {
  friend bool operator==(const Goodbye&, const Goodbye&) = default;
};
struct GetSnapshot {
  friend bool operator==(const GetSnapshot&, const GetSnapshot&) = default;
};
struct GetEvents {
  std::uint64_t since = 0;  // of later versions
  friend bool operator==(const GetEvents&, const GetEvents&) = default;
};
// A fact: `report_window_opened`.
struct Report {
  std::string name;                        // without `report_`
  std::optional<std::uint64_t> saga = {};  // which it answers
  std::string rest = {};
  friend bool operator==(const Report&, const Report&) = default;
};
// The host could not do what a command wanted.
struct ActionFailed {
  std::uint64_t saga = 0;
  std::string reason = {};
  friend bool operator==(const ActionFailed&, const ActionFailed&) = default;
};
// The answer to a probe, whatever it is called.
struct Alive {
  std::string name;
  std::uint64_t nonce = 0;
  std::string rest = {};
  friend bool operator==(const Alive&, const Alive&) = default;
};
// A command that is none of a host's.
struct Other {
  std::string name;
  friend bool operator==(const Other&, const Other&) = default;
};
using HostBody = std::variant<Register, Ping, Goodbye, GetSnapshot, GetEvents, Report, ActionFailed, Alive, Other>;
struct HostLine {
  HostBody body;
  std::string request_id = {};  // a string or a number as JSON, which a private reply says again; empty: none
  friend bool operator==(const HostLine&, const HostLine&) = default;
};

// Members that nobody here knows are passed over, or are of `rest`; what is optional and null counts as absent. Errors:
// message, which says what is wrong.
//
// A host reads an envelope (`kind`), or else an event; both ways to say an event are the same event.
Result<LauncherLine> parse_of_launcher(std::string_view text);
Result<HostLine> parse_of_host(std::string_view text);

// Without the end of the line.
std::string encode(const Command& command);
std::string encode(const Event& event);
std::string encode(const HostLine& line);

// Whether a command of that name has a report, which is called as it is by itself, and is told from a failure. Errors:
// invalid.
Result<void> check_command_name(std::string_view name);
// Whether a launcher says events of that name itself: no other event is called so.
bool is_of_launcher(std::string_view event);
// What somebody published, as members of a line: those of an object; what is no object, has a key twice, or a member of
// a name that a line has itself, is the member `payload`, and nothing is nothing. Errors: json, for what no line can
// say, because it is no JSON, or too deep.
Result<std::string> members_of_event(std::string_view payload);
// The same for a report; a member that a line has itself is left out, and what is no object, or has a key twice, is the
// member `result`.
Result<std::string> members_of_report(std::string_view result);
// The other way round.
std::string object_of(std::string_view members);
// The arguments of a command, as somebody said them: an object, or empty. `saga`: the one that they say, which is no
// member then. Errors: arguments, for what is no object of JSON, and members whose names a command has itself.
struct Arguments {
  std::optional<std::uint64_t> saga;
  std::string members;
};
Result<Arguments> read_arguments(std::string_view object);

}  // namespace parley::wire::hostpipe
