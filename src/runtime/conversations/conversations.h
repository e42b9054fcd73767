#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "async/executor.h"
#include "async/scope.h"
#include "async/task.h"
#include "runtime/conversations/choice.h"
#include "runtime/conversations/party.h"

namespace parley {

struct ConversationsOptions {
  core::ConversationLimits limits = {};  // of each conversation
  std::uint32_t conversations_max = 16384;
  std::uint32_t conversations_per_owner_max = 1024;
  std::size_t bytes_max = std::size_t{256} << 20;  // of all messages that are not answered, or not received
  std::size_t bytes_per_principal_max = std::size_t{64} << 20;  // of these, in all conversations that one has opened
  // Of what was said; beyond it contexts have only that something was.
  std::size_t context_bytes_of_all_max = std::size_t{64} << 20;
  std::uint32_t participants_max = 65536;
  std::uint32_t subjects_per_participant_max = 256;
  std::uint32_t in_flight_per_participant_max = 4096;    // messages it has not answered; more are refused
  Duration compensation_max = std::chrono::seconds(30);  // what undoes is not waited for any longer
};

// docs/OPERATING.md. What is not a number of those that are there now counts from the beginning.
struct ConversationsCounters {
  std::uint64_t opened = 0;
  std::uint64_t closed = 0;  // of these, in good order
  std::uint64_t failed = 0;
  std::uint64_t sent = 0;             // messages that were accepted
  std::uint64_t crashes = 0;          // ends that were one, of each who took part
  std::uint64_t rerouted = 0;         // messages that went to the next one
  std::uint64_t replies_late = 0;     // to what nobody waits for any more
  std::uint64_t replies_strange = 0;  // of who was not asked, or takes no part
  std::uint64_t replies_unkept = 0;   // for which there was no room
  std::uint64_t compensations_threw = 0;
};

// The conversations of one executor: who provides which subject, who takes part, who waits. Whoever ends is told to all
// conversations in which it takes part, and they to all who wait. On one thread. Destroying it tells nobody, and
// whoever waits in a task dies first; close() tells all.
class Conversations final {
 public:
  using Received = core::Conversation::Received;  // without a message: it was answered with nothing
  using To = core::Conversation::To;
  using Owner = std::uint64_t;  // the caller's number

  explicit Conversations(Executor& executor, ConversationsOptions options = {});
  ~Conversations();
  Conversations(const Conversations&) = delete;
  Conversations& operator=(const Conversations&) = delete;

  // --- who takes part
  // Errors: overloaded, closed.
  Result<Participant> add(Party& party, std::string name);
  // It has ended, as was seen at that time: in every conversation, for every subject. The party is told nothing more.
  void exited(Participant who, const ExitReason& reason, Instant at);
  // It has ended in this conversation alone. `untaken`: a message that it did not take.
  void exited(ConversationId conversation, Participant who, const ExitReason& reason, Instant at, Request untaken = 0);
  void replied(Participant from, ConversationId conversation, Request request, std::optional<Envelope> reply);
  // Errors: invalid (the name), in_use (it does already), overloaded, not_found (it has ended).
  Result<void> provide(std::string subject, Participant who);
  void withdraw(std::string_view subject, Participant who);
  bool is_provided(std::string_view subject) const { return subjects_.contains(subject); }
  // What undoes a conversation on that subject that asks for it: gets what was said, and ends. Outlives this. Errors:
  // in_use.
  struct Undo {
    ConversationId conversation;
    std::vector<core::Context::Entry> said;  // as far as it was kept
  };
  using Compensation = std::move_only_function<Task<void>(Undo undo)>;
  Result<void> compensate(std::string subject, Compensation compensation);

  // --- conversations
  struct Opening {
    std::string subject = {};  // empty: nobody takes part before join()
    core::Conversation::OnCrash on_crash = core::Conversation::OnCrash::fail;
    std::optional<Duration> deadline = {};  // of the whole
    Owner owner = 0;
    std::string principal = {};  // whose messages count together; empty: this process
    Choice choice = {};
    bool is_shared = false;  // whether others may join it who know its number
    ConversationFollower* follower = nullptr;
  };
  // With one of those who provide the subject; with all of them, where what one does not answer goes to the next.
  // Errors: not_found (nobody provides it, or undoes it where that is asked for), overloaded, closed.
  Result<ConversationId> open(Opening opening);
  // Errors: not_found, and those of core::Conversation.
  Result<void> join(ConversationId conversation, Participant who, bool takes_messages);
  // Errors: not_found, and those of core::Conversation::send().
  Result<Request> send(ConversationId conversation, Envelope message, To to = {}, bool is_asked = false);
  // Nobody wants more replies to that.
  void give_up(ConversationId conversation, Request request);
  Result<void> complete(ConversationId conversation);
  // Forgets it: all who wait are told, and who takes part is done. Errors: not_found, and why it had failed.
  Result<void> close(ConversationId conversation);
  // Closes all that are that owner's, or one, whose followers are told nothing more.
  void leave(Owner owner);
  void abandon(ConversationId conversation);
  // Closes all, and refuses new ones. Idempotent. What undoes one goes no further; also when it calls this itself.
  void close();

  // Waits for a message; destroying it says that nobody waits any more. Outlived by the Conversations.
  class Receiving {
   public:
    Receiving() = default;
    Receiving(const Receiving&) = delete;
    Receiving& operator=(const Receiving&) = delete;
    // Once; nobody waits there any more.
    virtual void on_received(Result<Received> received) = 0;

   protected:
    ~Receiving() { stop(); }
    void stop();

   private:
    friend class Conversations;
    Conversations* owner_ = nullptr;  // null: nothing is waited for
    ConversationId conversation_ = 0;
    core::Conversation::Waiter waiter_ = 0;
  };
  // A reply to that request, or 0: any that is to none in particular. It may be there before this returns. Without a
  // deadline it is the conversation's, or the default bound. Errors: not_found, and those of
  // core::Conversation::receive().
  void receive(Receiving& receiving, ConversationId conversation, Request of, std::optional<Instant> deadline);
  Task<Result<Received>> receive(ConversationId conversation, Request of = 0, std::optional<Instant> deadline = {});

  // Waits for the end of who takes part; destroying it says that nobody does. Outlived by the Conversations.
  struct Exit {
    Participant who = 0;
    std::string name = {};
    Instant at = {};
    ExitReason reason = {};
  };
  class Watching {
   public:
    Watching() = default;
    Watching(const Watching&) = delete;
    Watching& operator=(const Watching&) = delete;
    // Once.
    virtual void on_exit(Result<Exit> exit) = 0;

   protected:
    ~Watching() { stop(); }
    void stop();

   private:
    friend class Conversations;
    Conversations* owner_ = nullptr;
    ConversationId conversation_ = 0;
    core::Conversation::Watch watch_ = 0;
    Participant who_ = 0;
  };
  // At once where it has ended, with the time of that. Errors: not_found, overloaded, closed (the conversation was).
  void watch(Watching& watching, ConversationId conversation, Participant who);
  Task<Result<Exit>> await_exit(ConversationId conversation, Participant who, Instant deadline = Instant::never());
  // The first crash of somebody who takes part by now, also of one that was before. Errors: not_found, deadline,
  // closed.
  Task<Result<Exit>> await_crash(ConversationId conversation, Instant deadline = Instant::never());

  // --- in one step
  struct Asking {
    std::string subject;
    Envelope message;
    Choice choice = {};
    Duration within = std::chrono::seconds(5);
    Owner owner = 0;
    std::string principal = {};
  };
  // A conversation of one question. Errors: not_found, overloaded, deadline, failed (answered with nothing),
  // sent_then_lost (who was asked has crashed).
  Task<Result<Received>> ask(Asking asking);
  struct Reroute {
    Exit crash;
    Instant rerouted;
  };
  struct Dispatched {
    Received reply;  // with or without a message: it has acknowledged
    std::vector<Reroute> reroutes;
  };
  // To one of those who provide the subject, until somebody has acknowledged: each crash before that hands it to the
  // next. Errors: not_found (nobody is there, or left), overloaded, deadline.
  Task<Result<Dispatched>> dispatch(Asking asking);

  // --- what there is
  struct Seen {
    ConversationId id;
    const std::string* subject;
    const core::Conversation* machine;
    Owner owner;
    bool is_shared;
    Instant since;
  };
  // Until the next call.
  std::optional<Seen> find(ConversationId conversation) const;
  // By number, from that one on, at most so many.
  std::vector<Seen> list(ConversationId from, std::size_t count_max) const;
  // Of who takes part in that conversation, or did, or else of who is there. Empty: nobody knows.
  std::string_view name_of(Participant who, ConversationId conversation) const;
  std::vector<std::string> subjects() const;
  std::size_t size() const { return conversations_.size(); }
  std::size_t participant_count() const { return participants_.size(); }
  std::size_t subject_count() const { return subjects_.size(); }
  std::size_t waiting_count() const { return deadlines_.size(); }  // for a time
  std::size_t bytes() const { return bytes_; }                     // as they count for bytes_max
  std::size_t context_bytes() const { return context_bytes_; }
  const ConversationsCounters& counters() const { return counters_; }
  Executor& executor() const { return executor_; }

 private:
  struct Kept;
  struct Present {
    Party* party;
    std::string name;
    std::uint64_t in_flight = 0;
    std::set<ConversationId> conversations = {};
    std::set<std::string, std::less<>> subjects = {};
  };
  struct Opened {
    std::size_t conversations = 0;
    std::size_t bytes = 0;
  };
  struct Subject {
    std::vector<Participant> providers = {};
    std::uint64_t turn = 0;
  };
  // What is to be done for a conversation; nothing: it is forgotten.
  struct Step {
    ConversationId conversation;
    std::optional<core::Conversation::Effect> effect;
  };
  struct Alarm final : Timer {
    explicit Alarm(Conversations& owner) : Timer(&Alarm::fire), owner(owner) {}
    static void fire(Timer& timer);
    Conversations& owner;
  };
  // Of what undoes a conversation and has closed all of them itself: when it is not running.
  struct Cancel final : Ready {
    explicit Cancel(Scope& scope) : Ready(&Cancel::run), scope(scope) {}
    static void run(Ready& node) { static_cast<Cancel&>(node).scope.cancel_all(); }
    Scope& scope;
  };

  Kept* kept(ConversationId conversation) const;
  Kept* kept_to_speak(ConversationId conversation) const;
  std::unexpected<Error> no(ConversationId conversation) const;
  Result<std::vector<Participant>> choose_for(Opening& opening);
  void take_part(Kept& kept, Participant who);
  void leave_part(Kept& kept, Participant who);
  void carry_out(Kept& kept, bool is_last = false);
  void run(Kept& kept, core::Conversation::Forward forward);
  void run(Kept& kept, core::Conversation::Answer answer);
  void run(Kept& kept, core::Conversation::Observed observed);
  void run(Kept& kept, core::Conversation::Moved moved);
  void run(Kept& kept, const core::Conversation::Ended& ended);
  void run(Kept& kept, core::Conversation::Stop stop);
  void run(Kept& kept, core::Conversation::Compensate compensate);
  void forget(Kept& kept);
  Result<void> check_room(const Kept& kept, std::size_t bytes) const;
  Result<void> check_in_flight(const Kept& kept, const To& to) const;
  void count(Kept& kept);
  void set_deadline(Kept& kept);
  void on_time();
  static Task<void> undo(Conversations& self, Compensation& compensation, Undo undo);
  class Own;

  Executor& executor_;
  const ConversationsOptions options_;
  std::map<ConversationId, std::unique_ptr<Kept>> conversations_;
  std::map<Participant, Present> participants_;
  std::map<std::string, Subject, std::less<>> subjects_;
  std::map<std::string, Compensation, std::less<>> compensations_;
  std::map<Owner, std::set<ConversationId>> owners_;
  std::map<std::string, Opened> principals_;
  std::set<std::pair<Instant, ConversationId>> deadlines_;
  core::Conversation::Effects effects_;  // of the call that is under way
  std::deque<Step> steps_;
  bool is_running_ = false;
  bool is_closed_ = false;
  ConversationId last_conversation_ = 0;
  Participant last_participant_ = 0;
  std::size_t bytes_ = 0;
  std::size_t context_bytes_ = 0;
  ConversationsCounters counters_;
  Alarm alarm_{*this};
  Scope compensations_running_;
  Cancel cancel_{compensations_running_};
};

}  // namespace parley
