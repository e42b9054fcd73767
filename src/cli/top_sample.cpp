#include "cli/top_sample.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <sstream>

#include "base/histogram.h"
#include "cli/terminal.h"

namespace parley::cli {

namespace {

using builtin::HubStats;
using builtin::LatencyBucket;
using builtin::OfferStats;
using builtin::SessionStats;

// More than this is worth a look.
constexpr std::uint64_t old_us = 1'000'000;
constexpr std::size_t name_columns_max = 24;

// Between two samples.
class Rates {
 public:
  Rates(const HubStats& now, const HubStats* before) {
    if (before && now.at_us > before->at_us) interval_s_ = static_cast<double>(now.at_us - before->at_us) / 1e6;
  }
  std::optional<double> interval_s() const { return interval_s_; }
  std::optional<double> of(std::uint64_t now, std::uint64_t before) const {
    if (!interval_s_) return std::nullopt;
    return std::round(static_cast<double>(now - std::min(now, before)) / *interval_s_ * 1000) / 1000;
  }

 private:
  std::optional<double> interval_s_;
};

using Counts = std::map<std::uint64_t, std::uint64_t>;  // by the bound of the bucket

void add_to(Counts& counts, const std::vector<LatencyBucket>& buckets) {
  for (const LatencyBucket& bucket : buckets) counts[bucket.up_to_us] += bucket.calls;
}

void put_latency(OfferSample& sample, const Counts& now, const Counts& before) {
  Histogram recent;
  Histogram all;
  for (const auto& [up_to_us, calls] : now) {
    all.add(up_to_us, calls);
    const auto known = before.find(up_to_us);
    const std::uint64_t old = known == before.end() ? 0 : known->second;
    recent.add(up_to_us, calls - std::min(calls, old));
  }
  const Histogram& told = recent.count() != 0 ? recent : all;
  if (told.count() == 0) return;
  sample.latency_p50_us = told.quantile(500);
  sample.latency_p99_us = told.quantile(990);
}

// All names of the session's together, or one.
OfferSample sum_of(const SessionStats& now, const SessionStats* before, const Rates& rates, const std::string* name) {
  OfferSample sum;
  if (name) sum.name = *name;
  Counts counts;
  Counts counts_before;
  std::uint64_t calls_before = 0;
  for (const OfferStats& each : now.answered) {
    if (name && each.name != *name) continue;
    sum.calls_answered += each.calls_answered;
    add_to(counts, each.latency);
  }
  for (const OfferStats& each : before ? before->answered : std::vector<OfferStats>()) {
    if (name && each.name != *name) continue;
    calls_before += each.calls_answered;
    add_to(counts_before, each.latency);
  }
  sum.calls_answered_per_s = rates.of(sum.calls_answered, calls_before);
  put_latency(sum, counts, counts_before);
  return sum;
}

SessionSample session_sample(const SessionStats& now, const SessionStats* before, const Rates& rates) {
  SessionSample sample{.id = now.session.id, .pid = now.session.pid};
  sample.is_foreign = now.session.is_foreign;
  sample.offers = now.session.offers;
  sample.calls_in_flight = now.session.calls_in_flight;
  sample.oldest_call_us = now.oldest_call_us;
  sample.all = sum_of(now, before, rates, nullptr);
  for (const OfferStats& each : now.answered) sample.answered.push_back(sum_of(now, before, rates, &each.name));
  sample.calls_waiting = now.calls_waiting;
  sample.calls_asked = now.calls_asked;
  sample.calls_asked_per_s = rates.of(now.calls_asked, before ? before->calls_asked : 0);
  sample.bytes_queued = now.session.bytes_queued;
  sample.bytes_sent = now.bytes_sent;
  sample.bytes_sent_per_s = rates.of(now.bytes_sent, before ? before->bytes_sent : 0);
  sample.credit_withheld_items = now.credit_withheld_items;
  sample.links_resumed = now.session.links_resumed;
  return sample;
}

// --- for people

std::string short_rate(const std::optional<double>& rate) {
  if (!rate) return "-";
  return *rate < 10 ? fmt::format("{:.1f}", *rate) : fmt::format("{:.0f}", *rate);
}

std::string short_bytes(double bytes) {
  constexpr std::string_view units[] = {"B", "KiB", "MiB", "GiB"};
  std::size_t unit = 0;
  for (; bytes >= 1024 && unit + 1 < std::size(units); ++unit) bytes /= 1024;
  return unit == 0 || bytes >= 10 ? fmt::format("{:.0f}{}", bytes, units[unit])
                                  : fmt::format("{:.1f}{}", bytes, units[unit]);
}

// The first of them, and how many more.
std::string short_offers(const std::vector<std::string>& offers) {
  if (offers.empty()) return "-";
  std::string text =
      offers[0].size() <= name_columns_max ? offers[0] : offers[0].substr(0, name_columns_max - 3) + "...";
  if (offers.size() > 1) text += fmt::format(" +{}", offers.size() - 1);
  return text;
}

std::string maybe_duration(const std::optional<std::uint64_t>& us) { return us ? short_duration(*us) : "-"; }

std::vector<std::string> row_of(const SessionSample& each) {
  std::string who = each.pid ? fmt::format("{}", *each.pid) : "-";
  if (!each.process.empty()) who += " " + each.process;
  if (each.is_foreign) who += " (foreign)";
  return {fmt::format("{}", each.id),
          who,
          short_offers(each.offers),
          short_rate(each.all.calls_answered_per_s),
          fmt::format("{}", each.calls_in_flight),
          maybe_duration(each.oldest_call_us),
          maybe_duration(each.all.latency_p50_us),
          maybe_duration(each.all.latency_p99_us),
          short_rate(each.calls_asked_per_s),
          fmt::format("{}", each.calls_waiting),
          short_bytes(static_cast<double>(each.bytes_queued)),
          each.bytes_sent_per_s ? short_bytes(*each.bytes_sent_per_s) : "-",
          each.credit_withheld_items == 0 ? "-" : fmt::format("{}", each.credit_withheld_items),
          each.links_resumed == 0 ? "-" : fmt::format("{}", each.links_resumed)};
}

std::string summary_of(const std::vector<builtin::OutboxEntry>& outboxes) {
  if (outboxes.empty()) return {};
  std::uint64_t commands = 0;
  std::uint64_t unknown = 0;
  Duration oldest{};
  for (const builtin::OutboxEntry& each : outboxes) {
    commands += each.waiting + each.queued + each.in_flight;
    unknown += each.results.unknown;
    oldest = std::max(oldest, each.oldest.value_or(Duration()));
  }
  std::string text = fmt::format("; {} commands in {} outboxes", commands, outboxes.size());
  const auto us = static_cast<std::uint64_t>(oldest.count() / 1000);
  if (us != 0) text += fmt::format(", oldest {}", short_duration(us));
  if (unknown != 0) text += fmt::format(", {} ended unknown", unknown);
  return text;
}

std::string summary(const TopSample& sample) {
  double rate = 0;
  std::uint64_t in_flight = 0;
  for (const SessionSample& each : sample.sessions) {
    rate += each.all.calls_answered_per_s.value_or(0);
    in_flight += each.calls_in_flight;
  }
  std::string text = fmt::format("hub {}: {} of {} sessions, {} calls in flight", sample.hub_version,
                                 sample.sessions.size(), sample.sessions_max, in_flight);
  if (sample.interval_s) text += fmt::format(", {} calls/s in the last {:.1f} s", short_rate(rate), *sample.interval_s);
  return text + summary_of(sample.outboxes);
}

double weight(const SessionSample& each) {
  return each.all.calls_answered_per_s.value_or(0) + each.calls_asked_per_s.value_or(0) +
         static_cast<double>(each.calls_in_flight);
}

bool is_worth_a_look(const SessionSample& each) {
  return each.oldest_call_us.value_or(0) >= old_us || each.credit_withheld_items != 0;
}

}  // namespace

TopSample make_sample(const HubStats& now, const HubStats* before) {
  const Rates rates(now, before);
  TopSample sample{.hub_version = now.version, .interval_s = rates.interval_s(), .sessions_max = now.sessions_max};
  std::map<std::uint64_t, const SessionStats*> known;
  if (before) {
    for (const SessionStats& each : before->sessions) known[each.session.id] = &each;
  }
  for (const SessionStats& each : now.sessions) {
    const auto found = known.find(each.session.id);
    sample.sessions.push_back(session_sample(each, found == known.end() ? nullptr : found->second, rates));
  }
  sample.outboxes = now.outboxes;
  return sample;
}

std::string short_duration(std::uint64_t us) {
  if (us < 1000) return fmt::format("{}us", us);
  if (us < 10'000) return fmt::format("{:.1f}ms", static_cast<double>(us) / 1e3);
  if (us < 1'000'000) return fmt::format("{}ms", us / 1000);
  const std::uint64_t seconds = us / 1'000'000;
  if (seconds < 60) return fmt::format("{:.1f}s", static_cast<double>(us / 100'000) / 10);
  if (seconds < 3600) return fmt::format("{}m{:02}s", seconds / 60, seconds % 60);
  return fmt::format("{}h{:02}m", seconds / 3600, seconds / 60 % 60);
}

std::vector<std::string> make_screen(const TopSample& sample, const ScreenOptions& options) {
  std::vector<const SessionSample*> order;
  for (const SessionSample& each : sample.sessions) order.push_back(&each);
  const auto before = [](const SessionSample* a, const SessionSample* b) {
    const double of_a = weight(*a);
    const double of_b = weight(*b);
    return of_a != of_b ? of_a > of_b : a->id < b->id;
  };
  std::ranges::sort(order, before);

  std::vector<std::vector<std::string>> rows = {{"SESSION", "PROCESS", "OFFERS", "CALLS/S", "IN FLIGHT", "OLDEST",
                                                 "P50", "P99", "ASKS/S", "WAITING", "QUEUED", "SENT/S", "WITHHELD",
                                                 "RESUMED"}};
  for (const SessionSample* const each : order) rows.push_back(row_of(*each));
  std::vector<std::string> lines = {summary(sample)};
  std::istringstream text(table(rows));
  for (std::string line; std::getline(text, line);) lines.push_back(line);

  if (options.rows != 0 && lines.size() > options.rows) {
    const std::size_t shown = std::max<std::size_t>(options.rows, 2) - 1;
    const std::size_t hidden = lines.size() - shown;
    lines.resize(shown);
    lines.push_back(fmt::format("... and {} more", hidden));
  }
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (options.columns != 0 && lines[i].size() > options.columns) lines[i].resize(options.columns);
    if (!options.with_color) continue;
    if (i == 1) lines[i] = "\x1b[1m" + lines[i] + "\x1b[0m";
    const bool is_row = i >= 2 && i - 2 < order.size() && !lines[i].starts_with("... and");
    if (is_row && is_worth_a_look(*order[i - 2])) lines[i] = "\x1b[33m" + lines[i] + "\x1b[0m";
  }
  return lines;
}

}  // namespace parley::cli
