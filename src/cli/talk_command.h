#pragma once

#include <optional>
#include <string>

#include "cli/commands.h"

namespace parley::cli {

struct TalkCommand {
  std::string subject;
  std::optional<std::string> ask;  // the only message; "-": all of standard input
  bool json_payload = false;
  std::string on_crash = "fail";
  std::optional<double> deadline_s;
};
// A conversation with whoever offers the subject: each line of standard input is a message, each reply a line of
// standard output. What happens meanwhile goes to standard error, or with --json, a line each, to the output, too.
int run_talk(const Common& common, const TalkCommand& command);

}  // namespace parley::cli
