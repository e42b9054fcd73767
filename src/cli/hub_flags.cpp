#include "cli/hub_flags.h"

#include <CLI/CLI.hpp>

namespace parley::cli {

static void add_hostpipe(CLI::App& command, HubCommand& hub) {
  command
      .add_option(
          "--hostpipe-command", hub.hostpipe_commands,
          "What a host at the host pipe can do, as often as there is, such as spawn_pool_window: while there is "
          "a host it is the command host.spawn_pool_window.")
      ->type_name("NAME")
      ->allow_extra_args(false);
  command
      .add_option("--hostpipe-probe", hub.hostpipe_probes,
                  "The same of what asks whether the host is alive, and is answered by its nonce.")
      ->type_name("NAME")
      ->allow_extra_args(false);
  command
      .add_option("--hostpipe-event", hub.hostpipe_events,
                  "Events that go to a host at the host pipe, as often as there are: 'build.**'. None by itself.")
      ->type_name("PATTERN")
      ->allow_extra_args(false);
}

CLI::App* add_hub(CLI::App& app, HubCommand& hub) {
  CLI::App* const command = app.add_subcommand("hub", "Runs a hub, until it is asked to end (Ctrl-C, SIGTERM).");
  command
      ->add_option("--listen", hub.listen,
                   "An address, as often as there are: unix:PATH, or tcp:, tls:, ws: or wss:HOST:PORT where there are "
                   "tokens, or rules for certificates. Else where all commands look for a hub.")
      ->type_name("ADDRESS")
      ->allow_extra_args(false);
  command
      ->add_option(
          "--token-file", hub.token_files,
          "A token, as often as there are: whoever knows the secret in the file comes as token:NAME. Nobody else "
          "may be able to read the file.")
      ->type_name("NAME=PATH")
      ->allow_extra_args(false);
  command
      ->add_option(
          "--allow", hub.allow,
          "A rule, as often as there is: who, what, which names, such as 'token:ci see,call build.**'. The owner "
          "may everything; nobody else may anything without a rule.")
      ->type_name("RULE")
      ->allow_extra_args(false);
  command->add_flag("--introduce", hub.introduces,
                    "Gives a client that asks for it a socket to the provider of a name that it may call, past the "
                    "hub: faster, and in none of its bounds and figures. Unix sockets only.");
  command
      ->add_option("--topic", hub.topics,
                   "A topic, as often as there are, with the file of its schema where it has one: nobody publishes to "
                   "what is none, or subscribes to it.")
      ->type_name("NAME[=PATH]")
      ->allow_extra_args(false);
  command
      ->add_option("--keep", hub.keep,
                   "A topic, as often as there are, whose newest messages stay for those who follow it; it need not be "
                   "named as a --topic.")
      ->type_name("NAME")
      ->allow_extra_args(false);
  command
      ->add_option("--echo", hub.echo,
                   "A subject, as often as there are, of conversations in which the hub says again what it hears: to "
                   "try things out.")
      ->type_name("SUBJECT")
      ->allow_extra_args(false);
  command->add_flag("--bus-open", hub.is_bus_open,
                    "Lets clients of the bus that the system vouches for begin without a Connect, as old ones do.");
  add_hostpipe(*command, hub);
  command
      ->add_option("--config", hub.config,
                   "A file of settings (TOML); else PARLEY_CONFIG, else ~/.config/parley/hub.toml where there is one.")
      ->type_name("FILE");
  command
      ->add_option("--trace", hub.trace,
                   "Writes down the calls that belong to a trace, as they pass: a span a line, in JSON.")
      ->type_name("FILE");
  command->add_flag("--print-config", hub.prints_config, "Prints all settings and where each comes from, and ends.");
  command->add_flag("--quiet,-q", hub.quiet, "Says nothing but errors.");
  return command;
}

}  // namespace parley::cli
