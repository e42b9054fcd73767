#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/builtin.h"

// What `parley top` tells: made of what the hub says, and of what it said before.
namespace parley::cli {

// Rates are those since the last sample, and so the first has none. Latencies are those of the calls that were answered
// since then; where there were none, of all since the session began; nothing before the first answer.
struct OfferSample {
  std::optional<std::string> name;  // nothing: whatever the name
  std::uint64_t calls_answered = 0;
  std::optional<double> calls_answered_per_s;
  std::optional<std::uint64_t> latency_p50_us;
  std::optional<std::uint64_t> latency_p99_us;
};

struct SessionSample {
  std::uint64_t id = 0;
  std::optional<std::int64_t> pid;
  std::string process;  // its name, where the system tells it
  bool is_foreign = false;
  std::vector<std::string> offers;
  std::uint64_t calls_in_flight = 0;  // that it is to answer
  std::optional<std::uint64_t> oldest_call_us;
  OfferSample all;
  std::vector<OfferSample> answered;
  std::uint64_t calls_waiting = 0;  // that it asked, and that nobody has answered yet
  std::uint64_t calls_asked = 0;
  std::optional<double> calls_asked_per_s;
  std::uint64_t bytes_queued = 0;
  std::uint64_t bytes_sent = 0;
  std::optional<double> bytes_sent_per_s;
  std::uint64_t credit_withheld_items = 0;
  std::uint64_t links_resumed = 0;  // how often it came back over another link
};

struct TopSample {
  std::string hub_version;
  std::optional<double> interval_s;
  std::uint64_t sessions_max = 0;
  std::vector<SessionSample> sessions;  // as they came
  std::vector<builtin::OutboxEntry> outboxes;
};

// `before`: the sample before, or null.
TopSample make_sample(const builtin::HubStats& now, const builtin::HubStats* before);

// "850us", "3.2ms", "1.5s", "2m05s", "3h07m".
std::string short_duration(std::uint64_t us);

struct ScreenOptions {
  std::size_t rows = 0;  // 0: as many as there are, however wide
  std::size_t columns = 0;
  bool with_color = false;
};
// The sample as lines for people, the busiest sessions first.
std::vector<std::string> make_screen(const TopSample& sample, const ScreenOptions& options);

}  // namespace parley::cli
