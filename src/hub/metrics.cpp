#include "hub/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <iterator>
#include <map>
#include <string_view>
#include <utility>

#include "base/histogram.h"
#include "codec/enums.h"
#include "runtime/outbox/results.h"

namespace parley::hub {

namespace {

class Collected {
 public:
  void count(std::string name, std::uint64_t value) { all_.push_back({std::move(name), value}); }
  void gauge(std::string name, std::uint64_t value) { all_.push_back({std::move(name), value, true}); }
  void counts(const std::string& name, const std::string& label,
              const std::map<std::string, std::uint64_t, std::less<>>& by) {
    for (const auto& [each, value] : by) all_.push_back({name, value, false, {label, each}});
  }
  std::vector<Metric> take() { return std::move(all_); }

 private:
  std::vector<Metric> all_;
};

void add_door(Collected& all, const HubState& hub) {
  const DoorCounters& door = hub.door();
  all.count("door_streams", door.streams);
  all.count("door_accepted", door.accepted);
  all.count("door_silent", door.silent);
  all.count("door_too_many", door.too_many);
  all.count("door_pushed_out", door.pushed_out);
  all.count("door_strangers", door.strangers);
  all.count("door_tokens_missing", door.tokens_missing);
  all.count("door_tokens_wrong", door.tokens_wrong);
  all.count("introductions", hub.introductions());
  all.gauge("sessions", hub.session_count());
  all.gauge("sessions_leaving", hub.leaving_count());
  all.count("sessions_cut_off", hub.cut_off());
}

void add_web(Collected& all, const HubState& hub) {
  const WebCounters& web = hub.web();
  all.count("web_requests", web.requests);
  all.count("web_refused", web.refused);
  all.count("web_not_found", web.not_found);
  all.count("web_probes", web.probes);
  const CommandGateCounters& gate = hub.command_gate();
  all.count("commands_attached", gate.attached);
  all.count("commands_refused", gate.refused);
  all.count("commands_too_many", gate.too_many);
  all.count("commands_pushed_out", gate.pushed_out);
  all.count("commands_messages_malformed", gate.messages_malformed);
  all.count("commands_lines_too_long", gate.lines_too_long);
  const McpPagesCounters& mcp = hub.mcp_pages();
  all.count("mcp_opened", mcp.opened);
  all.count("mcp_ended", mcp.ended);
  all.count("mcp_expired", mcp.expired);
  all.count("mcp_pushed_out", mcp.pushed_out);
  all.count("mcp_refused", mcp.refused);
  all.count("mcp_unknown", mcp.unknown);
}

void add_bus(Collected& all, const HubState& hub) {
  const BusGate& gate = hub.bus();
  const BusCounters& bus = gate.counters();
  all.gauge("bus_connections", gate.connection_count());
  all.gauge("bus_newcomers", gate.newcomer_count());
  all.gauge("bus_leaving", gate.leaving_count());
  all.gauge("bus_workers", gate.worker_count());
  all.count("bus_streams", bus.streams);
  all.count("bus_entered", bus.entered);
  all.count("bus_refused", bus.refused);
  all.count("bus_versions_refused", bus.versions_refused);
  all.count("bus_too_many", bus.too_many);
  all.count("bus_pushed_out", bus.pushed_out);
  all.count("bus_late", bus.late);
  all.count("bus_before_connect", bus.before_connect);
  all.count("bus_disconnected", bus.disconnected);
  all.count("bus_answers_unread", bus.answers_unread);
  all.count("bus_silent", bus.silent);
  all.count("bus_cut_off", bus.cut_off);
  all.count("bus_ignored", bus.ignored);
  all.count("bus_forbidden", bus.forbidden);
  all.count("bus_asked", bus.asked);
  all.count("bus_replied", bus.replied);
  all.count("bus_timed_out", bus.timed_out);
  all.count("bus_unasked", bus.unasked);
  all.count("bus_crashes_told", bus.crashes_told);
  all.count("bus_workers_registered", bus.workers_registered);
  all.count("bus_workers_rejected", bus.workers_rejected);
  all.count("bus_workers_ended", bus.workers_ended);
  all.count("bus_pushes", bus.pushes);
  all.count("bus_pushes_unanswered", bus.pushes_unanswered);
  all.count("bus_push_replies_strange", bus.push_replies_strange);
}

void add_topics(Collected& all, const Topics& topics) {
  const core::Topics& machine = topics.machine();
  const core::TopicCounters& counters = machine.counters();
  all.gauge("topics", machine.topic_count());
  all.gauge("topics_subscriptions", machine.subscription_count());
  all.gauge("topics_keys", machine.key_count());
  all.gauge("topics_waiting_bytes", machine.waiting_bytes());
  all.count("topics_published", counters.published);
  all.count("topics_tapped", counters.tapped);
  all.count("topics_taps_threw", topics.taps_threw());
  all.count("topics_repeated", counters.repeated);
  all.count("topics_delivered", counters.delivered);
  all.count("topics_sheds", counters.sheds);
  all.count("topics_strange", counters.strange);
}

void add_kept(Collected& all, const KeptTopics& kept) {
  const core::Kept& machine = kept.machine();
  const core::KeptCounters& counters = machine.counters();
  all.gauge("topics_kept", machine.topic_count());
  all.gauge("topics_kept_bytes", machine.bytes());
  all.gauge("topics_kept_bytes_set_aside", machine.bytes_set_aside());
  all.gauge("topics_followers", machine.follower_count());
  all.gauge("topics_followers_lag_max", machine.lag_max());
  all.count("topics_kept_messages", counters.kept);
  all.count("topics_kept_dropped", counters.dropped);
  all.count("topics_followers_told", counters.told);
  all.count("topics_followers_missed", counters.missed);
  all.counts("topics_resyncs", "by",
             {{"snapshot", counters.resyncs_snapshot},
              {"tail", counters.resyncs_tail},
              {"unprovided", counters.resyncs_unprovided}});
  all.count("topics_snapshots", counters.snapshots);
  all.count("topics_snapshots_asked", kept.snapshots_asked());
  all.count("topics_snapshots_failed", kept.snapshots_failed());
}

void add_conversations(Collected& all, const Conversations& conversations) {
  const ConversationsCounters& counters = conversations.counters();
  all.gauge("conversations", conversations.size());
  all.gauge("conversations_participants", conversations.participant_count());
  all.gauge("conversations_subjects", conversations.subject_count());
  all.count("conversations_opened", counters.opened);
  all.count("conversations_closed", counters.closed);
  all.count("conversations_failed", counters.failed);
  all.count("conversations_sent", counters.sent);
  all.count("conversations_crashes", counters.crashes);
  all.count("conversations_rerouted", counters.rerouted);
  all.count("conversations_replies_late", counters.replies_late);
  all.count("conversations_replies_strange", counters.replies_strange);
  all.count("conversations_replies_unkept", counters.replies_unkept);
  all.count("conversations_compensations_threw", counters.compensations_threw);
}

std::map<std::string, std::uint64_t, std::less<>> by_kind(const std::uint64_t (&counts)[6]) {
  const builtin::OutboxResults results = runtime::results_in(counts);
  return {{"applied", results.applied},     {"failed", results.failed},   {"expired", results.expired},
          {"cancelled", results.cancelled}, {"refused", results.refused}, {"unknown", results.unknown}};
}

std::uint64_t ms(Duration time) {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(time).count());
}

// Of those who send commands to the hub.
void add_outbox_senders(Collected& all, const OutboxService& service) {
  const core::OutboxReceiverCounters counters = service.counters();
  builtin::OutboxEntry sum;
  std::uint64_t senders = 0;
  std::uint64_t connected = 0;
  Duration oldest{};
  for (const builtin::OutboxEntry& each : service.entries()) {
    if (each.end != builtin::OutboxEntry::End::receiver) continue;
    ++senders;
    connected += each.is_connected ? 1 : 0;
    sum.waiting += each.waiting;
    sum.in_flight += each.in_flight;
    sum.results_kept += each.results_kept;
    sum.bytes += each.bytes;
    oldest = std::max(oldest, each.oldest.value_or(Duration{}));
  }
  all.gauge("outbox_senders", senders);
  all.gauge("outbox_senders_connected", connected);
  all.gauge("outbox_senders_waiting", sum.waiting);
  all.gauge("outbox_senders_running", sum.in_flight);
  all.gauge("outbox_senders_results_kept", sum.results_kept);
  all.gauge("outbox_senders_bytes", sum.bytes);
  all.gauge("outbox_senders_oldest_ms", ms(oldest));
  all.count("outbox_senders_received", counters.received);
  all.count("outbox_senders_duplicates", counters.duplicates);
  all.count("outbox_senders_voids", counters.voids);
  all.count("outbox_senders_started", counters.started);
  all.count("outbox_senders_expired", counters.expired);
  all.count("outbox_senders_refused", counters.refused);
  all.count("outbox_senders_cancelled", counters.cancelled);
  all.count("outbox_senders_cancels_too_late", counters.cancels_too_late);
  all.count("outbox_senders_results_resent", counters.results_resent);
  all.count("outbox_senders_sessions", counters.sessions);
  all.count("outbox_senders_sessions_replaced", counters.sessions_replaced);
  all.count("outbox_senders_sessions_stale", counters.sessions_stale);
  all.counts("outbox_senders_results", "kind", by_kind(counters.results));
}

constexpr std::pair<std::string_view, std::uint64_t core::OutboxCounters::*> outbox_counts[] = {
    {"waited", &core::OutboxCounters::waited},
    {"not_connected", &core::OutboxCounters::not_connected},
    {"sent", &core::OutboxCounters::sent},
    {"resent", &core::OutboxCounters::resent},
    {"voided", &core::OutboxCounters::voided},
    {"acknowledged", &core::OutboxCounters::acknowledged},
    {"results_repeated", &core::OutboxCounters::results_repeated},
    {"results_late", &core::OutboxCounters::results_late},
    {"cancelled_queued", &core::OutboxCounters::cancelled_queued},
    {"cancelled_in_flight", &core::OutboxCounters::cancelled_in_flight},
    {"cancels_too_late", &core::OutboxCounters::cancels_too_late},
    {"sessions", &core::OutboxCounters::sessions},
    {"sessions_replaced", &core::OutboxCounters::sessions_replaced},
    {"sessions_stale", &core::OutboxCounters::sessions_stale},
    {"silences", &core::OutboxCounters::silences},
    {"restarts", &core::OutboxCounters::restarts},
};

constexpr std::pair<std::string_view, core::OutboxCounters::ByClass core::OutboxCounters::*> outbox_class_counts[] = {
    {"accepted", &core::OutboxCounters::accepted},
    {"rejected", &core::OutboxCounters::rejected},
    {"evicted", &core::OutboxCounters::evicted},
    {"coalesced", &core::OutboxCounters::coalesced},
};

// Of those of the hub's own process.
void add_outboxes(Collected& all, const OutboxService& service, Instant now) {
  const std::vector<const core::Outbox*> own = service.shown();
  const auto sum = [&](auto value) {
    std::uint64_t total = 0;
    for (const core::Outbox* each : own) total += static_cast<std::uint64_t>(std::invoke(value, *each));
    return total;
  };
  all.gauge("outboxes", own.size());
  all.gauge("outbox_commands", sum(&core::Outbox::commands));
  all.gauge("outbox_commands_peak", sum(&core::Outbox::commands_peak));
  all.gauge("outbox_bytes", sum(&core::Outbox::bytes));
  all.gauge("outbox_bytes_peak", sum(&core::Outbox::bytes_peak));
  all.gauge("outbox_waiting", sum(&core::Outbox::waiting));
  all.gauge("outbox_unacknowledged", sum(&core::Outbox::unacknowledged));
  Duration oldest{};
  Histogram received;
  Histogram applied;
  std::uint64_t results[6] = {};
  for (const core::Outbox* each : own) {
    oldest = std::max(oldest, now - each->oldest().value_or(now));
    each->received_us().for_each([&](std::uint64_t us, std::uint64_t times) { received.add(us, times); });
    each->applied_us().for_each([&](std::uint64_t us, std::uint64_t times) { applied.add(us, times); });
    for (std::size_t kind = 0; kind < std::size(results); ++kind) results[kind] += each->counters().results[kind];
  }
  all.gauge("outbox_oldest_ms", ms(oldest));
  all.count("outbox_disconnected_ms", sum([&](const core::Outbox& each) {
              return ms(each.disconnected() + (now - each.outage().value_or(now)));
            }));
  for (const std::uint32_t permille : {500u, 990u}) {
    all.gauge(fmt::format("outbox_received_p{}_us", permille / 10), received.quantile(permille));
    all.gauge(fmt::format("outbox_applied_p{}_us", permille / 10), applied.quantile(permille));
  }
  for (const auto& [name, member] : outbox_counts) {
    all.count(fmt::format("outbox_{}", name), sum([&](const core::Outbox& each) { return each.counters().*member; }));
  }
  for (const auto& [name, member] : outbox_class_counts) {
    std::map<std::string, std::uint64_t, std::less<>> by_class;
    for (const auto& when_full : codec::enumerators<core::OutboxWhenFull>) {
      by_class.emplace(when_full.name,
                       sum([&](const core::Outbox& each) { return (each.counters().*member)[when_full.value]; }));
    }
    all.counts(fmt::format("outbox_{}", name), "class", by_class);
  }
  all.counts("outbox_results", "kind", by_kind(results));
}

io::HttpResponse text_response(std::string text) {
  return {200, {{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"}}, std::move(text)};
}

io::HttpResponse ready_response(const std::vector<std::string>& unmet) {
  std::string conditions;
  for (const std::string& each : unmet) conditions += fmt::format("{}\"{}\"", conditions.empty() ? "" : ",", each);
  return json_response(unmet.empty() ? 200 : 503,
                       fmt::format("{{\"ready\":{},\"unmet_conditions\":[{}]}}\n", unmet.empty(), conditions));
}

void add_hostpipe(Collected& all, const HubState& hub) {
  const PipeGate& gate = hub.hostpipe();
  const HostpipeCounters& pipe = gate.counters();
  all.gauge("hostpipe_hosts", gate.has_host() ? 1 : 0);
  all.gauge("hostpipe_newcomers", gate.newcomer_count());
  all.gauge("hostpipe_leaving", gate.leaving_count());
  all.gauge("hostpipe_commands_in_flight", gate.commands_in_flight());
  all.gauge("hostpipe_version", gate.version());
  all.count("hostpipe_streams", pipe.streams);
  all.count("hostpipe_registered", pipe.registered);
  all.count("hostpipe_refused", pipe.refused);
  all.count("hostpipe_pids_wrong", pipe.pids_wrong);
  all.count("hostpipe_without_rights", pipe.without_rights);
  all.count("hostpipe_kinds_refused", pipe.kinds_refused);
  all.count("hostpipe_hosts_refused", pipe.hosts_refused);
  all.count("hostpipe_not_registered", pipe.not_registered);
  all.count("hostpipe_registered_again", pipe.registered_again);
  all.count("hostpipe_pushed_out", pipe.pushed_out);
  all.count("hostpipe_late", pipe.late);
  all.count("hostpipe_goodbyes", pipe.goodbyes);
  all.count("hostpipe_broken", pipe.broken);
  all.count("hostpipe_stuck", pipe.stuck);
  all.count("hostpipe_answers_unread", pipe.answers_unread);
  all.count("hostpipe_cut_off", pipe.cut_off);
  all.count("hostpipe_malformed", pipe.malformed);
  all.count("hostpipe_lines_too_long", pipe.lines_too_long);
  all.count("hostpipe_misrouted", pipe.misrouted);
  all.count("hostpipe_names_refused", pipe.names_refused);
  all.count("hostpipe_commands", pipe.commands);
  all.count("hostpipe_commands_refused", pipe.commands_refused);
  all.count("hostpipe_answered", pipe.answered);
  all.count("hostpipe_failed", pipe.failed);
  all.count("hostpipe_given_up", pipe.given_up);
  all.count("hostpipe_unsent", pipe.unsent);
  all.count("hostpipe_lost", pipe.lost);
  all.count("hostpipe_reports", pipe.reports);
  all.count("hostpipe_reports_unasked", pipe.reports_unasked);
  all.count("hostpipe_answers_unasked", pipe.answers_unasked);
  all.count("hostpipe_events", pipe.events);
  all.count("hostpipe_events_withheld", pipe.events_withheld);
  all.count("hostpipe_resyncs", pipe.resyncs);
}

Task<void> get_metrics(HubState& hub, io::HttpExchange& exchange, WebCaller caller) {
  if (const auto may = caller.rights->check(core::Verb::operate, builtin::hub_name); !may) {
    hub.refuse(caller.principal, exchange.peer(), core::Verb::operate, builtin::hub_name, may.error());
    co_return exchange.respond(error_response(403, may.error().note));
  }
  exchange.respond(text_response(prometheus_text(metrics_of(hub))));
}

}  // namespace

std::vector<Metric> metrics_of(const HubState& hub) {
  Collected all;
  add_door(all, hub);
  add_web(all, hub);
  add_bus(all, hub);
  add_hostpipe(all, hub);
  add_topics(all, hub.topics());
  add_kept(all, hub.topics().kept());
  add_conversations(all, hub.conversations());
  add_outbox_senders(all, hub.outboxes());
  add_outboxes(all, hub.outboxes(), hub.now());
  all.counts("door_refused", "protocol", hub.door().refused);
  all.counts("bus_malformed", "fault", hub.bus().counters().malformed);
  return all.take();
}

std::string prometheus_text(const std::vector<Metric>& metrics) {
  std::string text;
  std::string_view last;
  for (const Metric& each : metrics) {
    const std::string name = fmt::format("parley_{}{}", each.name, each.is_gauge ? "" : "_total");
    if (each.name != last) text += fmt::format("# TYPE {} {}\n", name, each.is_gauge ? "gauge" : "counter");
    last = each.name;
    const auto& [label, value] = each.label;
    const std::string labels = label.empty() ? "" : fmt::format("{{{}=\"{}\"}}", label, value);
    text += fmt::format("{}{} {}\n", name, labels, each.value);
  }
  return text;
}

void add_health_pages(Web& web, HubState& hub) {
  web.add_open("/health", [] { return json_response(200, "{\"status\":\"healthy\",\"message\":null}\n"); });
  web.add_open("/ready", [&hub] { return ready_response(hub.unmet_conditions()); });
  web.add("GET", "/metrics", [&hub](io::HttpExchange& exchange, WebCaller caller) {
    return get_metrics(hub, exchange, std::move(caller));
  });
}

}  // namespace parley::hub
