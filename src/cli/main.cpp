#include <CLI/CLI.hpp>
#include <cstdlib>
#include <string>

#include "cli/call_command.h"
#include "cli/commands.h"
#include "cli/terminal.h"

// The `parley` program: what each command is called and takes. What it does is elsewhere.
namespace parley::cli {
namespace {

void add_hub_options(CLI::App& app, HubCommand& hub) {
  app.add_option(
         "--listen", hub.listen,
         "An address, as often as there are: unix:PATH, or tcp:HOST:PORT where there are tokens. Else where all "
         "commands look for a hub.")
      ->type_name("ADDRESS")
      ->allow_extra_args(false);
  app.add_option(
         "--token-file", hub.token_files,
         "A token, as often as there are: whoever knows the secret in the file comes as token:NAME. Nobody else "
         "may be able to read the file.")
      ->type_name("NAME=PATH")
      ->allow_extra_args(false);
  app.add_option(
         "--allow", hub.allow,
         "A rule, as often as there is: who, what, which names, such as 'token:ci see,call build.**'. The owner "
         "may everything; nobody else may anything without a rule.")
      ->type_name("RULE")
      ->allow_extra_args(false);
  app.add_flag("--quiet,-q", hub.quiet, "Says nothing but errors.");
}

int run(int argc, char** argv) {
  CLI::App app("Programs that talk to each other: the hub where they meet, and who uses it.", "parley");
  app.require_subcommand(1);
  app.set_version_flag("--version", PARLEY_VERSION);
  app.footer(
      "Exit codes: 0 done, 1 the method's own error, 2 wrong usage, 3 no hub, 11 to 21 an error of Parley:\n"
      "10 plus its kind (docs/OPERATING.md).");
  Common common;
  HubCommand hub;
  CallCommand calling;

  CLI::App* const hub_command = app.add_subcommand("hub", "Runs a hub, until it is asked to end (Ctrl-C, SIGTERM).");
  add_hub_options(*hub_command, hub);
  CLI::App* const list = app.add_subcommand("list", "Shows who provides what.");
  bool with_methods = false;
  list->add_flag("--methods,-m", with_methods, "Shows their methods instead, with what each takes and gives.");
  CLI::App* const call = app.add_subcommand("call", "Calls a method: parley call Calculator.add '[2, 3]'");
  call->add_option("method", calling.method, "The name of the service and of its method: Calculator.add")->required();
  call->add_option("arguments", calling.arguments,
                   "The arguments as JSON: an array, or an object where they have names.");
  call->add_option("streams", calling.feeds,
                   "For each stream that the method reads, a file with an item a line, or - for standard input.");
  call->add_option("--deadline", calling.deadline_s, "How long it may take.")
      ->type_name("SECONDS")
      ->check([](const std::string& text) {
        char* end = nullptr;
        const double seconds = std::strtod(text.c_str(), &end);
        const bool is_well = !text.empty() && *end == 0 && seconds > 0 && seconds <= 1e9;
        return is_well ? std::string() : "a number of seconds above 0, not " + text;
      });
  call->add_option("--metadata", calling.metadata, "Goes beside the call, as often as there is.")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false)
      ->check([](const std::string& text) {
        return text.find('=') != std::string::npos && text[0] != '=' ? std::string() : "KEY=VALUE, not " + text;
      });
  call->add_flag("--detailed", calling.detailed, "Prints what came beside the result, too.");
  CLI::App* const who = app.add_subcommand("who", "Shows the sessions of the hub.");
  CLI::App* const audit = app.add_subcommand("audit", "Shows what was not allowed to whom.");
  for (CLI::App* const command : {list, call, who, audit}) {
    command->add_flag("--json", common.json, "Prints JSON, for programs.");
    command->add_option("--token-file", common.token_file, "Where the secret of a token is; else PARLEY_TOKEN has it.")
        ->type_name("PATH");
  }
  for (CLI::App* const command : {hub_command, list, call, who, audit}) {
    command->add_option("--hub", common.hub, "Where the hub is; else PARLEY_HUB, else the default place.")
        ->type_name("ADDRESS");
  }

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? 0 : static_cast<int>(Exit::usage);
  }
  const auto chosen = [&] {
    if (hub_command->parsed()) return run_hub(common, hub);
    if (list->parsed()) return run_list(common, with_methods);
    if (call->parsed()) return run_call(common, calling);
    if (audit->parsed()) return run_audit(common);
    return run_who(common);
  };
  const int exit = chosen();
  if (is_said()) return exit;
  complain("standard output cannot be written to");
  return code(Exit::output);
}

}  // namespace
}  // namespace parley::cli

int main(int argc, char** argv) { return parley::cli::run(argc, argv); }
