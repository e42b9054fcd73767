#pragma once

#include <fmt/format.h>
#include <parley/outbox.h>
#include <parley/parley.h>
#include <parley/testing.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace swarm {

// What a command asks for: its number in the book, what to do, for how long, and how long its answer is.
enum class Deed : std::uint8_t { answer, answer_late, fail, fail_late, throw_up, never };
struct Work {
  std::uint64_t tag;
  Deed deed;
  std::uint32_t ms;
  std::uint32_t answer_bytes;
  std::string text;
};
struct Done {
  std::string text;
};

// All commands of all outboxes of a run, what was done for them and where, and what came of them. What must be so at
// any time is expected when it happens, the rest by check() and judge().
class OutboxBook {
 public:
  using World = parley::testing::World;
  using Outbox = parley::Outbox;
  using Kind = parley::TicketResult::Kind;

  // An outbox, also when it is gone.
  struct Box;
  // A receiver as its outbox can tell it from others: a life of its process, and how often the outbox had begun anew.
  struct Life {
    std::uint64_t process;
    std::uint64_t restarts;
    friend auto operator<=>(const Life&, const Life&) = default;
  };
  // One time that it was started, and how that ended.
  struct Run {
    Life life;
    std::optional<std::string> value = {};
    bool has_failed = false;
  };
  struct Command {
    Box* box;
    std::uint64_t tag;
    std::uint64_t ticket;
    std::size_t bytes;
    parley::OutboxSendOptions options;
    parley::Instant taken;
    parley::Instant deadline;
    std::optional<std::uint64_t> incarnation;  // that was known when it was sent
    std::uint64_t place = 0;                   // in the order of sending
    bool keeps_place = true;                   // it has not waited for room, nor has the one whose place it took
    std::optional<parley::TicketResult> result = {};
    std::deque<Run> runs = {};
  };
  struct Box {
    const Outbox* outbox;  // null: it is gone
    parley::core::OutboxLimits limits;
    std::map<std::uint64_t, Command*> open = {};  // by ticket
    Command* replaced = nullptr;                  // by the one that is being sent
    std::map<Life, std::uint64_t> last_place = {};
    std::map<std::optional<std::uint64_t>, std::uint64_t> processes = {};  // that did what was for one incarnation
    std::map<Life, std::size_t> running = {};
  };

  explicit OutboxBook(World& world) : world_(world) {}

  Box& open(Outbox& outbox, const parley::core::OutboxLimits& limits) {
    Box& box = boxes_.emplace_back(Box{.outbox = &outbox, .limits = limits});
    outbox.on_result(
        [this, &box](std::uint64_t ticket, const parley::TicketResult& result) { end(box, ticket, result); });
    return box;
  }
  // Its counters are its last ones.
  void close(Box& box) {
    const parley::core::OutboxCounters& counters = box.outbox->machine().counters();
    note("rejected", counters.rejected.sum());
    note("evicted", counters.evicted.sum());
    note("coalesced", counters.coalesced.sum());
    note("waited", counters.waited);
    note("probe failed", counters.not_connected);
    note("resent", counters.resent);
    note("voided", counters.voided);
    note("cancelled in flight", counters.cancelled_in_flight);
    note("cancelled too late", counters.cancels_too_late);
    note("session replaced", counters.sessions_replaced);
    note("silence", counters.silences);
    note("peer restarted", counters.restarts);
    note("result repeated", counters.results_repeated);
    note("result late", counters.results_late);
    box.outbox = nullptr;
  }

  // --- whoever sends
  std::uint64_t next_tag() const { return commands_.size(); }
  void sending(Box& box) { box.replaced = nullptr; }
  Command& sent(Box& box, const parley::Ticket& ticket, std::size_t bytes, parley::OutboxSendOptions options,
                std::optional<std::uint64_t> incarnation) {
    const bool waits = stage_of(box, ticket.number()) == Stage::waiting;
    const parley::Instant deadline = world_.now() + options.deadline.value();
    Command& command = commands_.emplace_back(Command{.box = &box,
                                                      .tag = commands_.size(),
                                                      .ticket = ticket.number(),
                                                      .bytes = bytes,
                                                      .options = std::move(options),
                                                      .taken = world_.now(),
                                                      .deadline = deadline,
                                                      .incarnation = incarnation});
    command.place = box.replaced ? box.replaced->place : command.ticket;
    command.keeps_place = !waits && (!box.replaced || box.replaced->keeps_place);
    box.open.emplace(command.ticket, &command);
    check(box);
    return command;
  }

  // --- whoever does it
  Command& command(std::uint64_t tag) {
    world_.expect(tag < commands_.size(), "only what was sent is applied");
    return commands_[tag];
  }
  Run& start(Command& command, std::uint64_t process, std::string_view meta) {
    Box& box = *command.box;
    // Of an outbox that is gone nothing is sent any more, so this is the last receiver that it had there.
    const Life life{process, box.outbox ? box.outbox->machine().counters().restarts : ~std::uint64_t{0}};
    if (box.outbox) {
      const std::string text = fmt::format("{:016x}-{}", box.outbox->id(), command.ticket);
      world_.expect(meta.contains(text), "the handler is told its ticket");
    }
    const bool goes_anywhere = command.options.incarnation == Outbox::Incarnation::any;
    world_.expect(command.runs.empty() || goes_anywhere, "a command for one incarnation is applied once");
    for (const Run& run : command.runs) world_.expect(run.life != life, "no incarnation applies a command twice");
    world_.expect(!command.result || may_have_run(*command.result), "what is said to be not applied is not applied");
    if (!goes_anywhere) {
      const auto [known, is_new] = box.processes.emplace(command.incarnation, process);
      world_.expect(is_new || known->second == process, "what was for one incarnation is not applied by another");
    }
    if (command.keeps_place) {
      std::uint64_t& last = box.last_place[life];
      world_.expect(last < command.place, "commands are started in the order in which they were sent");
      last = command.place;
    }
    note("runs", 1);
    return command.runs.emplace_back(Run{.life = life});
  }

  // --- what must be so at any time
  void check() {
    for (const Box& box : boxes_) {
      if (box.outbox) check(box);
    }
  }
  void expect_over(const Box& box) { world_.expect(box.open.empty(), "each ticket of an outbox that is gone is over"); }

  // --- when all is over
  void judge() {
    for (const Command& command : commands_) {
      world_.expect(command.result.has_value(), "each ticket has its result");
      world_.expect(may_have_run(*command.result) || command.runs.empty(), "what was not applied never was");
    }
  }

  void note(std::string_view what, std::uint64_t times) {
    if (times != 0) outcomes_[std::string(what)] += times;
  }
  const std::map<std::string, std::uint64_t>& outcomes() const { return outcomes_; }
  // What came of what, and when.
  std::uint64_t digest() const { return digest_; }

 private:
  using Stage = parley::builtin::OutboxTicket::Stage;

  static Stage stage_of(const Box& box, std::uint64_t ticket) { return box.outbox->ticket(ticket).stage; }
  static bool has_failed_there(const parley::TicketResult& result) {
    return result.error.code == parley::Code::failed || result.error.code == parley::Code::handler_threw;
  }
  static bool may_have_run(const parley::TicketResult& result) {
    if (result.kind == Kind::failed) return has_failed_there(result);
    return result.kind == Kind::applied || result.kind == Kind::unknown;
  }

  void end(Box& box, std::uint64_t ticket, const parley::TicketResult& result) {
    const auto found = box.open.find(ticket);
    world_.expect(found != box.open.end(), "a ticket has one result");
    Command& command = *found->second;
    box.open.erase(found);
    command.result = result;
    if (result.error.note.starts_with("a newer one of its key")) box.replaced = &command;
    note(to_string(result.kind), 1);
    mix(static_cast<std::uint64_t>(result.kind));
    mix(command.tag);
    mix(static_cast<std::uint64_t>(world_.now().ns()));
    if (result.kind == Kind::applied) {
      const auto gave = [&](const Run& run) { return run.value == result.value; };
      world_.expect(std::ranges::any_of(command.runs, gave), "what is said to be applied is, with that value");
    } else if (result.kind == Kind::failed && has_failed_there(result)) {
      world_.expect(std::ranges::any_of(command.runs, &Run::has_failed), "what is said to have failed has");
    } else if (result.kind == Kind::failed) {
      world_.expect(result.error.code == parley::Code::not_sent,
                    fmt::format("no command fails with {}", to_string(result.error)));
    }
    if (!may_have_run(result)) {
      world_.expect(command.runs.empty(), fmt::format("what was applied is not said to be {}, {}",
                                                      to_string(result.kind), to_string(result.error)));
    }
  }

  void check(const Box& box) {
    const parley::core::Outbox& machine = box.outbox->machine();
    const parley::core::OutboxLimits& limits = box.limits;
    std::size_t commands = 0;
    std::size_t bytes = 0;
    std::size_t waiting = 0;
    std::size_t waiting_bytes = 0;
    std::map<std::string_view, std::size_t> groups;
    for (const auto& [ticket, command] : box.open) {
      const Stage stage = stage_of(box, ticket);
      world_.expect(stage != Stage::over && stage != Stage::unknown, "what is over has its result");
      if (stage == Stage::waiting) {
        ++waiting;
        waiting_bytes += command->bytes;
      } else {
        ++commands;
        bytes += command->bytes;
        if (!command->options.group.empty()) ++groups[command->options.group];
      }
      const bool is_there = stage == Stage::sent || stage == Stage::received;
      const parley::Instant due = command->deadline + (is_there ? limits.answer_within : parley::Duration::zero());
      world_.expect(world_.now() <= due, "a ticket is over by its deadline");
      if (const auto since = machine.outage()) {
        world_.expect(world_.now() <= std::max(*since, command->taken) + limits.outage_max,
                      "a ticket is over when the peer has been away for too long");
        const bool is_probe = command->options.when_full == Outbox::WhenFull::only_if_connected;
        world_.expect(!is_probe || stage == Stage::received, "a probe does not wait for a session");
      }
    }
    world_.expect(commands <= limits.commands_max && commands == machine.commands(), "the commands are bounded");
    world_.expect(bytes <= limits.bytes_max && machine.bytes() <= limits.bytes_max, "and their bytes");
    world_.expect(waiting <= limits.waiting_max, "those that wait for room are bounded");
    world_.expect(waiting_bytes <= limits.waiting_bytes_max, "and their bytes");
    for (const auto& [group, count] : groups) {
      world_.expect(count <= limits.group_commands_max, "a group keeps to its quota");
    }
  }

  void mix(std::uint64_t value) {
    digest_ = (digest_ ^ value) * 0x9e3779b97f4a7c15u;
    digest_ ^= digest_ >> 29;
  }

  World& world_;
  std::deque<Command> commands_;  // by tag
  std::deque<Box> boxes_;
  std::map<std::string, std::uint64_t> outcomes_;
  std::uint64_t digest_ = 0;
};

}  // namespace swarm
