#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "async/scope.h"
#include "cli/address.h"
#include "cli/commands.h"
#include "cli/echo.h"
#include "cli/hub_settings.h"
#include "cli/terminal.h"
#include "cli/token.h"
#include "codec/json_object.h"
#include "core/directory/name.h"
#include "face/descriptor.h"
#include "face/loop.h"
#include "face/trace_file.h"
#include "hub/hub.h"
#include "os/environment.h"
#include "os/kernel.h"
#include "os/termination.h"
#include "os/user.h"

namespace parley::cli {

namespace {

std::string_view hint_for(const Error& error) {
  switch (error.code) {
    case Code::in_use: return "if another hub runs there, use it or end it; else choose another address with --listen";
    case Code::uri: return addresses_look_like;
    case Code::permission: return "choose a place of your own with --listen unix:PATH";
    case Code::refused:
      return "give the hub a token: --token-file NAME=PATH; or rules for certificates: --allow 'certificate:NAME "
             "see,call "
             "**'; or listen at --listen unix:PATH";
    case Code::unsupported: return "say tls.certificate and tls.key in the hub's configuration";
    case Code::not_found:
    case Code::invalid: return "mend the [tls] of the hub's configuration";
    case Code::address: return "the directory must exist: make it, or choose another place with --listen unix:PATH";
    default: return {};
  }
}

int cannot_listen(const std::string& address, const Error& error) {
  complain(fmt::format("cannot listen at {}: {}", address, to_string(error)), hint_for(error), &error);
  return error.code == Code::uri || error.code == Code::refused ? code(Exit::usage) : exit_of(error);
}

// The owner may everything; others may what they are allowed.
Result<void> add_policy(HubOptions& options, const HubCommand& command, const io::TlsOptions& tls) {
  options.policy = core::Policy::of_owner(core::Principal::of_user(os::user_id()));
  for (const std::string& text : command.allow) {
    PARLEY_TRY(core::Rule rule, core::Rule::parse(text));
    PARLEY_TRY(options.policy.add(std::move(rule)));
  }
  if (options.policy.names_any(core::Principal::Kind::certificate) &&
      (tls.certificate.empty() || tls.clients == io::TlsOptions::Clients::not_asked)) {
    return fail(Code::invalid,
                "a rule names a certificate, and nobody is asked for one: say tls.certificate, and tls.clients = "
                "\"optional\" or \"required\" in the hub's configuration");
  }
  for (const std::string& named_file : command.token_files) PARLEY_TRY(add_token(options.tokens, named_file));
  const std::vector<std::string> names = options.tokens.names();
  for (const core::Rule& rule : options.policy.rules()) {
    if (!rule.principal || rule.principal->kind != core::Principal::Kind::token) continue;
    if (std::ranges::find(names, rule.principal->name) != names.end()) continue;
    return fail(Code::invalid, fmt::format("a rule names the token \"{0}\", and there is none: --token-file {0}=PATH",
                                           rule.principal->name));
  }
  for (const std::string& name : names) {
    if (options.policy.concerns(core::Principal::of_token(name))) continue;
    return fail(Code::invalid, fmt::format("the token \"{0}\" may nothing: say what, such as --allow 'token:{0} "
                                           "see,call **'",
                                           name));
  }
  return {};
}

// A schema is its file as it stands, on which its id depends.
Result<std::optional<wire::bus::SchemaId>> schema_in(const std::string& path) {
  if (path.empty()) return std::nullopt;
  std::ifstream in(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (!in.is_open() || in.bad()) return fail(Code::not_found, fmt::format("the schema {} cannot be read", path));
  PARLEY_TRY(codec::check_json(text));
  return wire::bus::schema_id_of(text);
}

// What is told once on the command line or in the file, and what is there from the beginning.
Result<void> furnish(Hub& hub, Echo& echo, const HubCommand& command, const HubSettings& settings) {
  std::map<std::string, std::string> topics = settings.topics;
  for (const std::string& said : command.topics) {
    const std::size_t equals = said.find('=');
    topics[said.substr(0, equals)] = equals == std::string::npos ? std::string() : said.substr(equals + 1);
  }
  for (const auto& [name, path] : topics) {
    PARLEY_TRY(const auto schema, schema_in(path));
    PARLEY_TRY(hub.topics().declare(name, schema));
  }
  for (const std::vector<std::string>* const kept : {&settings.keep, &command.keep}) {
    for (const std::string& topic : *kept) PARLEY_TRY(hub.topics().keep(topic));
  }
  for (const std::vector<std::string>* const subjects : {&settings.echo, &command.echo}) {
    for (const std::string& subject : *subjects) {
      PARLEY_TRY(core::check_name(subject));
      if (auto provided = echo.provide(subject); !provided && provided.error().code != Code::in_use) return provided;
    }
  }
  return {};
}

HubOptions options_of(const HubSettings& settings, const HubCommand& command) {
  HubOptions options{.limits = settings.limits, .directory = settings.directory};
  options.commands = registry_options(settings);
  options.http = settings.http;
  options.bus = settings.bus;
  options.kept = settings.kept;
  if (command.is_bus_open) options.bus.require_connect = false;
  options.hostpipe = settings.hostpipe;
  const auto add = [](std::vector<std::string>& to, const std::vector<std::string>& said) {
    for (const std::string& each : said) {
      if (std::ranges::find(to, each) == to.end()) to.push_back(each);
    }
  };
  add(options.hostpipe.commands, command.hostpipe_commands);
  add(options.hostpipe.probes, command.hostpipe_probes);
  add(options.hostpipe.events, command.hostpipe_events);
  if (settings.introduce || command.introduces) options.socket_pair = &parley::socket_pair;
  return options;
}

int misconfigured(const Mistakes& mistakes) {
  for (const std::string& mistake : mistakes) complain(mistake);
  return code(Exit::usage);
}

// The configuration's own have been found before: these are said on the command line.
Mistakes mistakes_of(const HostpipeOptions& hostpipe) {
  Mistakes mistakes;
  for (const auto& [option, why] : mistakes_in(hostpipe)) {
    mistakes.push_back(fmt::format("--hostpipe-{}: {}", option.substr(0, option.size() - 1), why));
  }
  return mistakes;
}

// What is wrong with them costs nothing but the news.
void reload(Loop& loop, bool is_quiet) {
  if (const auto read = loop.reload_tls(); !read) {
    complain(fmt::format("the certificates could not be read again, and those from before stay: {}",
                         to_string(read.error())),
             "mend the [tls] of the hub's configuration, and say SIGHUP again", &read.error());
  } else if (!is_quiet) {
    say("hub: has read its certificates again; who comes from now on gets them");
  }
}

// Why the hub ends by itself, if it does.
Task<void> end_with(Hub& hub, io::Loop& loop, std::optional<Error>& failure) {
  const auto stopped = co_await hub.stopped();
  if (stopped) co_return;
  failure = stopped.error();
  loop.stop();
}

}  // namespace

int run_hub(const Common& common, const HubCommand& command) {
  os::ignore_broken_pipes();  // whoever read where it listens may have gone
  const auto loaded = load_hub_settings(command.config, os::environment());
  if (const auto* const mistakes = std::get_if<Mistakes>(&loaded)) return misconfigured(*mistakes);
  const auto& written = std::get<WrittenSettings>(loaded);
  const HubSettings& settings = written.settings;
  HubCommand told = command;
  told.allow.insert(told.allow.begin(), settings.allow.begin(), settings.allow.end());
  for (const auto& [name, file] : settings.tokens) told.token_files.push_back(name + "=" + file);
  const LoopOptions options_of_loop = loop_options(settings);
  Loop loop(options_of_loop);
  // A hub without certificates has nothing to read again, and ends with its terminal.
  std::move_only_function<void()> on_hangup;
  if (!options_of_loop.tls.certificate.empty()) {
    on_hangup = [&loop, is_quiet = command.quiet] { loop.post([&loop, is_quiet] { reload(loop, is_quiet); }); };
  }
  const os::Termination termination([&loop] { loop.stop(); }, std::move(on_hangup));
  // Whoever comes with TLS is told nothing of what is wrong here.
  if (const auto read = loop.reload_tls(); !read) {
    complain(to_string(read.error()), "mend the [tls] of the hub's configuration", &read.error());
    return code(Exit::usage);
  }
  HubOptions options = options_of(settings, command);
  if (auto added = add_policy(options, told, options_of_loop.tls); !added) {
    complain(added.error().note, {}, &added.error());
    return code(Exit::usage);
  }
  if (const Mistakes mistakes = mistakes_of(options.hostpipe); !mistakes.empty()) return misconfigured(mistakes);
  if (command.prints_config) {
    say(to_toml(written));
    return code(Exit::ok);
  }
  if (const std::string trace = command.trace.value_or(settings.trace); !trace.empty()) {
    auto file = TraceFile::open(trace);
    if (!file) {
      complain(fmt::format("cannot write spans to {}", file.error().note), {}, &file.error());
      return code(Exit::usage);
    }
    options.tracing = std::make_shared<Tracing>(std::move(*file));
  }
  os::raise_open_files_limit();
  Hub hub(loop, std::move(options));
  Echo echo(hub.conversations());
  if (auto furnished = furnish(hub, echo, command, settings); !furnished) {
    complain(furnished.error().note, {}, &furnished.error());
    return code(Exit::usage);
  }
  std::vector<std::string> addresses = command.listen;
  if (addresses.empty()) addresses = settings.listen;
  if (addresses.empty()) addresses.push_back(hub_address(common.hub));
  for (const std::string& address : addresses) {
    if (auto prepared = prepare_place_of(address); !prepared) return cannot_listen(address, prepared.error());
    const auto listening = hub.listen(address);
    if (!listening) return cannot_listen(address, listening.error());
    if (!command.quiet) say(fmt::format("hub: listens at {} (process {})", *listening, os::process_id()));
  }
  std::optional<Error> failure;
  Scope scope(loop.executor());
  scope.spawn(end_with(hub, loop, failure));
  loop.run();
  hub.close();
  loop.run_until(hub.closed());
  loop.poll_once();  // what was said last leaves
  if (failure) {
    complain(fmt::format("the hub cannot listen any more: {}", to_string(*failure)), {}, &*failure);
    return exit_of(*failure);
  }
  if (!command.quiet) say("hub: ended");
  return code(Exit::ok);
}

}  // namespace parley::cli
