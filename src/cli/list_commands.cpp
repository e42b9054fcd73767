#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>

#include "cli/command_help.h"
#include "cli/commands.h"
#include "cli/described.h"
#include "cli/hub_session.h"
#include "cli/terminal.h"
#include "codec/json.h"
#include "runtime/builtin.h"
#include "runtime/commands/session_carrier.h"
#include "runtime/conversations/conversations_service.h"

namespace parley::cli {

namespace {

constexpr std::string_view nobody = "nobody provides anything yet";

// One name of one provider: of a session, or of a worker of the bus, which has an address instead.
struct Listed {
  std::string name;
  std::string service;
  bool exclusive = false;
  std::optional<std::uint64_t> session = {};
  std::optional<std::int64_t> pid = {};
  std::uint64_t calls_in_flight = 0;
  std::vector<std::uint64_t> method_ids = {};
  std::optional<std::string> address = {};
  std::optional<std::string> identity = {};
  std::optional<std::uint64_t> waiting = {};
};

std::string process_of(const std::optional<std::int64_t>& pid) { return pid ? fmt::format("{}", *pid) : "-"; }

Task<Result<std::vector<builtin::DirectoryEntry>>> ask_directory(Session& session) {
  auto directory = session.client<builtin::Directory>(builtin::directory_name).with({.deadline = patience});
  co_return co_await directory.call<&builtin::Directory::list>();
}
// A hub of an older version has none.
Task<Result<std::vector<builtin::WorkerEntry>>> ask_workers(Session& session) {
  auto directory = session.client<builtin::Directory>(builtin::directory_name).with({.deadline = patience});
  std::vector<builtin::WorkerEntry> all;
  for (std::uint64_t from = 0;;) {
    auto page = co_await directory.call<&builtin::Directory::workers>(from);
    if (!page && page.error().code == Code::method) co_return all;
    if (!page) co_return fail(page.error());
    if (page->empty()) co_return all;
    from = page->back().connection + 1;
    std::ranges::move(*page, std::back_inserter(all));
  }
}
Task<Result<std::vector<builtin::SessionEntry>>> ask_who(Session& session) {
  auto hub = session.client<builtin::Hub>(builtin::hub_name).with({.deadline = patience});
  co_return co_await hub.call<&builtin::Hub::who>();
}

std::vector<Listed> listed(const std::vector<builtin::DirectoryEntry>& entries,
                           const std::vector<builtin::WorkerEntry>& workers) {
  std::vector<Listed> all;
  for (const builtin::DirectoryEntry& each : entries) {
    all.push_back({.name = each.name,
                   .service = each.service,
                   .exclusive = each.exclusive,
                   .session = each.session,
                   .pid = each.pid,
                   .calls_in_flight = each.calls_in_flight,
                   .method_ids = each.method_ids});
  }
  for (const builtin::WorkerEntry& each : workers) {
    for (const std::string& subject : each.subjects) {
      const auto behind = std::ranges::upper_bound(all, subject, {}, &Listed::name);
      all.insert(behind, {.name = subject,
                          .service = std::string(builtin::participant_class),
                          .pid = each.pid,
                          .calls_in_flight = each.in_flight,
                          .address = each.address,
                          .identity = each.identity,
                          .waiting = each.waiting});
    }
  }
  return all;
}

// What a worker says of itself stays in its place of the table.
std::string in_one_line(std::string text) {
  std::ranges::replace_if(text, [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
  return text;
}

std::string note_of(const Listed& each) {
  if (!each.address) return each.exclusive ? "exclusive" : "";
  std::string note = fmt::format("bus, {} at {}", in_one_line(each.identity.value_or("")), *each.address);
  if (each.waiting.value_or(0) != 0) note += fmt::format(", {} wait for it", *each.waiting);
  return note;
}

// Whoever provides the name, too, and does not know all methods of the provider that described itself.
void tell_of_others(const codec::ServiceDescription& described, const std::vector<builtin::DirectoryEntry>& entries,
                    const std::string& name) {
  for (const builtin::DirectoryEntry& entry : entries) {
    if (entry.name != name) continue;
    for (const codec::MethodDescription& method : described.methods) {
      if (std::ranges::find(entry.method_ids, method.id) != entry.method_ids.end()) continue;
      warn(fmt::format("session {} (process {}) provides {} too, but no {} with this signature", entry.session,
                       process_of(entry.pid), name, method.name),
           "calls go to either: end the worker that is too old");
      break;
    }
  }
}

// The same name is listed once, whoever provides it.
int list_methods(const Common& common, io::Loop& loop, Session& session,
                 const std::vector<builtin::DirectoryEntry>& entries) {
  int exit = code(Exit::ok);
  std::string last;
  std::map<std::string, codec::ServiceDescription> all;
  for (const builtin::DirectoryEntry& entry : entries) {
    if (entry.service == builtin::participant_class) continue;  // it is talked with, and has no methods
    if (entry.name == std::exchange(last, entry.name)) continue;
    const auto service = loop.run_until(described(session, entry.name, patience));
    if (!service) {
      warn(fmt::format("{}: {}", entry.name, to_string(service.error())));
      exit = exit_of(service.error());
      continue;
    }
    tell_of_others(service->description(), entries, entry.name);
    all.emplace(entry.name, service->description());
    if (common.json) continue;
    for (const codec::MethodDescription& method : service->description().methods) {
      const std::string text = fmt::format("{}.{}", entry.name, signature(service->description(), method));
      say(method.description.empty() ? text : fmt::format("{:<60} {}", text, method.description));
    }
  }
  if (common.json) {
    say(codec::to_json(all));
  } else if (entries.empty()) {
    say(nobody);
  }
  return exit;
}

int show_commands(const Common& common, const std::vector<CommandDefinition>& commands) {
  if (common.json) {
    say(in_json(commands));
    return code(Exit::ok);
  }
  if (commands.empty()) {
    say("there are no commands yet");
    return code(Exit::ok);
  }
  std::vector<std::vector<std::string>> rows = {{"COMMAND", "", "DOES", "PROVIDER"}};
  for (const CommandDefinition& each : commands) {
    std::string does = each.description.value_or("");
    std::ranges::replace(does, '\n', ' ');
    rows.push_back({each.id, fmt::format("{}", fmt::join(marks_of(each), ", ")), std::move(does),
                    each.provider.empty() ? "the hub" : each.provider});
  }
  say(table(rows));
  return code(Exit::ok);
}

void mention_commands(std::size_t count) {
  if (count == 1) say("and 1 command: parley list --commands");
  if (count > 1) say(fmt::format("and {} commands: parley list --commands", count));
}

}  // namespace

int run_list(const Common& common, const ListCommand& listing) {
  return with_hub(common, [&](io::Loop& loop, Session& session) {
    std::vector<CommandDefinition> commands;
    if (listing.commands || (!common.json && !listing.methods)) {
      auto all = loop.run_until(list_commands(session.runtime(), {.deadline = patience}));
      if (!all && (listing.commands || all.error().code != Code::unsupported)) return give_up(all.error());
      if (all) commands = *std::move(all);
    }
    if (listing.commands) return show_commands(common, commands);
    const auto entries = loop.run_until(ask_directory(session));
    if (!entries) return give_up(entries.error());
    if (listing.methods) return list_methods(common, loop, session, *entries);
    const auto workers = loop.run_until(ask_workers(session));
    if (!workers) return give_up(workers.error());
    const std::vector<Listed> all = listed(*entries, *workers);
    if (common.json) {
      say(codec::to_json(all));
      return code(Exit::ok);
    }
    if (all.empty()) {
      if (commands.empty()) say(nobody);
      mention_commands(commands.size());
      return code(Exit::ok);
    }
    std::vector<std::vector<std::string>> rows = {{"NAME", "SERVICE", "PROCESS", "IN FLIGHT", ""}};
    for (const Listed& each : all) {
      rows.push_back(
          {each.name, each.service, process_of(each.pid), fmt::format("{}", each.calls_in_flight), note_of(each)});
    }
    say(table(rows));
    mention_commands(commands.size());
    return code(Exit::ok);
  });
}

int run_who(const Common& common) {
  return with_hub(common, [&](io::Loop& loop, Session& session) {
    const auto sessions = loop.run_until(ask_who(session));
    if (!sessions) return give_up(sessions.error());
    if (common.json) {
      say(codec::to_json(*sessions));
      return code(Exit::ok);
    }
    std::vector<std::vector<std::string>> rows = {
        {"SESSION", "PROCESS", "WHO", "CONNECTIONS", "IN FLIGHT", "QUEUED", "OFFERS"}};
    for (const builtin::SessionEntry& entry : *sessions) {
      rows.push_back({fmt::format("{}{}", entry.id, entry.is_foreign ? " (foreign)" : ""), process_of(entry.pid),
                      entry.principal, fmt::format("{}", entry.connections), fmt::format("{}", entry.calls_in_flight),
                      fmt::format("{}", entry.bytes_queued), fmt::format("{}", fmt::join(entry.offers, ", "))});
    }
    say(table(rows));
    return code(Exit::ok);
  });
}

}  // namespace parley::cli
