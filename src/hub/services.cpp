#include "hub/services.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "hub/metrics.h"
#include "runtime/hold.h"

namespace parley::hub {

namespace {

constexpr std::size_t workers_per_page = 64;
constexpr std::size_t topics_per_page = 1024;

std::optional<std::int64_t> pid_of(const Visitor& visitor) {
  const auto& credentials = visitor.session().peer().credentials;
  return credentials ? std::optional(credentials->pid) : std::nullopt;
}

using NamesOf = std::map<std::uint64_t, std::vector<std::string>>;  // by provider

NamesOf names_by_provider(HubState& hub) {
  NamesOf names;
  for (const core::Directory::Entry& each : hub.names().entries()) names[each.provider].push_back(each.offer->name);
  return names;
}

builtin::SessionEntry entry_of(const Visitor& visitor, const NamesOf& names) {
  runtime::Session& session = visitor.session();
  builtin::SessionEntry entry{.id = visitor.id(), .address = session.peer().address, .pid = pid_of(visitor)};
  if (session.peer().credentials) entry.uid = session.peer().credentials->uid;
  entry.principal = to_string(visitor.rights().principal());
  entry.is_foreign = session.machine().is_peer_foreign();
  if (const auto found = names.find(visitor.id()); found != names.end()) entry.offers = found->second;
  entry.connections = visitor.relays;
  entry.calls_in_flight = visitor.calls_in_flight;
  entry.bytes_queued = session.link().out().size() + session.link().bytes_kept();
  entry.links_resumed = session.counters().links_resumed;
  return entry;
}

builtin::OfferStats stats_of(const std::string& name, const Histogram& latency) {
  builtin::OfferStats stats{.name = name, .calls_answered = latency.count()};
  stats.latency_p50_us = latency.quantile(500);
  stats.latency_p99_us = latency.quantile(990);
  latency.for_each(
      [&](std::uint64_t up_to, std::uint64_t calls) { stats.latency.push_back({.up_to_us = up_to, .calls = calls}); });
  return stats;
}

// What waits for one session, in all its relays.
struct Waiting {
  Instant oldest_call = Instant::never();
  std::uint64_t credit_withheld = 0;
};

std::map<const Visitor*, Waiting> waiting_by_visitor(HubState& hub) {
  std::map<const Visitor*, Waiting> all;
  for (const RelayState& each : hub.relays()) {
    const Relay::Waiting waiting = each.relay->waiting();
    Waiting& at_provider = all[each.provider];
    at_provider.oldest_call = std::min(at_provider.oldest_call, waiting.oldest_call);
    at_provider.credit_withheld += waiting.provider_credit;
    all[each.client].credit_withheld += waiting.client_credit;
  }
  return all;
}

builtin::Introduction introduction_of(const Visitor& other, std::string name) {
  const io::Peer& peer = other.session().peer();
  builtin::Introduction introduction{.name = std::move(name), .session = other.id(), .address = peer.address};
  if (const auto& credentials = peer.credentials) {
    introduction.pid = credentials->pid;
    introduction.uid = credentials->uid;
    introduction.gid = credentials->gid;
  }
  return introduction;
}

Result<std::uint64_t> pass(runtime::Session& session, io::Descriptor descriptor) {
  std::vector<io::Descriptor> one;
  one.push_back(std::move(descriptor));
  return session.pass(std::move(one));
}

}  // namespace

Task<std::vector<builtin::DirectoryEntry>> DirectoryService::list(Context& context) {
  std::vector<builtin::DirectoryEntry> all;
  const Visitor* const visitor = hub_.visitor_of(context.session());
  if (!visitor) co_return all;
  for (const core::Directory::Entry& entry : hub_.names().entries(visitor->rights())) {
    const Visitor& provider = *hub_.visitor(entry.provider);
    all.push_back({.name = entry.offer->name,
                   .service = entry.offer->service,
                   .exclusive = entry.offer->exclusive,
                   .session = entry.provider,
                   .pid = pid_of(provider),
                   .calls_in_flight = provider.calls_in_flight,
                   .method_ids = entry.offer->method_ids});
  }
  co_return all;
}

Task<Result<void>> DirectoryService::offer(Context& context, core::Offer offer) {
  Visitor* const visitor = hub_.visitor_of(context.session());
  if (!visitor) co_return fail(Code::closed, "the session");
  co_return hub_.offer(*visitor, std::move(offer));
}

Task<bool> DirectoryService::withdraw(Context& context, std::string name) {
  Visitor* const visitor = hub_.visitor_of(context.session());
  co_return visitor&& hub_.names().withdraw(visitor->id(), name);
}

Task<Result<void>> DirectoryService::may(Context& context, std::string verb, std::string pattern) {
  const Visitor* const visitor = hub_.visitor_of(context.session());
  if (!visitor) co_return fail(Code::closed, "the session");
  const auto asked = core::parse_verb(verb);
  if (!asked) co_return fail(asked.error());
  const auto names = core::Pattern::parse(pattern);
  if (!names) co_return fail(names.error());
  co_return visitor->rights().check_any(*asked, *names);
}

Task<std::vector<builtin::WorkerEntry>> DirectoryService::workers(Context& context, std::uint64_t from) {
  std::vector<builtin::WorkerEntry> page;
  const Visitor* const visitor = hub_.visitor_of(context.session());
  if (!visitor) co_return page;
  const core::Rights& rights = visitor->rights();
  hub_.bus().each_worker_from(from, [&](builtin::WorkerEntry worker) {
    std::erase_if(worker.subjects, [&](const std::string& name) {
      return !rights.sees(name) && !rights.may(core::Verb::converse, name);
    });
    if (!worker.subjects.empty()) page.push_back(std::move(worker));
    return page.size() < workers_per_page;
  });
  co_return page;
}

Task<std::vector<builtin::TopicEntry>> DirectoryService::topics(Context& context, std::string after) {
  std::vector<builtin::TopicEntry> page;
  const Visitor* const visitor = hub_.visitor_of(context.session());
  if (!visitor) co_return page;
  const core::Rights& rights = visitor->rights();
  for (const core::Topics::Seen& each : hub_.topics().machine().list(after)) {
    if (!rights.may(core::Verb::subscribe, each.name) && !rights.may(core::Verb::publish, each.name)) continue;
    page.push_back({.name = std::string(each.name), .subscriptions = each.subscriptions});
    if (page.size() == topics_per_page) break;
  }
  co_return page;
}

Task<Result<builtin::Introduction>> DirectoryService::introduce(Context& context, std::string name) {
  const Visitor* const client = hub_.visitor_of(context.session());
  if (!client) co_return fail(Code::closed, "the session");
  const core::Directory::Choice chosen = co_await hub_.choose(*client, name);
  const Error takes_none{Code::unsupported, fmt::format("the provider of \"{}\" takes no introductions", name)};
  // Descriptors that nobody claims end a session.
  if (!hub_.visitor(chosen.provider)->takes_introductions) co_return fail(takes_none);
  co_await context.session().pass({});  // whether it can be done
  runtime::Session& provider = hub_.visitor(chosen.provider)->session();
  const Hold hold(provider);
  auto [theirs, ours] = co_await hub_.socket_pair();
  builtin::Introduction to_provider = introduction_of(*client, name);
  to_provider.descriptor = co_await pass(provider, std::move(theirs));
  // The root of a provider takes this from its hub alone.
  const auto met = co_await Client<builtin::Introductions>(provider)
                       .with({.deadline = provider.options().limits.handshake_max})
                       .call<&builtin::Introductions::meet>(std::move(to_provider));
  Visitor* const still_there = hub_.visitor(chosen.provider);
  if (!met && met.error().code == Code::method) {
    if (still_there) still_there->takes_introductions = false;
    co_return fail(takes_none);
  }
  if (!met) co_return fail(met.error());
  if (!still_there) co_return fail(Code::lost, "the provider");
  builtin::Introduction to_client = introduction_of(*still_there, std::move(name));
  to_client.descriptor = co_await pass(context.session(), std::move(ours));
  ++introductions_;
  co_return to_client;
}

Result<void> HubService::check(Context& context) {
  const Visitor* const visitor = hub_.visitor_of(context.session());
  if (!visitor) return fail(Code::closed, "the session");
  return hub_.check(*visitor, core::Verb::operate, builtin::hub_name);
}

Task<std::vector<builtin::SessionEntry>> HubService::who(Context& context) {
  std::vector<builtin::SessionEntry> all;
  const Visitor* const caller = hub_.visitor_of(context.session());
  const NamesOf names = names_by_provider(hub_);
  if (!caller) co_return all;
  const bool sees_all = caller->rights().may(core::Verb::operate, builtin::hub_name);
  for (const Visitor* const visitor : hub_.visitors()) {
    if (!visitor->has_entered() || (visitor != caller && !sees_all)) continue;
    all.push_back(entry_of(*visitor, names));
  }
  co_return all;
}

Task<Result<std::vector<builtin::Count>>> HubService::counters(Context& context) {
  co_await check(context);
  std::vector<builtin::Count> all;
  for (const Metric& each : metrics_of(hub_)) {
    const std::string& label = each.label.second;
    all.push_back({label.empty() ? each.name : each.name + "_" + label, each.value});
  }
  co_return all;
}

Task<Result<builtin::HubStats>> HubService::stats(Context& context) {
  co_await check(context);
  const Instant now = hub_.now();
  builtin::HubStats stats{.version = PARLEY_VERSION, .at_us = microseconds(now - Instant())};
  stats.sessions_max = hub_.sessions_max();
  const NamesOf names = names_by_provider(hub_);
  const auto waiting = waiting_by_visitor(hub_);
  for (const Visitor* const visitor : hub_.visitors()) {
    if (!visitor->has_entered()) continue;
    builtin::SessionStats& session = stats.sessions.emplace_back();
    session.session = entry_of(*visitor, names);
    for (const auto& [name, latency] : visitor->answered) session.answered.push_back(stats_of(name, latency));
    session.calls_asked = visitor->calls_asked;
    session.calls_waiting = visitor->calls_waiting;
    session.bytes_sent = visitor->session().link().out().sent();
    const auto found = waiting.find(visitor);
    if (found == waiting.end()) continue;
    if (!found->second.oldest_call.is_never()) session.oldest_call_us = microseconds(now - found->second.oldest_call);
    session.credit_withheld_items = found->second.credit_withheld;
  }
  stats.outboxes = hub_.outboxes().entries();
  co_return stats;
}

Task<Result<builtin::Refusals>> HubService::refusals(Context& context) {
  co_await check(context);
  co_return hub_.refused().all();
}

}  // namespace parley::hub
