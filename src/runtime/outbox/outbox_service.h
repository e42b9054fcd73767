#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/intrusive_list.h"
#include "core/outbox/outbox.h"
#include "core/outbox/outbox_receiver.h"
#include "core/policy/policy.h"
#include "io/loop.h"
#include "runtime/client.h"
#include "runtime/commands/registry.h"
#include "runtime/outbox/outbox_entry.h"

// Commands that are kept until they have a result, over the one session that two Parley processes have: a call of
// parley.Outbox lasts as long as the session of an outbox. docs/WIRE.md, section 19.
namespace parley::builtin {

inline constexpr std::string_view outbox_name = "parley.Outbox";
inline constexpr std::uint32_t outbox_items_ahead = 256;

struct OutboxOpening {
  std::uint64_t outbox = 0;  // drawn at random by its process: another one is another outbox
  std::string name = {};     // for people
  std::optional<std::uint64_t> incarnation = {};
  std::optional<std::uint32_t> results = {};
};
// What a frame is, encoded.
struct OutboxCommand {
  std::string name;
  std::string request;    // JSON, or nothing
  std::string meta = {};  // the same, for the handler
};
struct OutboxSend {
  std::uint32_t number = 0;
  std::uint64_t ticket = 0;
  Duration remaining = {};                              // to do it
  std::optional<std::vector<std::uint8_t>> frame = {};  // none: nothing to do
  std::optional<std::uint32_t> results = {};            // that the sender has
};
struct OutboxCancel {
  std::uint64_t ticket = 0;
};
// Everything up to this number is here.
struct OutboxTaken {
  std::uint32_t last = 0;
};
using OutboxSaid = std::variant<OutboxSend, OutboxCancel, OutboxTaken>;

struct OutboxReady {
  std::uint64_t incarnation = 0;
  std::optional<std::uint32_t> received = {};
  std::uint32_t room = 0;
};
struct OutboxEnded {
  std::uint32_t number = 0;
  std::uint64_t ticket = 0;
  core::TicketResult::Kind kind = core::TicketResult::Kind::unknown;
  std::uint32_t code = 0;
  std::string note = {};
  std::string value = {};
  std::optional<std::uint32_t> received = {};  // commands that are here
};
using OutboxHeard = std::variant<OutboxReady, OutboxEnded, OutboxTaken>;

class Outbox {
 public:
  virtual ~Outbox() = default;
  // Lasts as long as the session of the outbox; the first thing said back is OutboxReady. Closing `said` in good order
  // ends the outbox: nothing of it is remembered. Errors: permission, overloaded; closed, where another session of that
  // outbox took its place; unexpected, where it breaks the rules.
  virtual Task<Result<void>> attach(Context& context, OutboxOpening opening, Rx<OutboxSaid, outbox_items_ahead> said,
                                    Tx<OutboxHeard, outbox_items_ahead> heard) = 0;
  // What became of a ticket, as far as this process knows: as whose outbox it is, or as who runs its commands for the
  // caller.
  virtual Task<OutboxTicket> ticket(Context& context, std::uint64_t outbox, std::uint64_t ticket) = 0;
  // Those that are sent from this process, and those that send to it; what the caller may know.
  virtual Task<std::vector<OutboxEntry>> list(Context& context) = 0;
};
PARLEY_SERVICE(Outbox,
               (attach, args(opening, said, heard), describe("commands that are kept until they have a result")),
               (ticket, args(outbox, ticket), describe("what became of one command"), idempotent),
               (list, describe("the outboxes at this end"), idempotent));

}  // namespace parley::builtin

namespace parley {

class Outbox;

struct OutboxServiceOptions {
  core::OutboxReceiverLimits limits = {};
  std::uint32_t outboxes_max = 1024;
  std::uint32_t outboxes_per_principal_max = 64;
  // Commands that wait or run, and results: beyond, nothing new is taken. What runs by then adds its results all the
  // same.
  std::size_t bytes_of_all_max = std::size_t{256} << 20;
  // An outbox that is away so long is forgotten; if it comes back, this is another life for it.
  Duration away_max = std::chrono::minutes(10);
};

// Takes commands of outboxes and runs each once. For Services::serve(). On one loop; what its handlers need outlives
// it.
class OutboxService final : public builtin::Outbox {
  class Receiver;

 public:
  // Who calls: nobody else's commands are his.
  struct Sender {
    std::string principal;
    std::shared_ptr<const core::Rights> rights;  // null: all
    bool sees_all = true;                        // whether lists show him what is not his
  };
  using Who = std::move_only_function<Result<Sender>(Context& context) const>;
  // One command that was given out to be run. Lasts as long as its task.
  class Turn final : public ListNode {
   public:
    Turn(Receiver& receiver, core::Ticket ticket);

    // It runs from now on, and cannot be cancelled. False: it is cancelled already, which is its end.
    bool begin();
    bool is_cancelled() const { return is_cancelled_; }
    // Set when it is cancelled; for whatever else the task waits for before it begins, too.
    Event& news() { return news_; }

   private:
    friend class Receiver;
    void cancel() {
      is_cancelled_ = true;
      news_.set();
    }

    Receiver& receiver_;
    const core::Ticket ticket_;
    bool is_cancelled_ = false;
    Event news_;
  };
  // Runs one, and gives its result by then. It calls begin() of the turn first: until then it counts as waiting, and a
  // cancel is for it to heed.
  using Run = std::move_only_function<Task<core::TicketResult>(Turn& turn, const core::Rights* rights,
                                                               builtin::OutboxCommand command, Instant deadline) const>;

  OutboxService(io::Loop& loop, OutboxServiceOptions options, Who who, Run run);
  // The commands of a registry, which outlives it. One that nobody has yet is waited for, until the deadline: who has
  // it may be on the way. By itself it is there for whoever calls.
  explicit OutboxService(Registry& registry, OutboxServiceOptions options = {});
  OutboxService(Registry& registry, OutboxServiceOptions options, Who who);
  ~OutboxService();
  OutboxService(const OutboxService&) = delete;
  OutboxService& operator=(const OutboxService&) = delete;

  // What runs is stopped, whoever sends is told, and nothing new is taken. Idempotent; so does destroying it.
  void close();
  // Lists it, as long as both live.
  void show(parley::Outbox& outbox);
  std::vector<const core::Outbox*> shown() const;
  // What is known here of a ticket, by the text that the `meta` of its command has: of any sender, and of a shown
  // outbox. Errors: invalid (no ticket).
  Result<builtin::OutboxTicket> ticket(std::string_view text) const;
  // What `list` says to somebody who may see all.
  std::vector<builtin::OutboxEntry> entries() const;
  // Of all that send to it, also those that are gone.
  core::OutboxReceiverCounters counters() const;

  Task<Result<void>> attach(Context& context, builtin::OutboxOpening opening,
                            Rx<builtin::OutboxSaid, builtin::outbox_items_ahead> said,
                            Tx<builtin::OutboxHeard, builtin::outbox_items_ahead> heard) override;
  Task<builtin::OutboxTicket> ticket(Context& context, std::uint64_t outbox, std::uint64_t ticket) override;
  Task<std::vector<builtin::OutboxEntry>> list(Context& context) override;

 private:
  class State;
  class Visit;
  const std::shared_ptr<State> state_;
};

}  // namespace parley
