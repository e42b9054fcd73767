#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/instant.h"
#include "core/conversation/context.h"
#include "core/conversation/envelope.h"
#include "core/conversation/phase.h"
#include "core/supervisor/exit_reason.h"

namespace parley::core {

// Bytes of a message that is kept are those of Conversation::cost_of().
struct ConversationLimits {
  std::uint32_t participants_max = 64;
  std::uint32_t messages_max = 1024;  // sent and not answered, and answers that nobody has taken
  std::size_t message_bytes_max = std::size_t{16} << 20;
  std::size_t bytes_max = std::size_t{64} << 20;  // of all these
  std::uint32_t waiters_max = 1024;
  std::uint32_t watches_max = 1024;
  std::uint32_t context_entries_max = 256;
  std::size_t context_bytes_max = std::size_t{64} << 10;  // of a longer message it has only that there was one
  Duration receive_max = std::chrono::seconds(30);  // of a receive() that has no deadline, nor has the conversation
};

struct ConversationCounters {
  std::uint64_t replies_late = 0;     // to what nobody waits for any more, or after the end
  std::uint64_t replies_strange = 0;  // of somebody who was not asked
  std::uint64_t replies_unkept = 0;   // for which there was no room
  std::uint64_t exits_strange = 0;    // of somebody who takes no part
  std::uint64_t exits_again = 0;      // of somebody who has ended
  std::uint64_t rerouted = 0;         // messages that went to the next one
};

// An exchange whose participants are supervised: when one of them ends, whoever waits for it is told at once and why,
// and what has been said before stays. Owned by one executor, which tells it what happens and carries out its effects,
// in order, after each call. Rules of the reference of conversations; its lock is that executor.
class Conversation {
 public:
  // Numbers: participants are the owner's, and the others come from here, from 1; none is used twice.
  using Participant = std::uint64_t;
  using Request = std::uint64_t;
  using Waiter = std::uint64_t;
  using Watch = std::uint64_t;

  // What becomes of it when somebody crashes.
  enum class OnCrash : std::uint8_t {
    fail,           // it fails
    route_to_next,  // what he has not answered goes to the next living one, which may do it again
    compensate,     // nothing more is said, a behaviour undoes what was done, and it fails
  };
  struct Options {
    OnCrash on_crash;
    std::optional<Duration> deadline = {};  // of the whole conversation
    bool is_finishing_a_crash = false;      // whether whoever ends normally has crashed
    ConversationLimits limits = {};
  };

  // --- what is to be done
  // Puts the message to a participant; replied() tells the end of that. `is_rerouted`: it was another one's before;
  // `is_repeated`: who may have done what it asks for.
  struct Forward {
    Participant to;
    Request request;
    std::shared_ptr<const Envelope> message;
    bool is_rerouted;
    bool is_repeated;
  };
  // The end of receive(). Without a message: it was answered with nothing.
  struct Received {
    Participant from = 0;
    Request request = 0;
    std::shared_ptr<const Envelope> message;
    std::size_t bytes() const { return message ? cost_of(*message) : 0; }
  };
  struct Answer {
    Waiter waiter;
    Result<Received> result;
  };
  // The end of watch().
  struct Observed {
    Watch watch;
    Instant at;
    ExitReason reason;
  };
  // Everybody who follows it is told.
  struct Moved {
    Phase from;
    Phase to;
  };
  struct Ended {
    Participant who;
    Instant at;
    ExitReason reason;
  };
  struct Stop {
    Participant who;
  };
  // Runs what undoes; compensated() tells its end.
  struct Compensate {};
  using Effect = std::variant<Forward, Answer, Observed, Moved, Ended, Stop, Compensate>;
  using Effects = std::vector<Effect>;

  Conversation(Options options, Instant now);

  // What a message counts for as long as it is kept: also one that says nothing takes room.
  static constexpr std::size_t overhead_bytes = 256;
  static std::size_t cost_of(const Envelope& message) { return message.bytes() + overhead_bytes; }

  // --- participants
  // `takes_messages`: else it is watched, and nothing is put to it. Errors: refused (it is over), in_use, overloaded.
  Result<void> join(Participant who, bool takes_messages);
  // It has ended, as was seen at that time. Nothing where it takes no part, or has ended before. `untaken`: a message
  // that it did not take; whoever else does not take it either, it was not sent.
  void exited(Participant who, const ExitReason& reason, Instant at, Effects& effects, Request untaken = 0);
  // Observed once, at once where it has ended already. Errors: not_found, overloaded.
  Result<Watch> watch(Participant who, Effects& effects);
  void unwatch(Watch watch) { watches_.erase(watch); }

  // --- messages
  struct To {
    enum class How : std::uint8_t { next, one, all };  // the next living one, somebody, everybody
    How how = How::next;
    Participant who = 0;
  };
  // `is_asked`: the replies are for receive() of that request alone, else for any. Where nobody takes messages it is
  // there for the next receive() itself; where all who take part are only watched it goes nowhere. Errors: refused (the
  // phase), not_sent (it has failed, or whom it is for has ended), deadline (it has failed by its own), not_found,
  // too_large, overloaded.
  Result<Request> send(Envelope message, To to, bool is_asked, Instant now, Effects& effects);
  // A participant is done with the message, and says something to it or nothing. What it says was caused by the
  // message, unless it says otherwise. Without room, where nobody waits for it and it `may_keep` none, whoever comes
  // for it is told that.
  void replied(Participant from, Request request, std::optional<Envelope> reply, Instant now, Effects& effects,
               bool may_keep = true);

  // The next message: a reply to that request, or 0: any that is to none in particular. Ends with Answer, perhaps at
  // once. Errors: of the phase, the reason of a failure; sent_then_lost (whoever was asked has ended), not_sent (he did
  // not take it), unknown (it was closed before the answer, or there was no room for that), closed, not_found (nothing
  // more comes of it), deadline, overloaded.
  Waiter receive(Request of, std::optional<Instant> deadline, Instant now, Effects& effects);
  // Nobody waits there any more; there is no Answer.
  void cancel(Waiter waiter);
  // Nobody wants its replies any more, also those that have come.
  void give_up(Request request);
  // Whether that participant has it and has not replied.
  bool is_pending(Participant who, Request request) const;

  // --- its end
  // No message is taken any more, and those on their way may still be answered. Errors: refused.
  Result<void> complete(Effects& effects);
  // All who wait are told, and all who take part are stopped. Also of one that has failed, where it is an error still.
  // What became of what is with somebody is unknown. Errors: refused.
  Result<void> close(Effects& effects);
  void fail(Error why, Effects& effects);
  void compensated(Effects& effects);

  Instant next_deadline() const;
  void on_time(Instant now, Effects& effects);

  // --- what there is
  struct Seen {
    Participant who = 0;
    bool takes_messages = false;
    std::optional<Instant> ended_at;
    ExitReason reason;
  };
  Phase phase() const { return phase_; }
  const std::vector<Seen>& participants() const { return participants_; }
  const Context& context() const { return context_; }
  const ConversationCounters& counters() const { return counters_; }
  Instant deadline() const { return deadline_; }  // never: none
  std::size_t waiter_count() const { return waiters_.size(); }
  std::size_t request_count() const { return requests_.size(); }
  std::size_t unread_count() const { return inbox_.size(); }
  std::size_t watch_count() const { return watches_.size(); }
  std::size_t bytes() const { return bytes_; }  // of what is not answered, or not received

  // Whether its context has what is said from now on, or only that it was.
  void keep_said(bool keeps) { keeps_said_ = keeps; }

 private:
  // What is not received yet: messages, and why there is none.
  using Said = std::deque<Result<Received>>;
  // A message that is not answered by all who have it, or whose answers are not taken.
  struct Asked {
    std::shared_ptr<const Envelope> message;
    std::uint64_t entry = 0;
    bool is_asked = false;
    bool is_given_up = false;  // its answers are nobody's
    bool was_taken = false;    // by somebody who has answered it, or ended
    std::vector<Participant> pending = {};
    Said answers = {};
    Waiter waiter = 0;
  };
  using Requests = std::map<Request, Asked>;
  struct Waiting {
    Request of = 0;
    Instant deadline;
  };

  Seen* find(Participant who);
  bool has_living() const;
  std::optional<Error> refusal(Step step) const;
  Result<std::vector<Participant>> targets(To to);
  std::optional<Participant> next_after(Participant who, const std::vector<Participant>& taken) const;
  void move(Phase to, Effects& effects);
  void hand_out(Result<Received> said, Instant now, bool may_keep, Effects& effects);
  void keep(Said& there, Result<Received> said, bool may_keep);
  void record_received(const Received& received, Instant now);
  void answer(Waiter waiter, Result<Received> result, Effects& effects);
  void answer_all(const Error& why, Effects& effects);
  void answer_any(const Error& why, Effects& effects);
  void lose(Requests::iterator request, const Error& why, Effects& effects);
  void pass_on(Requests::iterator request, Participant from, bool was_taken, const Error& why, bool may_route,
               Effects& effects);
  void pass_on_all(Participant from, const Error& why, bool may_route, Effects& effects);
  void on_crash(Participant who, const Error& why, Effects& effects);
  static std::size_t bytes_of(const Said& said);
  void forget(Requests::iterator request);
  void let_go();

  const Options options_;
  Instant deadline_ = Instant::never();
  Phase phase_ = Phase::created;
  std::optional<Error> failure_;
  bool is_compensating_ = false;
  bool is_stopped_ = false;
  bool keeps_said_ = true;
  std::vector<Seen> participants_;  // as they joined
  Participant last_asked_ = 0;
  Requests requests_;
  Said inbox_;
  std::size_t bytes_ = 0;              // of all in these two
  std::map<Waiter, Waiting> waiters_;  // as they came
  std::set<std::pair<Instant, Waiter>> deadlines_;
  std::map<Watch, Participant> watches_;
  Context context_;
  ConversationCounters counters_;
  Request last_request_ = 0;
  Waiter last_waiter_ = 0;
  Watch last_watch_ = 0;
};

}  // namespace parley::core
