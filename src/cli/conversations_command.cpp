#include "cli/conversations_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "cli/hub_session.h"
#include "cli/payload.h"
#include "cli/terminal.h"
#include "codec/json.h"
#include "codec/utf8.h"
#include "runtime/conversations/conversations_service.h"

namespace parley::cli {

namespace {

// How much of a message a line of the table has.
constexpr std::size_t shown_bytes_max = 60;

Client<builtin::Conversations> service_of(Session& session) {
  return session.client<builtin::Conversations>(builtin::conversations_name).with({.deadline = patience});
}

Task<Result<std::vector<builtin::ConversationEntry>>> ask_list(Session& session) {
  auto service = service_of(session);
  std::vector<builtin::ConversationEntry> all;
  for (ConversationId from = 1;;) {
    auto page = co_await co_await service.call<&builtin::Conversations::list>(from);
    if (page.empty()) co_return all;
    from = page.back().id + 1;
    std::ranges::move(page, std::back_inserter(all));
  }
}

std::string in_seconds(Duration time) { return fmt::format("{:.1f} s", std::chrono::duration<double>(time).count()); }

std::string name_of(const builtin::ConversationPart& part) {
  std::string name = part.name.empty() ? fmt::format("participant {}", part.who) : part.name;
  if (part.end) name += fmt::format(" (ended: {})", to_string(part.end->kind));
  return name;
}

int show_list(const Common& common, const std::vector<builtin::ConversationEntry>& all) {
  if (common.json) {
    say(codec::to_json(all));
    return code(Exit::ok);
  }
  if (all.empty()) {
    say("no conversation is open");
    return code(Exit::ok);
  }
  std::vector<std::vector<std::string>> rows = {
      {"ID", "SUBJECT", "PHASE", "SINCE", "UNANSWERED", "UNREAD", "DEADLINE", "WITH"}};
  for (const builtin::ConversationEntry& each : all) {
    std::vector<std::string> names;
    for (const builtin::ConversationPart& part : each.participants) names.push_back(name_of(part));
    rows.push_back({fmt::format("{}", each.id), each.subject.empty() ? "-" : each.subject,
                    std::string(to_string(each.phase)), in_seconds(each.age), fmt::format("{}", each.unanswered),
                    fmt::format("{}", each.unread), each.remaining ? "in " + in_seconds(*each.remaining) : "-",
                    names.empty() ? "nobody" : fmt::format("{}", fmt::join(names, ", "))});
  }
  say(table(rows));
  return code(Exit::ok);
}

// One conversation, and all that is kept of what was said in it.
struct Told {
  builtin::ConversationEntry conversation;
  std::vector<builtin::ContextEntry> entries;
};
Task<Result<Told>> ask_context(Session& session, ConversationId conversation) {
  auto service = service_of(session);
  Told told;
  for (std::uint64_t from = 1;;) {
    auto page = co_await co_await service.call<&builtin::Conversations::context>(conversation, from);
    if (page.empty()) break;
    from = page.back().number + 1;
    std::ranges::move(page, std::back_inserter(told.entries));
  }
  auto open = co_await co_await service.call<&builtin::Conversations::list>(conversation);
  if (open.empty() || open.front().id != conversation) {
    co_return fail(Code::not_found, fmt::format("no conversation {} is open", conversation));
  }
  told.conversation = std::move(open.front());
  co_return told;
}

std::string who_of(const Told& told, Participant who) {
  for (const builtin::ConversationPart& each : told.conversation.participants) {
    if (each.who == who) return each.name.empty() ? fmt::format("participant {}", who) : each.name;
  }
  return who == 0 ? "several" : fmt::format("participant {}", who);
}

std::string outcome_of(const builtin::ContextEntry& entry) {
  switch (entry.outcome) {
    case core::Context::Outcome::none: return {};
    case core::Context::Outcome::delivered: return ", not answered yet";
    case core::Context::Outcome::undelivered: return ", which had ended";
    case core::Context::Outcome::answered: return {};
    case core::Context::Outcome::lost: return ", lost";
  }
  return {};
}

std::string line_of(const Told& told, const builtin::ContextEntry& entry) {
  const std::string who = who_of(told, entry.participant);
  std::string line = fmt::format("{:>5} {:>10} ago  ", entry.number, in_seconds(entry.ago));
  switch (entry.what) {
    case core::Context::What::sent: line += fmt::format("to {}{}", who, outcome_of(entry)); break;
    case core::Context::What::received: line += fmt::format("from {}", who); break;
    case core::Context::What::ended:
      return line + fmt::format("{} has ended ({})", who, entry.reason.value_or("for no reason that is known"));
  }
  const ByteView payload = entry.message ? ByteView(entry.message->payload) : ByteView();
  return line + ": " + codec::to_line(as_text(payload), shown_bytes_max);
}

std::string json_of(const builtin::ContextEntry& entry) {
  std::string line = fmt::format(R"({{"number":{},"what":{},"outcome":{},"ago":{},"participant":{},"request":{})",
                                 entry.number, codec::to_json(entry.what), codec::to_json(entry.outcome),
                                 codec::to_json(entry.ago), entry.participant, entry.request);
  if (entry.reason) line += ",\"reason\":" + codec::to_json(*entry.reason);
  if (entry.message) {
    line += fmt::format(",\"publisher\":{},{}", codec::to_json(entry.message->publisher),
                        payload_member(entry.message->payload, false));
  }
  return line + "}";
}

int show_context(const Common& common, const Told& told) {
  if (common.json) {
    std::vector<std::string> entries;
    for (const builtin::ContextEntry& each : told.entries) entries.push_back(json_of(each));
    say(fmt::format("{{\"conversation\":{},\"entries\":[{}]}}", codec::to_json(told.conversation),
                    fmt::join(entries, ",")));
    return code(Exit::ok);
  }
  show_list(common, {told.conversation});
  const std::uint64_t kept = told.entries.size();
  if (kept < told.conversation.entries) {
    say(fmt::format("{} older entries are kept no more", told.conversation.entries - kept));
  }
  for (const builtin::ContextEntry& each : told.entries) say(line_of(told, each));
  return code(Exit::ok);
}

// What a hub without conversations answers.
int give_up_on_hub(const Error& error) {
  if (error.code == Code::method) return give_up({Code::unsupported, "this hub has no conversations"});
  complain(error, error.code == Code::not_found ? "`parley conversations` shows what is open" : "");
  return exit_of(error);
}

}  // namespace

int run_conversations(const Common& common, const ConversationsCommand& command) {
  return with_hub(common, [&](io::Loop& loop, Session& session) {
    if (command.conversation) {
      const auto told = loop.run_until(ask_context(session, *command.conversation));
      return told ? show_context(common, *told) : give_up_on_hub(told.error());
    }
    const auto all = loop.run_until(ask_list(session));
    return all ? show_list(common, *all) : give_up_on_hub(all.error());
  });
}

}  // namespace parley::cli
