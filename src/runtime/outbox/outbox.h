#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "async/scope.h"
#include "base/intrusive_list.h"
#include "codec/json_writer.h"
#include "core/outbox/outbox.h"
#include "runtime/hold.h"
#include "runtime/outbox/outbox_service.h"
#include "runtime/outbox/ticket.h"

namespace parley {

struct OutboxOptions {
  std::string name = "outbox";  // for people, at both ends
  core::OutboxLimits limits = {};
  Duration deadline = std::chrono::seconds(30);  // of a command for which nothing else is said
};

struct OutboxSendOptions {
  std::string group = {};  // has a quota, and can be cancelled as one
  std::string key = {};    // takes the place of one with this key that has not been sent
  // From now, to be started; a result there is a second later at the latest.
  std::optional<Duration> deadline = {};
  core::Outbox::Incarnation incarnation = core::Outbox::Incarnation::same;
  core::Outbox::WhenFull when_full = core::Outbox::WhenFull::reject;
  std::string meta = {};  // for the handler: an object as JSON. What it gets has the ticket besides
};

// Commands to one peer, each of which is applied once, or its sender learns why not: they wait while the peer is away,
// are sent again when a session broke, and are not run twice. What is said of the bounds, of lives of the peer and of
// results at core::Outbox and TicketResult holds. send() never waits. On one loop. Destroying it ends every ticket.
//
//   Outbox outbox(loop, {.name = "to the host"});
//   co_await co_await attach(outbox, *session);                   // again with each link, where the session redials
//   Ticket ticket = co_await outbox.send("window.open", Open{.title = "hello"});
//   TicketResult result = co_await ticket.result();
class Outbox final : public ListNode {
 public:
  using WhenFull = core::Outbox::WhenFull;
  using Incarnation = core::Outbox::Incarnation;
  using Cancelled = core::Outbox::Cancelled;

  explicit Outbox(io::Loop& loop, OutboxOptions options = {});
  ~Outbox();
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;

  // Errors: overloaded ("backpressure overflow"), too_large, json, invalid (the name, `meta`), not_sent
  // (only_if_connected, and it is not), closed.
  template <class In>
  Result<Ticket> send(std::string_view command, const In& request, OutboxSendOptions options = {}) {
    std::string text;
    PARLEY_TRY(codec::append_json(text, request));
    return send_json(command, std::move(text), std::move(options));
  }
  Result<Ticket> send(std::string_view command, OutboxSendOptions options = {}) {
    return send_json(command, {}, std::move(options));
  }
  // The request is an object as JSON, or empty.
  Result<Ticket> send_json(std::string_view command, std::string request, OutboxSendOptions options = {});
  // What has not been sent is over now; of the rest the result says whether this was in time.
  Cancelled cancel(const Ticket& ticket);
  // cancel() of a whole group: how many were over at once.
  std::size_t purge(std::string_view group);

  // Sends over this session from now on, until it ends or another one is attached; again with each link of one that
  // redials. Ends when the peer is ready, or says why it is not; it is then asked again as long as the session lasts,
  // unless it has no outboxes. Errors: unsupported (it serves no parley.Outbox), and how the call or the session ended.
  Task<Result<void>> attach(runtime::Session& session);

  // Of a ticket that is not forgotten.
  builtin::OutboxTicket ticket(std::uint64_t number) const;
  // What the other end knows of it, asked over the session. Errors: not_sent (there is none), and how the call ended.
  Task<Result<builtin::OutboxTicket>> ask_peer(std::uint64_t ticket);
  // Told of each result before whoever waits for it goes on; it may call what it likes here, and not destroy it. One
  // for all.
  void on_result(std::move_only_function<void(std::uint64_t ticket, const TicketResult& result)> told) {
    told_ = std::move(told);
  }

  // Takes nothing new; ends when every ticket has its result, which those have that would come later than `within`, and
  // when the peer has heard that nothing more comes, for which it has a second.
  Task<void> close(Duration within);

  std::uint64_t id() const { return id_; }
  const std::string& name() const { return options_.name; }
  // How a ticket is written: where it is asked for, and in the `ticket` of what its handler gets as meta.
  std::string text_of(const Ticket& ticket) const;
  builtin::OutboxEntry entry() const;
  const core::Outbox& machine() const { return machine_; }

 private:
  class Visit;
  struct Start {
    Event event;
    Result<void> result = fail(Code::closed, "the outbox");
  };
  // Ends a start with whatever its result is by then.
  class Starting {
   public:
    explicit Starting(std::shared_ptr<Start> start) : start_(std::move(start)) {}
    ~Starting() { start_->event.set(); }
    Starting(const Starting&) = delete;
    Starting& operator=(const Starting&) = delete;

   private:
    std::shared_ptr<Start> start_;
  };
  struct Closing {
    explicit Closing(Outbox& owner) : outbox(&owner) {}
    Event drained;
    Event left;      // the last session of it has ended
    Outbox* outbox;  // null: it is gone
  };
  struct Alarm final : Timer {
    explicit Alarm(Outbox& owner) : Timer(&Alarm::fire), outbox(owner) {}
    static void fire(Timer& timer) { static_cast<Alarm&>(timer).outbox.on_time(); }
    Outbox& outbox;
  };
  struct Flush final : Ready {
    explicit Flush(Outbox& owner) : Ready(&Flush::run), outbox(owner) {}
    static void run(Ready& node);
    Outbox& outbox;
    bool is_posted = false;
  };
  using Effects = core::Outbox::Effects;

  static Task<void> follow(Outbox& self, runtime::Session& session, Hold hold, std::shared_ptr<Start> start);
  static Task<Result<void>> run(Outbox& self, runtime::Session& session, std::shared_ptr<Start> start);
  static Task<void> read(Visit& visit);
  static Task<void> write(Visit& visit);
  static Task<void> wait(Visit& visit);
  static Task<void> closed(std::shared_ptr<Closing> closing);
  void on_heard(Visit& visit, builtin::OutboxHeard heard);
  void on_time();
  void arm();
  void carry_out(Effects effects);
  void do_effect(core::Outbox::Close& close);
  void do_effect(core::Outbox::Finished& finished);
  void do_effect(core::Outbox::Drained&) { closing_->drained.set(); }
  void wake();
  builtin::OutboxSaid item_of(const core::Outbox::Said& said) const;
  Instant now() const { return loop_.executor().now(); }

  io::Loop& loop_;
  const OutboxOptions options_;
  const std::uint64_t id_;
  core::Outbox machine_;
  std::unordered_map<std::uint64_t, std::shared_ptr<Ticket::Slot>> slots_;  // own numbers: nobody else chooses them
  std::move_only_function<void(std::uint64_t, const TicketResult&)> told_;
  Visit* visit_ = nullptr;  // of the session that is used
  Effects pending_;         // what is carried out now
  bool is_carrying_out_ = false;
  std::uint64_t attachments_ = 0;  // the last one counts
  const std::shared_ptr<Closing> closing_ = std::make_shared<Closing>(*this);
  Alarm alarm_{*this};
  Flush flush_{*this};
  Scope scope_;
};

}  // namespace parley
