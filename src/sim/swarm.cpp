#include "sim/swarm.h"

#include <algorithm>

namespace parley::sim {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

Duration draw_duration(Prng& prng, Duration longest) {
  const auto ns = static_cast<std::uint64_t>(longest.count());
  return ns == 0 ? Duration() : Duration(draw_size(prng, ns));
}

// Uniform in the number of digits rather than in the number.
std::uint64_t draw_size(Prng& prng, std::uint64_t largest) {
  if (largest == 0) return 0;
  const auto bits = static_cast<std::uint32_t>(std::bit_width(largest));
  const std::uint64_t bound = std::min(largest, (std::uint64_t{1} << prng.between(1, bits)) - 1);
  return prng.below(bound + 1);
}

namespace {

template <class T>
T one_of(Prng& prng, std::initializer_list<T> choices) {
  return choices.begin()[prng.below(choices.size())];
}

// Mostly the default, often something that is reached at once.
Limits draw_limits(Prng& prng) {
  Limits limits;
  if (prng.chance(350)) return limits;
  const auto maybe = [&](std::uint32_t per_mille, auto& bound, auto... choices) {
    if (prng.chance(per_mille)) bound = one_of<std::remove_reference_t<decltype(bound)>>(prng, {choices...});
  };
  maybe(400, limits.frame_bytes_max, 2'000u, 20'000u, 200'000u);
  maybe(500, limits.outbound_bytes_max, 500u, 5'000u, 50'000u);
  maybe(300, limits.control_bytes_max, 40u, 200u, 2'000u);
  maybe(300, limits.flush_bytes, 1u, 100u, 1'000'000u);
  maybe(400, limits.pinned_bytes_max, 0u, 10'000u, 200'000u);
  maybe(500, limits.concurrent_requests_max, 1u, 2u, 5u);
  maybe(400, limits.waiting_calls_max, 0u, 1u, 3u);
  maybe(300, limits.window_items_max, 1u, 20u, 100u);
  maybe(300, limits.window_bytes_max, 10u, 1'000u, 100'000u);
  maybe(300, limits.handshake_max, Duration(milliseconds(10)), Duration(seconds(1)));
  maybe(400, limits.stable_items_max, 16u, 40u, 300u);
  maybe(400, limits.stable_bytes_max, 4'096u, 20'000u);
  maybe(300, limits.stable_away_max, Duration(milliseconds(150)), Duration(seconds(2)));
  // Longer than the longest stall, or a link is left before a long message has passed, each time again.
  maybe(500, limits.stable_silence_max, Duration(milliseconds(600)), Duration(seconds(2)));
  limits.opening_bytes_max = std::min(limits.opening_bytes_max, limits.frame_bytes_max);
  return limits;
}

void draw_flows(Prng& prng, Swarm& swarm) {
  FlowOptions& low = swarm.flow_min;
  FlowOptions& high = swarm.flow_max;
  high.delay_max = one_of<Duration>(prng, {Duration(), microseconds(50), milliseconds(2), milliseconds(80)});
  low.delay_max = prng.chance(500) ? high.delay_max : Duration();
  low.buffer_bytes = one_of<std::size_t>(prng, {200, 4'000, 60'000, 262'144});
  high.buffer_bytes = std::max<std::size_t>(low.buffer_bytes, 262'144);
  high.bytes_per_second = prng.chance(300) ? one_of<std::uint64_t>(prng, {300'000, 3'000'000, 300'000'000}) : 0;
  low.bytes_per_second = high.bytes_per_second;
  high.piece_bytes_max = prng.chance(600) ? one_of<std::size_t>(prng, {5, 100, 3'000}) : 0;
  low.piece_bytes_max = high.piece_bytes_max;
  high.short_writes = prng.chance(500) ? 400 : 0;
  high.stalls = prng.chance(400) ? one_of<std::uint32_t>(prng, {30, 200, 600}) : 0;
  high.stall_max = one_of<Duration>(prng, {milliseconds(1), milliseconds(50), milliseconds(500)});
}

FlowOptions draw_flow(Prng& prng, const FlowOptions& low, const FlowOptions& high) {
  FlowOptions flow = high;
  flow.buffer_bytes = prng.chance(500) ? low.buffer_bytes : high.buffer_bytes;
  flow.delay_max = prng.chance(500) ? low.delay_max : high.delay_max;
  flow.delay_min = prng.chance(500) ? flow.delay_max : flow.delay_max / 2;
  flow.stalls = prng.chance(500) ? low.stalls : high.stalls;
  return flow;
}

}  // namespace

Swarm Swarm::calm() {
  Swarm swarm;
  swarm.takes_turns = true;
  swarm.deeds = deed_count;
  swarm.burst_max = 3;
  swarm.items_max = 10;
  swarm.work_max = milliseconds(1);
  return swarm;
}

Swarm Swarm::draw(Prng& prng) {
  Swarm swarm;
  swarm.sessions = static_cast<std::uint32_t>(prng.between(1, 3));
  swarm.actors = static_cast<std::uint32_t>(prng.between(1, 5));
  swarm.deeds = static_cast<std::uint32_t>(prng.between(3, 16));
  swarm.acceptor_acts = prng.chance(600);
  for (std::uint32_t& weight : swarm.weights) weight = one_of<std::uint32_t>(prng, {0, 0, 1, 1, 3, 10});
  if (std::ranges::all_of(swarm.weights, [](std::uint32_t weight) { return weight == 0; })) swarm.weights.fill(1);
  swarm.think_max = one_of<Duration>(prng, {Duration(), microseconds(100), milliseconds(5), milliseconds(200)});
  swarm.drops = one_of<std::uint32_t>(prng, {0, 100, 500});
  swarm.kills = one_of<std::uint32_t>(prng, {0, 0, 200, 700});
  swarm.deadlines = one_of<std::uint32_t>(prng, {0, 200, 800});
  swarm.quits = one_of<std::uint32_t>(prng, {0, 200, 600});
  swarm.patience_max = one_of<Duration>(prng, {microseconds(10), milliseconds(3), milliseconds(300)});
  swarm.deadline_max = one_of<Duration>(prng, {microseconds(300), milliseconds(20), seconds(1)});
  swarm.work_max = one_of<Duration>(prng, {microseconds(20), milliseconds(5), milliseconds(200)});
  swarm.body_bytes_max = one_of<std::uint64_t>(prng, {30, 3'000, 100'000, 1'500'000});
  swarm.item_bytes_max = one_of<std::uint64_t>(prng, {0, 30, 1'000, 60'000});
  swarm.items_max = one_of<std::uint64_t>(prng, {3, 60, 400});
  swarm.burst_max = one_of<std::uint32_t>(prng, {3, 20, 60});
  swarm.pace_max = one_of<Duration>(prng, {Duration(), microseconds(30), milliseconds(2)});
  swarm.limits = draw_limits(prng);
  swarm.stables = one_of<std::uint32_t>(prng, {0, 300, 1000, 1000});
  swarm.breaks_max = one_of<std::uint32_t>(prng, {0, 3, 10, 40});
  swarm.repeats = one_of<std::uint32_t>(prng, {0, 0, 50, 400});
  swarm.wraps = one_of<std::uint32_t>(prng, {0, 500});
  swarm.foreigners = one_of<std::uint32_t>(prng, {0, 0, 0, 500});
  swarm.refusals = one_of<std::uint32_t>(prng, {0, 0, 400});
  swarm.breaks = one_of<std::uint32_t>(prng, {0, 0, 600, 1000});
  swarm.break_time_max = one_of<Duration>(prng, {milliseconds(3), milliseconds(100), seconds(3)});
  swarm.finales = one_of<std::uint32_t>(prng, {0, 300, 1000});
  swarm.finale_max = one_of<Duration>(prng, {milliseconds(2), milliseconds(50), seconds(1)});
  draw_flows(prng, swarm);
  // Through a needle's eye much would take forever.
  if (swarm.flow_min.buffer_bytes < 1'000) {
    swarm.body_bytes_max = std::min<std::uint64_t>(swarm.body_bytes_max, 20'000);
    swarm.item_bytes_max = std::min<std::uint64_t>(swarm.item_bytes_max, 1'000);
  }
  return swarm;
}

Deed Swarm::draw_deed(Prng& prng, std::uint32_t turn) const {
  if (takes_turns) return static_cast<Deed>(turn % deed_count);
  std::uint64_t total = 0;
  for (const std::uint32_t weight : weights) total += weight;
  std::uint64_t at = prng.below(total);
  for (std::size_t i = 0; i < deed_count; ++i) {
    if (at < weights[i]) return static_cast<Deed>(i);
    at -= weights[i];
  }
  return Deed::add;
}

LinkOptions Swarm::draw_link(Prng& prng, Instant now) const {
  LinkOptions link;
  for (FlowOptions& flow : link.flows) flow = draw_flow(prng, flow_min, flow_max);
  link.notice_max = one_of<Duration>(prng, {Duration(), milliseconds(1), milliseconds(300)});
  link.half_open_max = one_of<Duration>(prng, {milliseconds(500), seconds(20)});
  link.keeps_what_arrived = prng.chance(500);
  if (!prng.chance(breaks)) return link;
  BreakPlan& plan = link.break_plan;
  plan.what = one_of(prng, {Break::cut, Break::cut, Break::closed, Break::half_open, Break::garbage});
  plan.flow = prng.below(2);
  if (plan.what != Break::garbage && prng.chance(400)) {
    plan.at = now + draw_duration(prng, break_time_max);
  } else {
    plan.at_byte = draw_size(prng, one_of<std::uint64_t>(prng, {40, 400, 20'000, 500'000}));
  }
  return link;
}

}  // namespace parley::sim
