#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/attach_command.h"
#include "cli/call_command.h"
#include "cli/call_words.h"
#include "cli/commands.h"
#include "cli/completion.h"
#include "cli/conversations_command.h"
#include "cli/doctor_command.h"
#include "cli/event_commands.h"
#include "cli/hub_flags.h"
#include "cli/mcp_command.h"
#include "cli/outbox_command.h"
#include "cli/record_commands.h"
#include "cli/talk_command.h"
#include "cli/terminal.h"
#include "cli/top_command.h"
#include "cli/topic_commands.h"
#include "cli/usage.h"

// The `parley` program: what each command is called and takes. What it does is elsewhere.
namespace parley::cli {
namespace {

std::string check_seconds(const std::string& text) {
  char* end = nullptr;
  const double seconds = std::strtod(text.c_str(), &end);
  const bool is_well = !text.empty() && *end == 0 && seconds > 0 && seconds <= 1e9;
  return is_well ? std::string() : "a number of seconds above 0, not " + text;
}

CLI::App* add_call(CLI::App& app, CallCommand& calling) {
  CLI::App* const command = app.add_subcommand(
      "call",
      "Runs a command or calls a method: parley call math.add --a 2 --b 3, parley call Calculator.add '[2, 3]'");
  command
      ->add_option("method", calling.method,
                   "The command, or the name of the service and of its method: Calculator.add. With --help behind it, "
                   "what it takes.")
      ->required();
  command->add_option("arguments", calling.arguments,
                      "The arguments as JSON: an array, or an object where they have names. Those of a command also as "
                      "flags: --a 2 --b 3; behind -- what is an option here, too.");
  command->add_option("streams", calling.feeds,
                      "For each stream that the method reads, a file with an item a line, or - for standard input.");
  command->add_option("--deadline", calling.deadline_s, "How long it may take.")
      ->type_name("SECONDS")
      ->check(check_seconds);
  command->add_option("--metadata", calling.metadata, "Goes beside the call, as often as there is.")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false)
      ->check([](const std::string& text) {
        return text.find('=') != std::string::npos && text[0] != '=' ? std::string() : "KEY=VALUE, not " + text;
      });
  command->add_option("--trace", calling.trace, "Begins a trace, and writes its own spans down: one a line, in JSON.")
      ->type_name("FILE");
  command->add_flag("--detailed", calling.detailed, "Prints what came beside the result, too.");
  return command;
}

CLI::App* add_list(CLI::App& app, ListCommand& listing) {
  CLI::App* const command = app.add_subcommand("list", "Shows who provides what.");
  CLI::Option* const methods = command->add_flag("--methods,-m", listing.methods,
                                                 "Shows their methods instead, with what each takes and gives.");
  command->add_flag("--commands,-c", listing.commands, "Shows the commands instead, with what each does.")
      ->excludes(methods);
  return command;
}

CLI::App* add_listen(CLI::App& app, ListenCommand& listening) {
  CLI::App* const command = app.add_subcommand("listen", "Prints events as they come, until it is ended.");
  command->add_option("pattern", listening.pattern, "Their names: build.done, 'build.*' or 'build.**'")->required();
  command->add_option("--count", listening.count, "Ends after so many.")
      ->type_name("NUMBER")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 62));
  return command;
}

CLI::App* add_emit(CLI::App& app, EmitCommand& emitting) {
  CLI::App* const command =
      app.add_subcommand("emit", "Says an event to all who listen: parley emit build.done '{\"ok\": true}'");
  command->add_option("event", emitting.event, "Its name.")->required();
  command->add_option("payload", emitting.payload, "What it tells, as JSON; else nothing.");
  return command;
}

CLI::App* add_talk(CLI::App& app, TalkCommand& talking) {
  CLI::App* const command = app.add_subcommand(
      "talk",
      "Talks to whoever offers a subject: each line that you type is a message, and replies come as they are said.");
  command->add_option("subject", talking.subject, "What it is about, as those who offer it call it.")->required();
  command
      ->add_option("--ask", talking.ask, "Says this alone, waits for the reply and ends; - is all of standard input.")
      ->type_name("MESSAGE");
  command->add_flag("--json-payload", talking.json_payload, "Messages are JSON, and are checked before they are sent.");
  command
      ->add_option("--on-crash", talking.on_crash,
                   "What becomes of it when somebody crashes who takes part: fail, as it is without this, or "
                   "route_to_next, where what he has not answered goes to another one, who may do it again.")
      ->type_name("POLICY")
      ->check(CLI::IsMember({"fail", "route_to_next"}));
  command->add_option("--deadline", talking.deadline_s, "How long the whole conversation may take.")
      ->type_name("SECONDS")
      ->check(check_seconds);
  return command;
}

CLI::App* add_conversations(CLI::App& app, ConversationsCommand& looking) {
  CLI::App* const command = app.add_subcommand(
      "conversations", "Shows the conversations that are open, or all that is kept of what was said in one.");
  command->add_option("conversation", looking.conversation, "Its number.");
  return command;
}

CLI::App* add_outbox(CLI::App& app, OutboxCommand& looking) {
  CLI::App* const command = app.add_subcommand(
      "outbox", "Shows the outboxes whose commands the hub runs, and its own; or what became of one ticket.");
  command->add_option("ticket", looking.ticket, "As `parley send --json` tells it, and a handler's meta.");
  return command;
}

CLI::App* add_send(CLI::App& app, SendCommand& sending) {
  CLI::App* const command = app.add_subcommand(
      "send",
      "Sends a command that is applied once, or says why not, through outages: parley send note '{\"number\": 7}'");
  command->add_option("command", sending.command, "Its name.")->required();
  command->add_option("request", sending.request,
                      "An object as JSON, or nothing; - for one a line of standard input, each as it comes.");
  command->add_option("--group", sending.group, "What it belongs to.")->type_name("NAME");
  command->add_option("--key", sending.key, "It takes the place of one with this key that has not been sent.")
      ->type_name("KEY");
  command->add_option("--deadline", sending.deadline_s, "By when it must be done; 30 by itself.")
      ->type_name("SECONDS")
      ->check(check_seconds);
  command->add_flag("--any", sending.any,
                    "Also to a hub that was started anew, which may do again what the one before did.");
  command->add_flag("--wait", sending.wait, "Where nobody has the command, or there is no hub, waits for it.");
  return command;
}

CLI::App* add_publish(CLI::App& app, PublishCommand& publishing) {
  CLI::App* const command = app.add_subcommand(
      "publish", "Says something to all who subscribe to a topic now: parley publish build.log 'it is done'");
  command->add_option("topic", publishing.topic, "Its name.")->required();
  command->add_option("payload", publishing.payload, "What is said; - is all of standard input. Else nothing.");
  command
      ->add_option("--key", publishing.key,
                   "What is said again under the same key is not published again, for some minutes.")
      ->type_name("TEXT");
  command
      ->add_option("--schema", publishing.schema,
                   "The JSON Schema of the payload, which is held against it. It is known by its bytes as they stand.")
      ->type_name("FILE");
  command->add_flag("--declare", publishing.declare,
                    "Makes the topic where it is not there yet; without a payload that is all.");
  command->add_flag("--keep", publishing.keep,
                    "Makes it, and its newest messages stay for those who follow it; without a payload that is all.");
  command->add_flag("--unkeep", publishing.unkeep, "What is kept of it goes, and no more of it is kept.")
      ->excludes("--keep");
  CLI::Option* const snapshot = command->add_flag(
      "--snapshot", publishing.is_snapshot,
      "The payload is no message: it says how things are, for those who follow and have missed something.");
  command->add_option("--at", publishing.at, "Where the message stands behind which they are so; else the newest.")
      ->type_name("[INCARNATION:]VERSION")
      ->needs(snapshot);
  for (const char* const of_a_message : {"--key", "--schema", "--declare", "--keep", "--unkeep"}) {
    snapshot->excludes(of_a_message);
  }
  return command;
}

CLI::App* add_subscribe(CLI::App& app, SubscribeCommand& subscribing) {
  CLI::App* const command =
      app.add_subcommand("subscribe", "Prints what is published to topics, as it comes, until it is ended.");
  command->add_option("topics", subscribing.topics, "Their names.")->required();
  command->add_option("--count", subscribing.count, "Ends after so many.")
      ->type_name("NUMBER")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 62));
  command
      ->add_option("--schema", subscribing.schemas,
                   "The file of a schema that is understood, as often as there are; else whatever a topic has.")
      ->type_name("FILE")
      ->allow_extra_args(false);
  CLI::Option* const live = command->add_flag(
      "--live", subscribing.is_live,
      "Follows topics that are kept: how things are, then each message, and after a gap how things are again.");
  command
      ->add_flag("--replay", subscribing.is_replay,
                 "Follows topics that are kept: each message that is still there, and how many are missed.")
      ->excludes(live);
  command
      ->add_option("--after", subscribing.after,
                   "With --live or --replay, and one topic: goes on behind that version, of that incarnation of the "
                   "topic where it is named.")
      ->type_name("[INCARNATION:]VERSION");
  return command;
}

CLI::App* add_top(CLI::App& app, TopCommand& top) {
  CLI::App* const command = app.add_subcommand("top", "Shows what the sessions of the hub do, until it is ended.");
  command->add_flag("--once", top.is_once, "Shows one sample, which has no rates.");
  command->add_option("--interval", top.interval_s, "From one sample to the next; else 1.")
      ->type_name("SECONDS")
      ->check(check_seconds);
  return command;
}

CLI::App* add_record(CLI::App& app, RecordCommand& record) {
  CLI::App* const command = app.add_subcommand(
      "record",
      "Stands between clients and a hub or server, and writes down what they say: parley record FILE --listen "
      "ADDRESS");
  command->add_option("file", record.file, "The recording, which only you can read. It must not be there yet.")
      ->required();
  command->add_option("--listen", record.listen, "Where clients come in, instead of at the hub or server.")
      ->required()
      ->type_name("ADDRESS");
  command->add_option("--to", record.to, "Where they are led; else the hub, where all commands look for it.")
      ->type_name("ADDRESS");
  command->add_option("--max", record.mebibytes_max, "How much the recording may take; else 256.")
      ->type_name("MIB")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 20));
  command->add_flag("--quiet,-q", record.quiet, "Says nothing but errors.");
  return command;
}

CLI::App* add_show(CLI::App& app, ShowCommand& show) {
  CLI::App* const command = app.add_subcommand("show", "Shows a recording, message by message.");
  command->add_option("file", show.file, "The recording, or - for standard input.")->required();
  command->add_option("--session", show.session, "Shows that session alone.")->type_name("NUMBER");
  command->add_option("--method", show.method, "Shows calls of these methods and their responses: 'Calculator.*'")
      ->type_name("PATTERN");
  command->add_flag("--follow-ids", show.follows_ids,
                    "With --method: also cancels, items, credit and whatever else belongs to these calls.");
  return command;
}

CLI::App* add_replay(CLI::App& app, ReplayCommand& replay) {
  CLI::App* const command = app.add_subcommand(
      "replay", "Says the clients' part of a recording again, and compares the answers: parley replay FILE ADDRESS");
  command->add_option("file", replay.file, "The recording, or - for standard input.")->required();
  command->add_option("address", replay.to, "Where what is to be compared listens.")->required();
  command->add_option("--deadline", replay.deadline_s, "How long to wait for an answer; else 30.")
      ->type_name("SECONDS")
      ->check(check_seconds);
  command
      ->add_option("--ignore", replay.ignored,
                   "Methods whose answers are not compared, as often as there are: 'Clock.*'")
      ->type_name("PATTERN")
      ->allow_extra_args(false);
  return command;
}

CLI::App* add_completion(CLI::App& app, std::string& shell) {
  CLI::App* const command = app.add_subcommand("completion", "Prints a script that lets a shell complete commands.");
  command->add_option("shell", shell, "bash, zsh or fish")->required()->check(CLI::IsMember({"bash", "zsh", "fish"}));
  return command;
}

CLI::App* add_attach(CLI::App& app, AttachCommand& attaching) {
  CLI::App* const command = app.add_subcommand(
      "attach", "Offers the commands of a registry, or the tools of an MCP server, at the hub, until it is ended.");
  command->add_option("address", attaching.address,
                      "Where a hub or a registry of cmd-ipc is: unix:PATH, tcp:HOST:PORT or http://HOST:PORT.");
  command->add_option("--mcp", attaching.mcp, "A line for the shell that runs a server on its standard streams.")
      ->type_name("LINE");
  command->add_option("--mcp-url", attaching.mcp_url, "Where a server of streamable HTTP is.")->type_name("URL");
  command->add_option("--prefix", attaching.prefix, "What its commands are called before the names of the tools.")
      ->type_name("NAME");
  command
      ->add_option("--peer-token-file", attaching.peer_token_file,
                   "A file, readable by you alone, that says as whom to come to what is attached.")
      ->type_name("FILE");
  command->add_flag("--quiet,-q", attaching.quiet, "Says nothing but errors.");
  return command;
}

CLI::App* add_mcp(CLI::App& app, McpCommand& serving) {
  CLI::App* const command = app.add_subcommand(
      "mcp",
      "Lets an AI agent call the hub's commands: a server of the Model Context Protocol on standard input and output.");
  command->add_option("--only", serving.only, "Offers the commands alone that fit, as often as there are: 'build.**'")
      ->type_name("PATTERN")
      ->allow_extra_args(false);
  return command;
}

void add_json(Common& common, const std::vector<CLI::App*>& commands) {
  for (CLI::App* const command : commands) command->add_flag("--json", common.json, "Prints JSON, for programs.");
}
void add_token(Common& common, const std::vector<CLI::App*>& commands) {
  for (CLI::App* const command : commands) {
    command->add_option("--token-file", common.token_file, "Where the secret of a token is; else PARLEY_TOKEN has it.")
        ->type_name("PATH");
  }
}
void add_hub_address(Common& common, const std::vector<CLI::App*>& commands) {
  for (CLI::App* const command : commands) {
    command->add_option("--hub", common.hub, "Where the hub is; else PARLEY_HUB, else the default place.")
        ->type_name("ADDRESS");
  }
}

// For the scripts of shells alone: no command that people type.
int complete(const CLI::App& app, int argc, char** argv) {
  const std::vector<std::string> words(argv + std::min(argc, 3), argv + argc);
  for (const std::string& word : complete_words(app, words)) say(word);
  return code(Exit::ok);
}

// How the program ends with these words, if they are not to be acted on.
std::optional<int> parse(CLI::App& app, const CLI::App& call, CallCommand& calling,
                         const std::vector<std::string>& words) {
  try {
    CallWords split = split_call_words(call, words);
    calling.flags = std::move(split.flags);
    calling.wants_help = split.wants_help;
    std::ranges::reverse(split.words);
    app.parse(std::move(split.words));
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // help, or the version
    const UsageMistake mistake = explain_usage(app, words, error.what());
    complain(mistake.line, mistake.hint);
    return code(Exit::usage);
  }
  return std::nullopt;
}

// What each command is told.
struct Told {
  Common common;
  HubCommand hub;
  ListCommand list;
  CallCommand call;
  ListenCommand listen;
  EmitCommand emit;
  TalkCommand talk;
  ConversationsCommand conversations;
  PublishCommand publish;
  OutboxCommand outbox;
  SendCommand send;
  SubscribeCommand subscribe;
  TopCommand top;
  RecordCommand record;
  ShowCommand show;
  ReplayCommand replay;
  AttachCommand attach;
  McpCommand mcp;
  std::string shell;
};

void add_commands(CLI::App& app, Told& told) {
  CLI::App* const hub = add_hub(app, told.hub);
  CLI::App* const list = add_list(app, told.list);
  CLI::App* const call = add_call(app, told.call);
  CLI::App* const listen = add_listen(app, told.listen);
  CLI::App* const emit = add_emit(app, told.emit);
  CLI::App* const talk = add_talk(app, told.talk);
  CLI::App* const conversations = add_conversations(app, told.conversations);
  CLI::App* const outbox = add_outbox(app, told.outbox);
  CLI::App* const send = add_send(app, told.send);
  CLI::App* const publish = add_publish(app, told.publish);
  CLI::App* const subscribe = add_subscribe(app, told.subscribe);
  CLI::App* const who = app.add_subcommand("who", "Shows the sessions of the hub.");
  CLI::App* const top = add_top(app, told.top);
  CLI::App* const doctor = app.add_subcommand("doctor", "Looks at what a hub needs, and says what to do.");
  CLI::App* const record = add_record(app, told.record);
  CLI::App* const show = add_show(app, told.show);
  CLI::App* const replay = add_replay(app, told.replay);
  CLI::App* const attach = add_attach(app, told.attach);
  CLI::App* const mcp = add_mcp(app, told.mcp);
  add_completion(app, told.shell);
  CLI::App* const audit = app.add_subcommand("audit", "Shows what was not allowed to whom.");
  const std::vector<CLI::App*> at_hub = {list,      call, listen, emit,  talk,   conversations, publish,
                                         subscribe, who,  top,    audit, doctor, outbox,        send};
  add_json(told.common, at_hub);
  add_json(told.common, {show, replay});
  add_token(told.common, at_hub);
  add_token(told.common, {record, replay, mcp, attach});
  add_hub_address(told.common, at_hub);
  add_hub_address(told.common, {hub, mcp, attach});
}

int act(std::string_view command, const Told& told) {
  const Common& common = told.common;
  if (command == "hub") return run_hub(common, told.hub);
  if (command == "list") return run_list(common, told.list);
  if (command == "call") return run_call(common, told.call);
  if (command == "listen") return run_listen(common, told.listen);
  if (command == "emit") return run_emit(common, told.emit);
  if (command == "talk") return run_talk(common, told.talk);
  if (command == "conversations") return run_conversations(common, told.conversations);
  if (command == "outbox") return run_outbox(common, told.outbox);
  if (command == "send") return run_send(common, told.send);
  if (command == "publish") return run_publish(common, told.publish);
  if (command == "subscribe") return run_subscribe(common, told.subscribe);
  if (command == "top") return run_top(common, told.top);
  if (command == "completion") return say(completion_script(told.shell)), code(Exit::ok);
  if (command == "doctor") return run_doctor(common);
  if (command == "audit") return run_audit(common);
  if (command == "record") return run_record(common, told.record);
  if (command == "show") return run_show(common, told.show);
  if (command == "replay") return run_replay(common, told.replay);
  if (command == "attach") return run_attach(common, told.attach);
  if (command == "mcp") return run_mcp(common, told.mcp);
  return run_who(common);
}

int run(int argc, char** argv) {
  CLI::App app("Programs that talk to each other: the hub where they meet, and who uses it.", "parley");
  app.require_subcommand(1);
  app.set_version_flag("--version", PARLEY_VERSION);
  app.footer(
      "Exit codes: 0 done, 1 the method's own error, 2 wrong usage, 3 no hub, 4 no output, 5 the doctor found a "
      "fault,\n"
      "6 a replay was answered otherwise, 11 to 21 an error of Parley: 10 plus its kind (docs/OPERATING.md).");
  Told told;
  add_commands(app, told);

  const std::vector<std::string_view> words(argv, argv + argc);
  // Also for what is wrong with the words themselves.
  if (std::ranges::find(words, "--json") != words.end()) complain_in_json();
  if (argc > 1 && words[1] == "complete") return complete(app, argc, argv);
  const CLI::App& call = *app.get_subcommand("call");
  if (const auto ended = parse(app, call, told.call, {argv + 1, argv + argc})) return *ended;
  const int exit = act(app.get_subcommands().front()->get_name(), told);
  if (is_said()) return exit;
  complain("standard output cannot be written to");
  return code(Exit::output);
}

}  // namespace
}  // namespace parley::cli

int main(int argc, char** argv) { return parley::cli::run(argc, argv); }
