#include <fmt/chrono.h>
#include <fmt/format.h>

#include <cstdint>
#include <ctime>
#include <set>
#include <string>

#include "cli/record_commands.h"
#include "cli/recording_file.h"
#include "cli/terminal.h"
#include "codec/json.h"
#include "core/policy/pattern.h"
#include "wire/roam/dissector.h"

namespace parley::cli {

namespace {

using wire::roam::Dissected;

// Which records are shown.
class Choice {
 public:
  Choice(const ShowCommand& command, std::optional<core::Pattern> method)
      : command_(command), method_(std::move(method)) {}

  bool has(const Dissected& one) const {
    if (command_.session && one.session != *command_.session) return false;
    if (!method_) return true;
    if (one.method.empty() || !method_->matches(one.method)) return false;
    return command_.follows_ids || one.kind == "call" || one.kind == "response";
  }

 private:
  const ShowCommand& command_;
  std::optional<core::Pattern> method_;
};

std::string session_hint(const std::set<std::uint64_t>& sessions) {
  if (sessions.empty()) return "it has none";
  if (sessions.size() == 1) return fmt::format("it has session {} alone", *sessions.begin());
  return fmt::format("it has {} sessions, from {} to {}", sessions.size(), *sessions.begin(), *sessions.rbegin());
}

// Nothing was chosen by what the command says.
int complain_of_nothing(const ShowCommand& command, const Contents& whole, const Contents& of_session) {
  if (command.session && !whole.sessions.contains(*command.session)) {
    complain(fmt::format("no session {} is in {}", *command.session, command.file), session_hint(whole.sessions));
    return code(Exit::usage);
  }
  const std::string pattern = command.method.value_or("");
  const std::string place =
      command.session ? fmt::format("session {} of {}", *command.session, command.file) : command.file;
  complain(fmt::format("no method in {} matches {}", place, pattern), method_hint(pattern, of_session.methods));
  return code(Exit::usage);
}

std::string heading(const wire::records::Began& began) {
  const auto seconds = static_cast<std::time_t>(began.unix_us / 1'000'000);
  return fmt::format("recorded {:%F %T} UTC by {}: {} to {}; secret metadata was not recorded", fmt::gmtime(seconds),
                     began.program, began.listen, began.to);
}

std::string heading_in_json(const wire::records::Began& began) {
  return fmt::format("{{\"kind\":\"recording\",\"unix_us\":{},\"program\":{},\"listen\":{},\"to\":{}}}",
                     codec::to_json(began.unix_us), codec::to_json(began.program), codec::to_json(began.listen),
                     codec::to_json(began.to));
}

}  // namespace

int run_show(const Common& common, const ShowCommand& command) {
  std::optional<core::Pattern> method;
  if (command.method) {
    auto parsed = core::Pattern::parse(*command.method);
    if (!parsed) {
      complain(fmt::format("--method: {}", parsed.error().note), "say a pattern, such as 'Calculator.*'",
               &parsed.error());
      return code(Exit::usage);
    }
    method = std::move(*parsed);
  }
  int exit = code(Exit::ok);
  const auto loaded = load_recording(command.file, exit);
  if (!loaded) return exit;
  if (loaded->began) say(common.json ? heading_in_json(*loaded->began) : heading(*loaded->began));
  const Choice choice(command, std::move(method));
  wire::roam::Dissector dissector(loaded->catalog);
  Contents whole;
  Contents of_session;
  bool is_any_shown = false;
  for (const wire::records::Record& record : loaded->records) {
    const auto one = dissector.dissect(record);
    if (!one) continue;
    whole.add(*one);
    if (!command.session || one->session == *command.session) of_session.add(*one);
    if (!choice.has(*one)) continue;
    is_any_shown = true;
    say(common.json ? to_json(*one) : to_line(*one));
    if (!is_said()) break;
  }
  for (const std::string& fault : loaded->faults) warn(fmt::format("{}: {}", command.file, fault));
  if (!is_any_shown && (command.session || command.method)) return complain_of_nothing(command, whole, of_session);
  return code(Exit::ok);
}

}  // namespace parley::cli
