#include "cli/doctor_checks.h"

#include <fmt/format.h>

#include "codec/enums.h"

namespace parley::cli {

namespace {

using Kind = os::Place::Kind;

// Beside its sessions a hub has a loop, listeners and locks, and the three of every process.
constexpr std::uint64_t files_beside_sessions = 64;

}  // namespace

Finding check_directory(const std::string& path, const os::Place& place, bool is_default, std::uint32_t user) {
  const std::string name = "directory";
  if (place.kind == Kind::missing) {
    if (is_default) return {name, State::warn, path + " is not there yet", "`parley hub` makes it"};
    return {name, State::fail, path + " is not there", fmt::format("mkdir -m 700 {}", path)};
  }
  if (place.kind == Kind::hidden) {
    return {name, State::fail, path + " cannot be looked at", "choose a place of your own: --hub unix:PATH"};
  }
  if (place.kind != Kind::directory) {
    return {name, State::fail, path + " is no directory", "move it away, or choose another place: --hub unix:PATH"};
  }
  const std::string whose = fmt::format("{} belongs to user {}, mode {:04o}", path, place.uid, place.mode);
  const bool may_be_roots = !is_default && place.uid == 0;
  if (place.uid != user && !may_be_roots) {
    return {name, State::fail, whose, "choose a directory of your own: --hub unix:PATH"};
  }
  if (is_default && (place.mode & 0077) != 0) {
    return {name, State::fail, whose + ": others may enter it", fmt::format("chmod 700 {}", path)};
  }
  if ((place.mode & 0022) != 0 && (place.mode & 01000) == 0) {
    return {name, State::fail, whose + ": others may replace what is in it", fmt::format("chmod go-w {}", path)};
  }
  return {name, State::ok, whose, {}};
}

Finding check_socket(const std::string& path, const os::Place& place, bool is_answered) {
  const std::string name = "socket";
  if (is_answered) {
    if (place.kind == Kind::socket && (place.mode & 0077) != 0) {
      return {name, State::warn, fmt::format("{} has mode {:04o}", path, place.mode),
              fmt::format("chmod 600 {}", path)};
    }
    return {name, State::ok, path + " is alive", {}};
  }
  switch (place.kind) {
    case Kind::missing: return {name, State::warn, path + " is not there", "start a hub with `parley hub`"};
    case Kind::hidden: return {name, State::fail, path + " cannot be looked at", "look at its directory"};
    case Kind::socket:
      return {name, State::warn, path + " is there, and no hub of yours answers",
              "if its process is dead, the next `parley hub` replaces it"};
    default:
      return {name, State::fail, path + " is no socket", "move it away, or choose another name: --hub unix:PATH"};
  }
}

Finding check_versions(const std::string& program, const std::string& hub) {
  if (hub.empty()) {
    return {"versions", State::warn, fmt::format("the program is {}, and the hub too old to tell", program),
            "start the hub anew"};
  }
  if (hub != program) {
    return {"versions", State::warn, fmt::format("the program is {}, and the hub {}", program, hub),
            "start the hub anew with the program that you use"};
  }
  return {"versions", State::ok, fmt::format("the program and the hub are {}", program), {}};
}

Finding check_sessions(std::uint64_t sessions, std::uint64_t sessions_max) {
  const std::string told = fmt::format("{} of {}", sessions, sessions_max);
  if (sessions * 10 < sessions_max * 9) return {"sessions", State::ok, told, {}};
  return {"sessions", State::warn, told, "`parley who` shows whose they are; at the limit new ones are closed"};
}

Finding check_open_files(const std::string& whose, const std::optional<os::OpenFilesLimit>& limit,
                         std::uint64_t sessions_max) {
  const std::string name = "open files";
  if (!limit) return {name, State::warn, "the system does not tell how many there may be", "see `ulimit -n`"};
  const std::uint64_t wanted = sessions_max + files_beside_sessions;
  const std::string told = fmt::format("{} may have {}", whose, limit->soft);
  if (limit->soft >= wanted) return {name, State::ok, told, {}};
  const std::string reason = fmt::format("{}, and {} sessions want {}", told, sessions_max, wanted);
  if (limit->soft < files_beside_sessions * 2)
    return {name, State::fail, reason, "`ulimit -n 1024` before `parley hub`"};
  if (limit->hard >= wanted) {
    return {name, State::warn, reason,
            fmt::format("`ulimit -n {}` before `parley hub`, if there are to be so many", wanted)};
  }
  return {name, State::warn, reason,
          fmt::format("if there are to be so many, raise the hard limit of {} (limits.conf, or LimitNOFILE of systemd)",
                      limit->hard)};
}

Finding check_listen_queue(const std::optional<std::uint64_t>& most, std::uint64_t wanted) {
  const std::string name = "listen queue";
  if (!most)
    return {name, State::warn, "the system does not tell how long it may be", "see /proc/sys/net/core/somaxconn"};
  const std::string told = fmt::format("up to {} processes may wait to be let in", *most);
  if (*most >= wanted) return {name, State::ok, told, {}};
  return {name, State::warn, fmt::format("{}, and a hub asks for {}", told, wanted),
          fmt::format("sysctl net.core.somaxconn={}", wanted)};
}

Finding check_kernel(const std::string& release, const std::vector<os::KernelFeature>& features) {
  std::string there;
  for (const os::KernelFeature& feature : features) {
    if (feature.is_there) there += (there.empty() ? "" : ", ") + feature.name;
  }
  for (const bool is_needed : {true, false}) {
    for (const os::KernelFeature& feature : features) {
      if (feature.is_there || feature.is_needed != is_needed) continue;
      return {"kernel", is_needed ? State::fail : State::warn,
              fmt::format("{} has no {} ({})", release, feature.name, feature.use),
              is_needed ? "Parley does not run without it: look for a sandbox that forbids it"
                        : "it goes without, less exactly; Linux 5.11 has it"};
    }
  }
  return {"kernel", State::ok, fmt::format("{}: {}", release, there), {}};
}

std::string in_words(const Finding& finding) {
  std::string text =
      fmt::format("{:<4}  {:<12}  {}", codec::enumerator_name(finding.state), finding.check, finding.reason);
  if (!finding.next.empty()) text += fmt::format("\n{:20}{}", "", finding.next);
  return text;
}

}  // namespace parley::cli
