#include "sim/testing_network.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>
#include <vector>

namespace parley::testing {

namespace {

constexpr std::size_t flow_of(Direction direction) {
  PARLEY_ASSERT(direction != Direction::both, "this goes one way: to_listener or to_dialer");
  return direction == Direction::to_listener ? 0 : 1;
}

// Calls the function for each flow of the direction; true if one of the calls was.
template <class Function>
bool any_flow(Direction direction, Function function) {
  bool any = false;
  if (direction != Direction::to_dialer) any |= function(std::size_t{0});
  if (direction != Direction::to_listener) any |= function(std::size_t{1});
  return any;
}

}  // namespace

Network::Network(sim::World& world)
    : world_(world), network_(world, [this](const std::string& address) { return draw_fate(address); }) {}

// An address that is heard of for the first time has the rules of all.
Network::Rules& Network::rules_of(const std::string& address) {
  const auto [found, is_new] = rules_.try_emplace(address);
  if (is_new) found->second.flows = rules_of_all_.flows;
  return found->second;
}

sim::SimNetwork::Fate Network::draw_fate(const std::string& address) {
  Rules& rules = rules_of(address);
  Rules& chosen = rules.break_plan.what != sim::Break::none ? rules : rules_of_all_;
  sim::SimNetwork::Fate fate;
  for (std::uint64_t* refusals : {&rules.refusals, &rules_of_all_.refusals}) {
    if (fate.is_refused || *refusals == 0) continue;
    --*refusals;
    fate.is_refused = true;
  }
  fate.link.flows = rules.flows;
  if (!fate.is_refused) fate.link.break_plan = std::exchange(chosen.break_plan, {});
  fate.link.passes_descriptors = !address.starts_with("tcp:");
  return fate;
}

Faults Network::faults() const {
  const sim::Coverage& coverage = world_.coverage();
  return {.refused = coverage.hits(sim::Spot::link_refused),
          .cut = coverage.hits(sim::Spot::link_cut),
          .closed = coverage.hits(sim::Spot::link_closed),
          .half_open = coverage.hits(sim::Spot::link_half_open),
          .gave_up = coverage.hits(sim::Spot::link_gave_up),
          .garbage = coverage.hits(sim::Spot::link_garbage),
          .stalled = coverage.hits(sim::Spot::link_stalled),
          .split = coverage.hits(sim::Spot::link_split),
          .short_writes = coverage.hits(sim::Spot::link_short_write),
          .blocked = coverage.hits(sim::Spot::link_blocked)};
}

std::string Network::still_open() {
  std::vector<std::string> open;
  for (const auto& link : network_.links()) {
    const std::size_t ends = link.control.end_count();
    open.push_back(
        fmt::format("{} of link {} to {}", ends == 1 ? "one end" : "both ends", link.number_there, link.address));
  }
  for (const std::string& address : network_.listening()) open.push_back("the listener at " + address);
  return fmt::to_string(fmt::join(open, ", "));
}

Links Links::nth(std::size_t number) const {
  Links one = *this;
  one.number_ = number;
  return one;
}

// How many of the chosen links the function said yes to.
template <class Function>
std::size_t Links::for_each(Function function) const {
  std::size_t count = 0;
  for (sim::SimNetwork::Dialed link : network_.network_.links()) {
    if (address_ && *address_ != link.address) continue;
    if (number_ && *number_ != (address_ ? link.number_there : link.number)) continue;
    if (function(link.control)) ++count;
  }
  return count;
}

std::size_t Links::count() const {
  return for_each([](sim::SimStream::Control& link) { return link.is_up(); });
}

std::size_t Links::break_now(sim::Break what, Direction direction) {
  return for_each([&](sim::SimStream::Control& link) {
    return any_flow(direction, [&](std::size_t flow) { return link.break_now(what, flow); });
  });
}

std::size_t Links::cut_after(std::uint64_t bytes, Direction direction) {
  const std::size_t flow = flow_of(direction);
  return for_each([&](sim::SimStream::Control& link) { return link.break_after(sim::Break::cut, flow, bytes); });
}

std::size_t Links::stall(Duration duration, Direction direction) {
  return for_each([&](sim::SimStream::Control& link) {
    return any_flow(direction, [&](std::size_t flow) { return link.stall(flow, duration); });
  });
}

void Links::carry(const Flow& how, Direction direction) {
  for_each([&](sim::SimStream::Control& link) {
    return any_flow(direction, [&](std::size_t flow) { return link.set_flow(flow, how); });
  });
  if (number_) return;
  const auto set = [&](Network::Rules& rules) {
    any_flow(direction, [&](std::size_t flow) {
      rules.flows[flow] = how;
      return true;
    });
  };
  set(next());
  if (address_) return;
  for (auto& [address, rules] : network_.rules_) set(rules);
}

// The rules of whoever dials next.
Network::Rules& Links::next() const {
  PARLEY_ASSERT(!number_, "a single link is dialed once: say it of its address");
  return address_ ? network_.rules_of(*address_) : network_.rules_of_all_;
}

void Links::refuse_next(std::uint64_t times) { next().refusals += times; }

void Links::cut_next_after(std::uint64_t bytes, Direction direction) {
  next().break_plan = {.what = sim::Break::cut, .flow = flow_of(direction), .at_byte = bytes};
}

}  // namespace parley::testing
