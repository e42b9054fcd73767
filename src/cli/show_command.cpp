#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>

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
  for (const wire::records::Record& record : loaded->records) {
    const auto one = dissector.dissect(record);
    if (one && choice.has(*one)) say(common.json ? to_json(*one) : to_line(*one));
    if (!is_said()) break;
  }
  for (const std::string& fault : loaded->faults) warn(fmt::format("{}: {}", command.file, fault));
  return code(Exit::ok);
}

}  // namespace parley::cli
