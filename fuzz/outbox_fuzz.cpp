// What the peer of an outbox says, and what an outbox says to its peer. The first byte chooses whether it goes into the
// machine itself or over a session, to the one or to the other end; the rest are items, each behind a byte of length,
// and what happens between them. Whatever comes, it costs a session at most: no bound is passed, each ticket has one
// result, and nothing runs twice.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "async/scope.h"
#include "codec/postcard_reader.h"
#include "io/memory_stream.h"
#include "runtime/framed_link.h"
#include "runtime/outbox/outbox.h"
#include "runtime/outbox/results.h"
#include "runtime/services.h"
#include "still_world.h"

namespace {

using namespace parley;
using builtin::OutboxHeard;
using builtin::OutboxSaid;
using core::OutboxReceiver;

constexpr core::OutboxLimits outbox_limits{.commands_max = 8, .bytes_max = 512, .waiting_max = 2};
constexpr core::OutboxReceiverLimits receiver_limits{
    .commands_max = 8, .at_once = 2, .results_max = 16, .results_bytes_max = 256};

// Of the items one after the other: what stands in front of them, and their bytes.
class Items {
 public:
  explicit Items(ByteView rest) : rest_(rest) {}

  bool is_over() const { return rest_.size() < 2; }
  std::uint8_t what() { return std::exchange(rest_, rest_.subspan(1))[0]; }
  template <class Item>
  std::optional<Item> next() {
    const std::size_t size = std::min<std::size_t>(rest_[0], rest_.size() - 1);
    // A copy of exactly its size: a read beyond the end is then seen.
    const std::vector<std::uint8_t> copy(rest_.begin() + 1, rest_.begin() + 1 + static_cast<std::ptrdiff_t>(size));
    rest_ = rest_.subspan(1 + size);
    auto item = codec::from_postcard<Item>(copy);
    return item ? std::optional(*std::move(item)) : std::nullopt;
  }

 private:
  ByteView rest_;
};

// --- the machines

class ReceiverUnderTest {
 public:
  void run(Items items) {
    attach({});
    while (!items.is_over()) {
      const std::uint8_t what = items.what();
      if ((what & 1) != 0) now_ = now_ + std::chrono::milliseconds(what);
      if ((what & 6) == 2) finish();
      if ((what & 24) == 8) attach({.incarnation = incarnation, .results = what & 7u});
      if ((what & 96) == 32) machine_.detach(session_);
      if (!items.is_over()) say(items.next<OutboxSaid>(), (what & 224) != 224);
      Effects effects;
      machine_.on_time(now_, effects);
      machine_.flush();
      carry_out(effects);
      // Some of what there is to say is said; the rest waits for its turn.
      for (int i = what % 4; i > 0; --i) {
        const auto said = machine_.next();
        if (!said) break;
        const auto* const answer = std::get_if<OutboxReceiver::Answer>(&*said);
        if (answer && (what & 192) == 192) machine_.unsayable(*answer, {Code::too_large, "the result"});
      }
      PARLEY_ASSERT(machine_.oldest().has_value() == (machine_.waiting() + machine_.running() != 0));
      for (const core::Ticket ticket : running_) {
        PARLEY_ASSERT(machine_.state(ticket)->stage == OutboxReceiver::Stage::running, ticket);
      }
      PARLEY_ASSERT(machine_.waiting() + machine_.running() <= receiver_limits.commands_max);
      PARLEY_ASSERT(machine_.results() <= receiver_limits.results_max);
      PARLEY_ASSERT(machine_.running() == running_.size());
      PARLEY_ASSERT(running_.size() + given_out_.size() <= receiver_limits.at_once);
    }
    while (!running_.empty() || !given_out_.empty()) finish();
    PARLEY_ASSERT(machine_.running() + machine_.waiting() == 0);
    core::OutboxReceiverCounters all;
    all.add(machine_.counters());
    PARLEY_ASSERT(all.started <= all.received, all.started, all.received);
  }

 private:
  using Effects = OutboxReceiver::Effects;

  void attach(const core::OutboxHello& hello) {
    Effects effects;
    const auto attached = machine_.attach(hello, effects);
    if (attached) {
      session_ = attached->session;
      machine_.welcomed(session_);
    }
    carry_out(effects);
  }
  void say(std::optional<OutboxSaid> said, bool may_keep) {
    if (!said) return;
    Effects effects;
    if (auto* const sent = std::get_if<builtin::OutboxSend>(&*said)) {
      if (sent->results) machine_.acknowledged(session_, *sent->results, now_, effects);
      machine_.take(session_,
                    {.number = sent->number,
                     .ticket = sent->ticket,
                     .deadline = now_ + sent->remaining,
                     .frame = std::move(sent->frame),
                     .may_keep = may_keep},
                    now_, effects);
    } else if (const auto* const cancel = std::get_if<builtin::OutboxCancel>(&*said)) {
      machine_.cancel(session_, cancel->ticket, now_, effects);
    } else {
      machine_.acknowledged(session_, std::get<builtin::OutboxTaken>(*said).last, now_, effects);
    }
    carry_out(effects);
  }
  // The first that runs; where none does, the first that was given out begins.
  void finish() {
    if (running_.empty() && given_out_.empty()) return;
    if (running_.empty()) {
      const core::Ticket ticket = *given_out_.begin();
      given_out_.erase(ticket);
      machine_.begun(ticket);
      running_.insert(ticket);
      return;
    }
    const core::Ticket ticket = *running_.begin();
    running_.erase(ticket);
    end(ticket, core::applied("1"));
  }
  void end(core::Ticket ticket, TicketResult result) {
    Effects effects;
    machine_.finished(ticket, std::move(result), now_, effects);
    carry_out(effects);
  }
  void carry_out(Effects& effects) {
    for (const auto& effect : effects) {
      if (const auto* const start = std::get_if<OutboxReceiver::Start>(&effect)) {
        PARLEY_ASSERT(start->deadline > now_ && given_out_.insert(start->ticket).second);
      } else if (const auto* const stop = std::get_if<OutboxReceiver::Stop>(&effect)) {
        PARLEY_ASSERT(given_out_.erase(stop->ticket) == 1);
        end(stop->ticket, core::cancelled("before it was started"));
      }
    }
  }

  Instant now_ = Instant::from_ns(1);
  static constexpr std::uint64_t incarnation = 9;
  OutboxReceiver machine_{incarnation, receiver_limits};
  OutboxReceiver::Session session_ = 0;
  std::set<core::Ticket> given_out_;
  std::set<core::Ticket> running_;
};

class OutboxUnderTest {
 public:
  void run(Items items) {
    while (!items.is_over()) {
      const std::uint8_t what = items.what();
      if ((what & 1) != 0) now_ = now_ + std::chrono::milliseconds(what);
      Effects effects;
      if ((what & 2) != 0) send(what, effects);
      if ((what & 12) == 4) machine_.cancel(what % 4 + 1, effects);
      if ((what & 48) == 16 || session_ == 0) session_ = machine_.connect(now_, effects);
      if ((what & 192) == 64) machine_.disconnect(session_, now_, effects);
      carry_out(effects);
      if (!items.is_over()) hear(items.next<OutboxHeard>());
      Effects after;
      machine_.on_time(now_, after);
      machine_.flush();
      carry_out(after);
      for (int i = what % 4; i > 0; --i) {
        Effects more;
        const bool has_said = machine_.next(now_, more).has_value();
        carry_out(more);
        if (!has_said) break;
      }
      PARLEY_ASSERT(machine_.commands() <= outbox_limits.commands_max && machine_.bytes() <= outbox_limits.bytes_max);
      PARLEY_ASSERT(machine_.size() == open_.size());
    }
    Effects last;
    machine_.close(now_, now_, last);
    carry_out(last);
    PARLEY_ASSERT(machine_.size() == 0 && open_.empty());
  }

 private:
  using Effects = core::Outbox::Effects;

  void send(std::uint8_t what, Effects& effects) {
    const auto ticket = machine_.send({.frame = std::make_shared<const std::vector<std::uint8_t>>(what),
                                       .group = (what & 8) != 0 ? "g" : "",
                                       .key = (what & 16) != 0 ? "k" : "",
                                       .deadline = now_ + std::chrono::milliseconds(100),
                                       .incarnation = static_cast<core::Outbox::Incarnation>(what >> 7),
                                       .when_full = static_cast<core::Outbox::WhenFull>(what >> 5 & 3)},
                                      now_, effects);
    if (ticket) PARLEY_ASSERT(open_.insert(*ticket).second);
  }
  void hear(std::optional<OutboxHeard> heard) {
    if (!heard) return;
    Effects effects;
    if (const auto* const ready = std::get_if<builtin::OutboxReady>(&*heard)) {
      machine_.welcome(session_, {.incarnation = ready->incarnation, .received = ready->received, .room = ready->room},
                       now_, effects);
    } else if (auto* const ended = std::get_if<builtin::OutboxEnded>(&*heard)) {
      if (ended->received) machine_.acknowledged(session_, *ended->received, now_, effects);
      const std::uint32_t number = ended->number;
      const core::Ticket ticket = ended->ticket;
      machine_.finished(session_, number, ticket, runtime::result_of(std::move(*ended)), now_, effects);
    } else {
      machine_.acknowledged(session_, std::get<builtin::OutboxTaken>(*heard).last, now_, effects);
    }
    carry_out(effects);
  }
  void carry_out(Effects& effects) {
    for (const auto& effect : effects) {
      const auto* const finished = std::get_if<core::Outbox::Finished>(&effect);
      if (finished) PARLEY_ASSERT(open_.erase(finished->ticket) == 1, finished->ticket);
    }
  }

  Instant now_ = Instant::from_ns(1);
  core::Outbox machine_{outbox_limits, now_};
  core::Outbox::Session session_ = 0;
  std::set<core::Ticket> open_;
};

// --- over a session

using Said = Tx<OutboxSaid, builtin::outbox_items_ahead>;
using Heard = Rx<OutboxHeard, builtin::outbox_items_ahead>;

// The other end of an outbox, which says what the input says.
class Liar final : public builtin::Outbox {
 public:
  explicit Liar(Items items) : items_(items) {}
  Task<Result<void>> attach(Context&, builtin::OutboxOpening, Rx<OutboxSaid, builtin::outbox_items_ahead> said,
                            Tx<OutboxHeard, builtin::outbox_items_ahead> heard) override {
    while (!items_.is_over()) {
      const bool waits = (items_.what() & 1) != 0;
      if (items_.is_over()) break;
      const auto item = items_.next<OutboxHeard>();
      if (item && !co_await heard.send(*item)) break;
      if (waits && !co_await said.recv()) break;
    }
    co_return Result<void>();
  }
  Task<builtin::OutboxTicket> ticket(Context&, std::uint64_t, std::uint64_t) override {
    co_return builtin::OutboxTicket();
  }
  Task<std::vector<builtin::OutboxEntry>> list(Context&) override { co_return std::vector<builtin::OutboxEntry>(); }

 private:
  Items items_;
};

struct World {
  StillClock clock;
  NoReactor reactor;
  FixedRandom random;
  io::Loop loop{clock, reactor, random};

  void turn() {
    while (loop.poll_once()) {
    }
  }
  void pass(Duration duration) {
    clock.pass(duration);
    turn();
  }
};

runtime::Session& start(World& world, std::unique_ptr<io::Stream> stream, runtime::Session::Role role,
                        const Services& services) {
  return runtime::Session::start(world.loop,
                                 std::make_unique<runtime::FramedLink>(world.loop, std::move(stream), Limits()), role,
                                 {}, &services.table());
}

Task<void> say_all(Client<builtin::Outbox> peer, Items items) {
  auto [to_peer, said] = channel<OutboxSaid, builtin::outbox_items_ahead>();
  auto [heard, from_peer] = channel<OutboxHeard, builtin::outbox_items_ahead>();
  auto call =
      peer.call<&builtin::Outbox::attach>(builtin::OutboxOpening{.outbox = 1}, std::move(said), std::move(heard));
  while (!items.is_over()) {
    const std::uint8_t what = items.what();
    if (items.is_over()) break;
    const auto item = items.next<OutboxSaid>();
    if (item && !co_await to_peer.send(*item)) break;
    if ((what & 1) != 0 && !co_await from_peer.recv()) break;
  }
  to_peer.close();
  static_cast<void>(co_await call);
}

void run_service(Items items) {
  World world;
  OutboxService service(
      world.loop, {.limits = receiver_limits},
      [](Context&) { return OutboxService::Sender{.principal = "p", .rights = {}}; },
      [](OutboxService::Turn& turn, const core::Rights*, builtin::OutboxCommand command,
         Instant) -> Task<TicketResult> {
        if (!turn.begin()) co_return core::cancelled("before it was started");
        co_return core::applied(std::move(command.name));
      });
  Services services;
  PARLEY_ASSERT(services.serve<builtin::Outbox>(std::string(builtin::outbox_name), service).has_value());
  const Services none;
  auto [near, far] = io::MemoryStream::make_pair(world.loop, "mem:", {});
  runtime::Session& a = start(world, std::move(near), runtime::Session::Role::initiator, none);
  runtime::Session& b = start(world, std::move(far), runtime::Session::Role::acceptor, services);
  {
    Scope scope(world.loop.executor());
    scope.spawn(say_all(Client<builtin::Outbox>(a), items));
    world.turn();
    world.pass(std::chrono::seconds(60));
    PARLEY_ASSERT(service.entries().size() <= 1);
  }
  a.close({Code::closed, "over"});
  b.close({Code::closed, "over"});
  world.turn();
  a.drop_caller();
  b.drop_caller();
  world.pass(std::chrono::seconds(60));
}

void run_outbox(Items items) {
  World world;
  Liar liar(items);
  Services services;
  PARLEY_ASSERT(services.serve<builtin::Outbox>(std::string(builtin::outbox_name), liar).has_value());
  const Services none;
  auto [near, far] = io::MemoryStream::make_pair(world.loop, "mem:", {});
  runtime::Session& a = start(world, std::move(near), runtime::Session::Role::initiator, none);
  runtime::Session& b = start(world, std::move(far), runtime::Session::Role::acceptor, services);
  {
    Outbox outbox(world.loop, {.limits = outbox_limits});
    std::vector<Ticket> tickets;
    std::size_t told = 0;
    outbox.on_result([&told](std::uint64_t, const TicketResult&) { ++told; });
    for (int i = 0; i < 6; ++i) tickets.push_back(outbox.send("note").value());
    Scope scope(world.loop.executor());
    scope.spawn([](Outbox& box, runtime::Session& session) -> Task<void> {
      static_cast<void>(co_await box.attach(session));
    }(outbox, a));
    world.turn();
    world.pass(std::chrono::minutes(2));
    PARLEY_ASSERT(told == tickets.size() && outbox.machine().size() == 0, told);
  }
  a.close({Code::closed, "over"});
  b.close({Code::closed, "over"});
  world.turn();
  a.drop_caller();
  b.drop_caller();
  world.pass(std::chrono::seconds(60));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2 || size > 4096) return 0;
  const Items items(ByteView(data + 1, size - 1));
  switch (data[0] % 4) {
    case 0: ReceiverUnderTest().run(items); break;
    case 1: OutboxUnderTest().run(items); break;
    case 2: run_service(items); break;
    default: run_outbox(items);
  }
  return 0;
}
