#include <CLI/CLI.hpp>
#include <string>

#include "cli/commands.h"
#include "cli/terminal.h"

// The `parley` program: what each command is called and takes. What it does is elsewhere.
namespace parley::cli {
namespace {

int run(int argc, char** argv) {
  CLI::App app("Programs that talk to each other: the hub where they meet, and who uses it.", "parley");
  app.require_subcommand(1);
  app.set_version_flag("--version", PARLEY_VERSION);
  app.footer(
      "Exit codes: 0 done, 1 the method's own error, 2 wrong usage, 3 no hub, 11 to 21 an error of Parley:\n"
      "10 plus its kind (docs/OPERATING.md).");
  Common common;
  HubCommand hub;

  CLI::App* const hub_command = app.add_subcommand("hub", "Runs a hub, until it is asked to end (Ctrl-C, SIGTERM).");
  hub_command
      ->add_option("--listen", hub.listen,
                   "An address, as often as there are: unix:PATH. Else where all commands look for a hub.")
      ->type_name("ADDRESS");
  hub_command->add_flag("--quiet,-q", hub.quiet, "Says nothing but errors.");

  CLI::App* const list = app.add_subcommand("list", "Shows who provides what.");
  CLI::App* const who = app.add_subcommand("who", "Shows the sessions of the hub.");
  for (CLI::App* const command : {list, who}) {
    command->add_flag("--json", common.json, "Prints JSON, for programs.");
  }
  for (CLI::App* const command : {hub_command, list, who}) {
    command->add_option("--hub", common.hub, "Where the hub is; else PARLEY_HUB, else the default place.")
        ->type_name("ADDRESS");
  }

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? 0 : static_cast<int>(Exit::usage);
  }
  if (hub_command->parsed()) return run_hub(common, hub);
  if (list->parsed()) return run_list(common);
  return run_who(common);
}

}  // namespace
}  // namespace parley::cli

int main(int argc, char** argv) { return parley::cli::run(argc, argv); }
