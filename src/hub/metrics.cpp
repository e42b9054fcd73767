#include "hub/metrics.h"

#include <fmt/format.h>

#include <map>
#include <string_view>

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
  all.count("conversations_compensations_threw", counters.compensations_threw);
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
  add_topics(all, hub.topics());
  add_conversations(all, hub.conversations());
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
