#include "sim/party_deeds.h"

// What the actors of a party do.
namespace parley::sim {

namespace {

std::uint64_t in_us(Duration duration) {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(duration).count());
}

}  // namespace

Task<void> Party::act(Actor& actor) {
  co_await session_->established().wait();
  for (std::uint32_t i = 0; i < swarm().deeds; ++i) {
    const Duration think = draw_duration(prng(), swarm().think_max);
    if (think > Duration()) co_await Sleep(executor(), think);
    const bool had_ended = session_->has_ended();
    co_await do_deed(swarm().draw_deed(prng(), i), actor);
    if (had_ended) co_return;  // it has seen what that is like
  }
}

Task<void> Party::do_deed(Deed deed, Actor& actor) {
  world().trace().note("deed", {side_, static_cast<std::uint64_t>(deed)});
  switch (deed) {
    case Deed::burst: return burst();
    case Deed::jam: return jam();
    case Deed::collect: return collect_deed();
    case Deed::produce: return produce_deed();
    case Deed::trickle: return trickle_deed();
    case Deed::exchange: return exchange_deed(actor);
    case Deed::pour: return pour_deed();
    case Deed::abandon: return abandon_deed();
    default: return unary_deed(deed);
  }
}

Task<void> Party::unary_deed(Deed deed) {
  const Patience patience = draw_patience();
  const std::uint64_t us = in_us(draw_work());
  const std::uint64_t bytes = draw_size(prng(), swarm().body_bytes_max);
  if (deed == Deed::echo) {
    Calling calling(*this, "echo", patience);
    const std::string body = make_body(calling.ticket(), bytes);
    co_await see_through(calling, client<Workshop>(patience).call<&Workshop::echo>(calling.ticket(), body), patience,
                         [&](const std::string& back) { return back == body; });
  } else if (deed == Deed::add) {
    Calling calling(*this, "add", patience);
    const auto a = static_cast<std::int64_t>(prng().below(1000));
    co_await see_through(calling, client<Workshop>(patience).call<&Workshop::add>(calling.ticket(), a, -7), patience,
                         [&](std::int64_t sum) { return sum == a - 7; });
  } else if (deed == Deed::divide) {
    Calling calling(*this, "divide", patience);
    const auto a = static_cast<std::int64_t>(prng().below(1000));
    const auto b = static_cast<std::int64_t>(prng().below(4)) - 1;
    co_await see_through(calling, client<Workshop>(patience).call<&Workshop::divide>(calling.ticket(), a, b), patience,
                         [&](std::int64_t quotient, const WorkError* own) {
                           if (own)
                             return *own == (b == 0 ? WorkError::division_by_zero : WorkError::unwilling) && b <= 0;
                           return b > 0 && quotient == a / b;
                         });
  } else if (deed == Deed::nap) {
    Calling calling(*this, "nap", patience);
    const std::uint64_t right = nap_value(calling.ticket(), us);
    co_await see_through(calling, client<Workshop>(patience).call<&Workshop::nap>(calling.ticket(), us), patience,
                         [&](std::uint64_t value) { return value == right; });
  } else if (deed == Deed::explode) {
    Calling calling(*this, "explode", patience, Code::handler_threw);
    co_await see_through(calling, client<Workshop>(patience).call<&Workshop::explode>(calling.ticket(), us), patience,
                         [](std::uint64_t) { return false; });
  } else if (deed == Deed::refuse) {
    Calling calling(*this, "refuse", patience, refusal);
    co_await see_through(calling, client<Workshop>(patience).call<&Workshop::refuse>(calling.ticket(), us), patience,
                         [](std::uint64_t) { return false; });
  } else if (deed == Deed::inflate) {
    Calling calling(*this, "inflate", patience);
    const std::string right = make_body(calling.ticket(), bytes);
    co_await see_through(calling, client<Workshop>(patience).call<&Workshop::inflate>(calling.ticket(), bytes),
                         patience, [&](const std::string& back) { return back == right; });
  } else if (deed == Deed::call_back) {
    Calling calling(*this, "call_back", patience);
    const std::uint64_t depth = prng().between(1, 4);
    co_await see_through(calling, client<Workshop>(patience).call<&Workshop::call_back>(calling.ticket(), depth),
                         patience, [&](std::uint64_t levels) { return levels >= 1 && levels <= depth; });
  } else {
    Calling calling(*this, "knock", patience);
    co_await see_through(calling, client<Elsewhere>(patience).call<&Elsewhere::knock>(calling.ticket()), patience,
                         [](std::uint64_t) { return false; });
  }
}

Task<void> Party::burst() {
  const Patience patience = draw_patience();
  const std::uint64_t us = in_us(draw_work());
  const std::uint64_t count = prng().between(2, swarm().burst_max);
  std::vector<std::unique_ptr<Calling>> callings;
  std::vector<std::optional<Call<std::uint64_t>>> calls;
  for (std::uint64_t i = 0; i < count; ++i) {
    Calling& calling = *callings.emplace_back(std::make_unique<Calling>(*this, "nap", patience));
    calls.emplace_back(client<Workshop>(patience).call<&Workshop::nap>(calling.ticket(), us));
  }
  if (patience.drop_after) {
    co_await Sleep(executor(), *patience.drop_after);
    for (std::uint64_t i = 0; i < count; ++i) {
      if (calls[i]->is_done() || prng().chance(500)) continue;
      callings[i]->drop();
      calls[i].reset();
    }
  }
  for (std::uint64_t i = 0; i < count; ++i) {
    if (!calls[i]) continue;
    const bool was_done = calls[i]->is_done();
    auto result = co_await *calls[i];
    const std::uint64_t right = nap_value(callings[i]->ticket(), us);
    callings[i]->end(result, was_done, [&](std::uint64_t value) { return value == right; });
  }
}

// Calls that have left are dropped while the link is full: their Cancels wait where control messages wait.
Task<void> Party::jam() {
  const Patience patience;
  std::vector<std::unique_ptr<Calling>> callings;
  std::vector<std::optional<Call<std::uint64_t>>> naps;
  for (std::uint64_t i = 0; i < swarm().burst_max; ++i) {
    Calling& calling = *callings.emplace_back(std::make_unique<Calling>(*this, "nap", patience));
    naps.emplace_back(client<Workshop>(patience).call<&Workshop::nap>(calling.ticket(), std::uint64_t{3'000}));
  }
  co_await Sleep(executor(), std::chrono::microseconds(1));
  Calling calling(*this, "echo", patience);
  const std::string body = make_body(calling.ticket(), swarm().body_bytes_max);
  auto echo = client<Workshop>(patience).call<&Workshop::echo>(calling.ticket(), body);
  co_await Sleep(executor(), std::chrono::microseconds(1));
  for (std::size_t i = 0; i < naps.size(); ++i) {
    if (naps[i]->is_done()) {
      auto result = co_await *naps[i];
      callings[i]->end(result, true, [](std::uint64_t) { return true; });
    } else {
      callings[i]->drop();
      naps[i].reset();
    }
  }
  co_await see_through(calling, std::move(echo), patience, [&](const std::string& back) { return back == body; });
}

Task<void> Party::collect_deed() {
  const Patience patience = draw_patience();
  const std::uint64_t count = draw_items();
  const std::uint64_t taken_max = prng().chance(swarm().quits) ? prng().below(count + 1) : count + 1;
  const bool closes = !prng().chance(swarm().quits);
  FlowBook& book = scene_.flows;
  const std::uint64_t flow = open_flow();
  auto [tx, rx] = channel<Item>();
  Calling calling(*this, "collect", patience);
  auto call = client<Workshop>(patience).call<&Workshop::collect>(calling.ticket(), flow, taken_max, in_us(draw_pace()),
                                                                  std::move(rx));
  co_await feed(std::move(tx), flow, count, draw_size(prng(), swarm().item_bytes_max), draw_pace(), closes);
  co_await see_through(calling, std::move(call), patience,
                       [&](std::uint64_t got) { return got == book.received(flow); });
}

Task<void> Party::produce_deed() {
  const Patience patience = draw_patience();
  const std::uint64_t count = draw_items();
  const std::uint64_t taken_max = prng().chance(swarm().quits) ? prng().below(count + 1) : count + 1;
  const bool closes = !prng().chance(swarm().quits);
  const std::uint64_t bytes = draw_size(prng(), swarm().item_bytes_max);
  const std::uint64_t flow = open_flow();
  auto [tx, rx] = channel<Item, 8>();
  Calling calling(*this, "produce", patience);
  auto call = client<Workshop>(patience).call<&Workshop::produce>(calling.ticket(), flow, count, bytes,
                                                                  in_us(draw_pace()), closes, std::move(tx));
  co_await drain(std::move(rx), flow, taken_max, draw_pace());
  co_await see_through(calling, std::move(call), patience, [&](std::uint64_t sent) { return sent == count; });
}

Task<void> Party::trickle_deed() {
  const Patience patience = draw_patience();
  const std::uint64_t count = draw_items();
  const std::uint64_t flow = open_flow();
  auto [tx, rx] = channel<Item, 0>();
  Calling calling(*this, "trickle", patience);
  auto call = client<Workshop>(patience).call<&Workshop::trickle>(calling.ticket(), flow, count, std::move(tx));
  co_await drain(std::move(rx), flow, count + 1, draw_pace());
  co_await see_through(calling, std::move(call), patience, [&](std::uint64_t sent) { return sent == count; });
}

Task<void> Party::exchange_deed(Actor& actor) {
  const Patience patience = draw_patience();
  const std::uint64_t count = draw_items();
  const std::uint64_t taken_max = prng().chance(swarm().quits) ? prng().below(count + 1) : count + 1;
  const std::uint64_t there = open_flow();
  const std::uint64_t back = open_flow();
  auto [there_tx, there_rx] = channel<Item, 4>();
  auto [back_tx, back_rx] = channel<Item, 64>();
  Calling calling(*this, "exchange", patience);
  auto call = client<Workshop>(patience).call<&Workshop::exchange>(calling.ticket(), there, back, std::move(there_rx),
                                                                   std::move(back_tx));
  const std::uint64_t bytes = draw_size(prng(), swarm().item_bytes_max);
  actor.scope.spawn(feed(std::move(there_tx), there, count, bytes, draw_pace(), !prng().chance(swarm().quits)));
  co_await drain(std::move(back_rx), back, taken_max, draw_pace());
  co_await see_through(calling, std::move(call), patience, [&](std::uint64_t sent) { return sent <= count; });
}

Task<void> Party::pour_deed() {
  const Patience patience = draw_patience();
  const std::uint64_t flow = open_flow();
  auto [tx, rx] = channel<Item>();
  Calling calling(*this, "pour", patience);
  auto call = client<Elsewhere>(patience).call<&Elsewhere::pour>(calling.ticket(), flow, std::move(rx));
  co_await feed(std::move(tx), flow, draw_items() + 17, 1, Duration(), true);
  co_await see_through(calling, std::move(call), patience, [](std::uint64_t) { return false; });
}

// One end is gone when the other one travels.
Task<void> Party::abandon_deed() {
  const Patience patience = draw_patience();
  const std::uint64_t flow = open_flow();
  FlowBook& book = scene_.flows;
  scene_.coverage().hit(Spot::channel_gone_before_call);
  if (prng().chance(600)) {
    auto [tx, rx] = channel<Item>();
    const bool closes = prng().chance(500);
    {
      Sending sending(book, flow);
      if (closes) {
        sending.end(FlowBook::SenderEnd::closed);
        tx.close();
      }
      const Tx<Item> dropped = std::move(tx);
    }
    Calling calling(*this, "collect", patience);
    auto call = client<Workshop>(patience).call<&Workshop::collect>(calling.ticket(), flow, std::uint64_t{5},
                                                                    std::uint64_t{0}, std::move(rx));
    co_await see_through(calling, std::move(call), patience, [](std::uint64_t got) { return got == 0; });
  } else {
    auto [tx, rx] = channel<Item, 8>();
    {
      Receiving receiving(*this, flow);
      const Rx<Item, 8> dropped = std::move(rx);
    }
    Calling calling(*this, "produce", patience);
    auto call = client<Workshop>(patience).call<&Workshop::produce>(
        calling.ticket(), flow, std::uint64_t{50}, std::uint64_t{5}, std::uint64_t{1}, true, std::move(tx));
    co_await see_through(calling, std::move(call), patience, [](std::uint64_t sent) { return sent == 50; });
  }
}

}  // namespace parley::sim
