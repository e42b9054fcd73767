#include "sim/sim_stream.h"

#include <algorithm>
#include <array>

#include "base/limits.h"

namespace parley::sim {

using Status = io::Transfer::Status;

// What both ends share; lives as long as one of them.
class SimStream::Wire {
 public:
  Wire(World& world, const LinkOptions& options, LinkTap* tap)
      : world(world), options(options), tap(tap), flows{Flow(world, options.flows[0]), Flow(world, options.flows[1])} {
    if (options.break_plan.what != Break::none) plan_break(options.break_plan);
  }

  // Instead of what was planned before.
  void plan_break(const BreakPlan& plan) {
    plan_ = plan;
    at_break_.cancel();
    for (Flow& flow : flows) flow.forget_break();
    if (plan_.at_byte != BreakPlan::nowhere) flows[plan_.flow].set_break(plan_, at_break_);
    if (!plan_.at.is_never()) world.reactor().plan(at_break_, plan_.at);
  }
  bool is_over() const { return broken == Break::cut || broken == Break::closed; }
  void break_now(Break what, std::size_t flow) {
    if (is_over()) return;
    note(what, flow);
    switch (what) {
      case Break::none: return;
      case Break::half_open:
        world.coverage().hit(Spot::link_half_open);
        flows[flow].go_silent();
        if (!give_up_.is_planned()) world.reactor().plan(give_up_, world.now() + options.half_open_max);
        return;
      case Break::garbage: return inject_garbage(flow);
      case Break::cut: world.coverage().hit(Spot::link_cut); break;
      case Break::closed: world.coverage().hit(Spot::link_closed); break;
    }
    end(flow);
  }
  // The reader gets nothing until then.
  void stall(std::size_t flow, Instant until) {
    flows[flow].stall_until(until);
    if (sides[1 - flow]) sides[1 - flow]->readable_.cancel();
    if (sides[1 - flow]) sides[1 - flow]->notify_readable();
  }
  void set_flow(std::size_t flow, const FlowOptions& how) {
    flows[flow].set_options(how);
    if (sides[flow]) sides[flow]->notify_writable();
  }

  World& world;
  const LinkOptions options;
  LinkTap* const tap;
  std::array<Flow, 2> flows;  // flows[n] is written by side n
  std::array<SimStream*, 2> sides{};
  Break broken = Break::none;

 private:
  void break_as_planned() { break_now(plan_.what, plan_.flow); }
  void give_up() {
    if (is_over()) return;
    note(Break::cut, silent_flow_);
    world.coverage().hit(Spot::link_gave_up);
    end(silent_flow_);
  }
  void note(Break what, std::size_t flow) {
    broken = what;
    if (what == Break::half_open) silent_flow_ = flow;
    world.trace().note("link.break", {static_cast<std::uint64_t>(what), flow});
    if (tap) tap->on_broken(what);
  }
  Duration draw_notice() {
    const auto longest = static_cast<std::uint64_t>(options.notice_max.count());
    return longest == 0 ? Duration() : Duration(world.prng().below(longest + 1));
  }
  void end(std::size_t broken_flow) {
    if (flows[broken_flow].is_inside_message()) world.coverage().hit(Spot::link_cut_inside);
    give_up_.cancel();
    for (Flow& flow : flows) {
      flow.go_silent();
      flow.stop_stalling();
      if (!options.keeps_what_arrived) flow.drop_arrived();
    }
    for (SimStream* side : sides) {
      if (side) world.reactor().plan(side->break_notice_, world.now() + draw_notice());
    }
  }

  // A message of an unknown kind, one that would never end, or one about a channel that nobody announced.
  void inject_garbage(std::size_t into) {
    static constexpr std::uint8_t unknown_kind[] = {3, 0, 0, 0, 0, 99, 0};
    static constexpr std::uint8_t giant[] = {255, 255, 255, 127, 0, 7};
    static constexpr std::uint8_t stray_item[] = {6, 0, 0, 0, 0, 8, 250, 255, 63, 0};
    world.coverage().hit(Spot::link_garbage);
    Flow& flow = flows[into];
    flow.go_silent();
    const std::array<ByteView, 3> kinds = {ByteView(unknown_kind), ByteView(giant), ByteView(stray_item)};
    flow.inject(kinds[world.prng().below(kinds.size())]);
    SimStream* reader = sides[1 - into];
    if (reader) reader->notify_readable();
  }

  BreakPlan plan_;
  std::size_t silent_flow_ = 0;
  SimEventOf<Wire, &Wire::break_as_planned> at_break_{*this};
  SimEventOf<Wire, &Wire::give_up> give_up_{*this};
};

// Null once the link has ended.
std::shared_ptr<SimStream::Wire> SimStream::Control::wire() const {
  std::shared_ptr<Wire> wire = wire_.lock();
  return wire && !wire->is_over() ? wire : nullptr;
}

bool SimStream::Control::is_up() const { return wire() != nullptr; }

std::size_t SimStream::Control::end_count() const {
  const std::shared_ptr<Wire> wire = wire_.lock();
  return wire ? static_cast<std::size_t>(std::ranges::count_if(wire->sides, [](auto* side) { return side; })) : 0;
}

bool SimStream::Control::break_now(Break what, std::size_t flow) {
  const std::shared_ptr<Wire> wire = this->wire();
  if (!wire) return false;
  const bool needs_flow = what == Break::half_open || what == Break::garbage;
  if (needs_flow && wire->flows[flow].is_silent()) return false;
  if (what == Break::garbage && wire->flows[flow].is_inside_message()) return break_after(what, flow, 0);
  wire->break_now(what, flow);
  return true;
}

bool SimStream::Control::break_after(Break what, std::size_t flow, std::uint64_t bytes) {
  const std::shared_ptr<Wire> wire = this->wire();
  if (!wire || wire->flows[flow].is_silent()) return false;
  wire->plan_break({.what = what, .flow = flow, .at_byte = wire->flows[flow].arrived() + bytes});
  return true;
}

bool SimStream::Control::stall(std::size_t flow, Duration duration) {
  const std::shared_ptr<Wire> wire = this->wire();
  if (wire) wire->stall(flow, wire->world.now() + duration);
  return wire != nullptr;
}

bool SimStream::Control::set_flow(std::size_t flow, const FlowOptions& how) {
  const std::shared_ptr<Wire> wire = this->wire();
  if (wire) wire->set_flow(flow, how);
  return wire != nullptr;
}

SimStream::Pair SimStream::make_pair(World& world, std::string address, const LinkOptions& options, LinkTap* tap,
                                     Control* control) {
  auto wire = std::make_shared<Wire>(world, options, tap);
  // tidy: allow new the constructor is private
  std::unique_ptr<io::Stream> dialing(new SimStream(wire, 0, address));
  // tidy: allow new the constructor is private
  std::unique_ptr<io::Stream> accepting(new SimStream(wire, 1, std::move(address)));
  if (control) control->wire_ = wire;
  return {std::move(dialing), std::move(accepting)};
}

SimStream::SimStream(std::shared_ptr<Wire> wire, std::size_t side, std::string address)
    : wire_(std::move(wire)), side_(side), peer_{std::move(address), std::nullopt} {
  wire_->sides[side_] = this;
  incoming().set_reader(this);
}

SimStream::~SimStream() {
  if (is_destroyed_) *is_destroyed_ = true;
  wire_->sides[side_] = nullptr;
  outgoing().finish();
  incoming().set_reader(nullptr);
  if (other()) world().reactor().plan(other()->gone_notice_, world().now() + wire_->options.flows[side_].delay_min);
  if (wire_->tap) wire_->tap->on_destroyed(side_);
}

Flow& SimStream::incoming() const { return wire_->flows[1 - side_]; }
Flow& SimStream::outgoing() const { return wire_->flows[side_]; }
SimStream* SimStream::other() const { return wire_->sides[1 - side_]; }
World& SimStream::world() const { return wire_->world; }

void SimStream::start(io::StreamEvents& events) {
  PARLEY_ASSERT(events_ == nullptr, "a stream is started once");
  events_ = &events;
  notify_readable();
  notify_writable();
}

io::Transfer SimStream::fail_reading(Error why) {
  if (!is_dead_ && !is_write_dead_) failure_ = std::move(why);
  is_dead_ = is_write_dead_ = true;
  has_told_end_ = true;
  inbox_.clear();
  return {Status::failed, 0};
}

io::Transfer SimStream::fail_writing(Error why) {
  if (!is_write_dead_) failure_ = std::move(why);
  is_write_dead_ = true;
  return {Status::failed, 0};
}

io::Transfer SimStream::read_some(std::span<std::uint8_t> into) {
  PARLEY_ASSERT(!into.empty());
  if (is_dead_) return {Status::failed, 0};
  if (const std::size_t count = incoming().read(into); count != 0) {
    for (io::Descriptor descriptor; incoming().take_attached(descriptor);) {
      if (auto added = inbox_.add(std::move(descriptor)); !added) return fail_reading(std::move(added).error());
    }
    if (wire_->tap) wire_->tap->on_read(side_, into.first(count));
    if (other()) other()->notify_writable();
    return {Status::moved, count};
  }
  if (incoming().is_stalled()) return {};
  const bool is_over = incoming().has_ended() || (knows_of_break_ && wire_->broken == Break::closed);
  if (knows_of_break_ && !is_over) return fail_reading({Code::link_lost, "the link to " + peer_.address + " was cut"});
  if (!is_over) return {};
  has_told_end_ = true;
  return {Status::ended, 0};
}

io::Transfer SimStream::write_some(ByteView from, std::span<io::Descriptor> with) {
  PARLEY_ASSERT(!from.empty());
  if (is_write_dead_) return {Status::failed, 0};
  if (!with.empty() && !passes_descriptors()) return fail_writing(io::no_descriptors(peer_.address));
  if (with.size() > io::descriptors_per_write_max) {
    return fail_writing({Code::too_many_descriptors, std::to_string(with.size()) + " descriptors with one write"});
  }
  if (outgoing().is_finished()) return fail_writing({Code::closed, "written after the end"});
  if (is_peer_gone_ || knows_of_break_) return fail_writing({Code::link_lost, "the peer has closed " + peer_.address});
  const std::uint64_t position = outgoing().written();
  const std::size_t count = outgoing().write(from);
  world().trace().note("link.write", {side_, from.size(), count});
  if (count == 0) return {};
  outgoing().attach(position, with);
  passed_ += with.size();
  if (wire_->tap) wire_->tap->on_written(side_, from.first(count));
  return {Status::moved, count};
}

bool SimStream::passes_descriptors() const { return wire_->options.passes_descriptors; }

Result<io::Descriptor> SimStream::claim_descriptor(std::uint64_t number) {
  return passes_descriptors() ? inbox_.claim(number) : io::Stream::claim_descriptor(number);
}

void SimStream::want_writable() {
  wants_writable_ = true;
  notify_writable();
}

void SimStream::finish() { outgoing().finish(); }

bool SimStream::has_news() const {
  return !has_told_end_ && (incoming().has_bytes() || incoming().has_ended() || knows_of_break_);
}

// A writer is woken for a quarter of the buffer, not for every byte that a reader takes.
bool SimStream::has_room() const {
  const Flow& flow = outgoing();
  return is_write_dead_ || flow.is_finished() || is_peer_gone_ || knows_of_break_ ||
         flow.room() >= (flow.capacity() + 3) / 4;
}

void SimStream::notify_readable() {
  if (!events_ || has_told_end_ || readable_.is_planned()) return;
  if (incoming().is_stalled()) {
    world().reactor().plan(readable_, incoming().stalled_until());
  } else if (has_news()) {
    world().reactor().plan(readable_, world().now());
  }
}

void SimStream::notify_writable() {
  if (events_ && wants_writable_ && has_room() && !writable_.is_planned()) {
    world().reactor().plan(writable_, world().now());
  }
}

void SimStream::report_readable() {
  if (!has_news()) return notify_readable();
  world().trace().note("link.readable", {side_});
  bool is_destroyed = false;
  is_destroyed_ = &is_destroyed;
  events_->on_readable();
  if (is_destroyed) return;
  is_destroyed_ = nullptr;
  notify_readable();
}

void SimStream::report_writable() {
  if (!wants_writable_ || !has_room()) return;
  wants_writable_ = false;
  world().trace().note("link.writable", {side_});
  events_->on_writable();
}

void SimStream::learn_of_break() {
  knows_of_break_ = true;
  readable_.cancel();
  notify_readable();
  notify_writable();
}

void SimStream::learn_that_peer_is_gone() {
  is_peer_gone_ = true;
  notify_writable();
}

}  // namespace parley::sim
