#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <variant>
#include <vector>

#include "base/instant.h"
#include "base/prng.h"
#include "core/directory/commands.h"
#include "core/directory/directory.h"
#include "core/directory/interests.h"
#include "core/directory/seen_events.h"
#include "core/policy/policy.h"
#include "wire/command/message.h"

namespace parley::core {

struct RegistryLimits {
  std::uint32_t carriers_max = 16384;
  std::uint32_t requests_max = 65536;                 // in flight here; one principal has a quarter of them
  std::uint32_t requests_per_carrier_max = 1024;      // that one made; beyond: refused, and nothing else waits
  std::uint32_t registrations_per_carrier_max = 256;  // that wait for the router
  std::uint32_t announcements_max = 16384;            // that wait for it, of what is registered here already
  std::uint32_t seen_events_max = 65536;              // remembered, so that none is delivered twice
  Duration seen_events_for = std::chrono::seconds(5);
  Duration answer_max = std::chrono::seconds(30);  // of a request that has no deadline of its own
};

struct RegistryCounters {
  std::uint64_t malformed = 0;              // messages that were none
  std::uint64_t responses_late = 0;         // to requests that are over
  std::uint64_t responses_of_others = 0;    // from another carrier than the one that was asked
  std::uint64_t loops = 0;                  // requests that came round again
  std::uint64_t requests_refused = 0;       // beyond a bound
  std::uint64_t definitions_refused = 0;    // that a peer listed, and may not have or for which there is no room
  std::uint64_t announcements_refused = 0;  // commands that the router would not take, or beyond the bound
  std::uint64_t events_duplicate = 0;
  std::uint64_t events_refused = 0;  // that a peer may not publish
  std::uint64_t seen_evicted = 0;    // events that were forgotten early, for others
  std::uint64_t timeouts = 0;
};

// Commands and events of one process: who has which command, where a request goes and where its answer belongs, who
// hears of which event. Rules REG-01 to REG-32. Whom it talks to are carriers, by numbers; one of them may be its
// router, whom it tells of its commands and asks for those that it does not know. What is to be done is appended to
// Effects, in order, and done after each call. Not for carriers alone: whoever executes here has a Call, too.
class Registry {
 public:
  using Carrier = Commands::Owner;
  static constexpr Carrier here = Commands::here;
  using Call = std::uint64_t;
  using Message = wire::command::Message;
  using Definition = wire::command::Definition;

  // --- what is to be done
  struct Send {
    Carrier to;
    std::shared_ptr<Message> message;  // where nobody else holds it, it may be taken
  };
  // Runs the handler of a command that is registered here; finished() tells its end.
  struct Start {
    Call call;
    Carrier from;
    std::string command;
    std::string request;  // as in a message
    std::string meta;
    Instant deadline;
  };
  // Nobody waits for that handler any more; nothing more is heard of the call.
  struct Stop {
    Call call;
    Error why;
  };
  // The end of what execute() began.
  struct Settle {
    Call call;
    Result<std::string> result;  // JSON; empty: nothing
    std::string meta;
  };
  struct Progressed {
    Call call;
    std::string content;
  };
  // The end of what register_command() began.
  struct Registered {
    std::string command;
    Result<void> result;
  };
  struct Deliver {
    std::string event;
    std::string payload;
    std::string meta;
  };
  // The router refuses a command that was here before it, or came from somebody else.
  struct Unannounced {
    std::string command;
    Error why;
    bool stands_by = false;  // it takes it when whoever has the name there is gone
  };
  // Somebody provides something else than before.
  struct Changed {};
  // Somebody tried what his rights do not allow.
  struct Refused {
    Principal principal;
    std::string from;  // the id of his carrier; empty: execute() or emit() here
    Verb verb;
    std::string name;
    Error why;
  };
  using Effect =
      std::variant<Send, Start, Stop, Settle, Progressed, Registered, Deliver, Unannounced, Changed, Refused>;
  using Effects = std::vector<Effect>;

  // The directory outlives it. `seed`: of the ids of its messages.
  Registry(Directory& directory, const RegistryLimits& limits, std::uint64_t seed);

  // --- carriers
  struct Terms {
    std::string id;  // of the peer; one at a time
    bool is_router = false;
    bool is_extended = false;        // the peer is Parley
    bool wants_commands = false;     // to be told of all that the peer knows; where it is Parley
    const Rights* rights = nullptr;  // of the peer, which outlive the carrier; null: all, but for private commands
  };
  // Errors: in_use (a carrier with that id, or another router), overloaded.
  Result<Carrier> add(Terms terms);
  // It can be sent to.
  void start(Carrier carrier, Instant now, Effects& effects);
  void on_message(Carrier from, Message&& message, Instant now, Effects& effects);
  void on_malformed(Carrier from, const wire::command::Malformed& malformed, Effects& effects);
  // It is gone, or never started.
  void drop(Carrier carrier, Effects& effects);

  // --- commands here
  // Ends with Registered, at once where there is no router to ask. Private ones, whose names begin with `_`, are told
  // to nobody.
  void register_command(Definition definition, Instant now, Effects& effects);
  // False: it is not registered here.
  bool unregister_command(std::string_view id, Effects& effects);

  struct Execution {
    std::string command;
    std::string request = {};  // an object; empty: none
    std::string meta = {};
    std::optional<Instant> deadline = {};
    const Rights* rights = nullptr;  // of whoever asks; null: all
    bool wants_progress = true;
  };
  // Ends with Settle.
  Call execute(Execution execution, Instant now, Effects& effects);
  // Nobody waits for it any more; there is no Settle.
  void cancel(Call call, Effects& effects);
  // Of a handler. False: nobody waits for it any more.
  bool finished(Call call, Result<std::string> result, std::string meta, Effects& effects);
  bool progressed(Call call, std::string content, Effects& effects);

  // --- events
  // `rights` of whoever publishes, null: all. Errors: permission, invalid (a name that is none).
  Result<void> emit(std::string event, std::string payload, std::string meta, const Rights* rights, Instant now,
                    Effects& effects);
  // Events that fit are delivered here, from now on and until as many forget() as listen().
  void listen(const Pattern& pattern, Effects& effects);
  void forget(const Pattern& pattern, Effects& effects);

  // --- time
  Instant next_deadline() const;
  void on_time(Instant now, Effects& effects);
  // Everything that waits ends, all carriers and the commands here are forgotten, and nothing begins any more.
  // Idempotent.
  void close(Effects& effects);

  // Public commands that one with these rights may see, null: all; by name, each with the id of its owner's carrier.
  std::vector<Definition> commands(const Rights* rights) const;
  // One that may have been meant, among the first of these; empty: none.
  std::string_view nearest_command(std::string_view name, const Rights* rights) const;
  const Commands& table() const { return directory_.commands(); }
  const RegistryCounters& counters() const { return counters_; }
  std::size_t requests_in_flight() const { return requests_.size(); }
  // Whether the router has been told of commands that were here before it, or have changed, and has not answered yet.
  bool is_announcing() const { return !announcing_.empty(); }
  std::size_t carrier_count() const { return carriers_.size(); }
  bool has_router() const { return router_ != here; }
  bool has_lost_router() const { return has_lost_router_ && router_ == here; }
  const std::string& id_of(Carrier carrier) const { return carriers_.at(carrier).terms.id; }

 private:
  // What all carriers of one principal have together.
  struct Share {
    std::uint32_t carriers = 0;
    std::uint32_t requests = 0;
  };
  struct Neighbour {
    Terms terms;
    bool is_started = false;
    bool is_told = false;  // of all commands, as it wants
    std::string interest_id;
    std::string interest_said;            // what it was told last of ours
    Share* share = nullptr;               // of its principal; null: it came without rights
    std::unordered_set<Call> asked;       // what it asked
    std::unordered_set<Call> answers;     // what it is to answer
    std::set<std::string> registrations;  // its own that wait for the router, by what that was asked
    std::map<std::string, std::uint32_t, std::less<>> announced;  // how often, to a router that is not Parley
  };
  struct Request {
    Carrier from = here;
    Carrier to = here;
    std::string id;  // empty: it is on no wire
    std::string meta;
    Instant deadline;
    bool wants_progress = true;
    Share* share = nullptr;
  };
  struct Registration {
    Carrier from = here;
    Definition definition;
    std::string reply_to;
    std::string meta;
    bool is_announcement = false;  // of what is registered already
    Instant deadline;
  };
  // A command whose registration waits for the router: nobody else may have it meanwhile.
  struct Registering {
    Carrier from = here;
    std::uint32_t count = 0;
  };

  // registry.cpp
  void send(Carrier to, wire::command::Body body, std::string meta, Effects& effects);
  void send(Carrier to, Message&& message, Effects& effects);
  std::string uuid();
  bool is_router(Carrier carrier) const { return carrier != here && carrier == router_; }
  bool has_started_router() const;
  void write_down(const Rights& rights, std::string_view from, Verb verb, std::string_view name,
                  Effects& effects) const;
  void answer_list(Carrier to, const Message& request, Effects& effects);
  void on_list(Carrier from, wire::command::ListResponse list, Instant now, Effects& effects);
  Result<void> may_listen(Carrier carrier, const Pattern& pattern) const;
  void on_interest(Carrier from, const Message& message, Effects& effects);
  void send_list(Carrier to, const std::string& thread, const std::string& meta,
                 const std::vector<const Definition*>& all, Effects& effects);
  void tell_all(Carrier to, Effects& effects);
  void tell(std::string_view command, Carrier except, Effects& effects);
  void take_away(Carrier owner, std::string_view command, Effects& effects);
  void say_interest(Carrier to, Effects& effects);
  void say_interests(bool is_news, Effects& effects);

  // registry_register.cpp
  void announce_all(Instant now, Effects& effects);
  void announce(const std::string& command, Carrier of, Instant now, Effects& effects);
  void ask_router(Registration registration, Instant now, Effects& effects);
  void on_register(Carrier from, const Message& message, Instant now, Effects& effects);
  void on_registered(Carrier from, const Message& message, Instant now, Effects& effects);
  void on_unregister(Carrier from, const wire::command::Unregister& gone, Effects& effects);
  bool may_register(Carrier from, const Definition& definition) const;
  bool is_registering(Carrier other_than, std::string_view id) const;
  Registration take_registration(const std::string& id);
  void end(Registration registration, Result<void> result, Effects& effects);
  void refuse_announcement(const std::string& id, Error why, Effects& effects);
  bool is_counting_peer(Carrier carrier) const;
  void end_announcement(const std::string& id, Instant now, Effects& effects);
  void end_registrations(const Error& why, Effects& effects);
  void withdraw(const std::string& id, Effects& effects);
  void drop_registrations(const Neighbour& neighbour, Effects& effects);

  // registry_execute.cpp
  void on_execute(Carrier from, Message&& message, Instant now, Effects& effects);
  struct Way {
    Carrier to = here;
    std::optional<Error> none;
  };
  Error no_command_for(const Rights* rights, std::string_view name) const;
  Way way_of(std::string_view command, Carrier from, const Rights* rights) const;
  std::optional<Error> denial_of(const Rights& rights, std::string_view from, std::string_view name,
                                 Effects& effects) const;
  std::optional<Error> refusal_of(Carrier from, const std::string& id, std::uint32_t hops, std::string_view name,
                                  Effects& effects);
  Call begin(Request request, Message&& message, Effects& effects);
  Request take(Call call);
  void on_response(Carrier from, Message&& message, Effects& effects);
  void on_progress(Carrier from, Message&& message, Effects& effects);
  void on_cancel(Carrier from, const std::string& thread, Effects& effects);
  void answer(Call call, const Request& request, Result<std::string> result, std::string meta, Effects& effects);
  void stop(Call call, const Request& request, const Error& why, Effects& effects);
  void drop_requests(Neighbour& neighbour, const std::string& id, Effects& effects);
  const Request* request_of(Carrier from, const std::string& thread, Call& call, Carrier Request::* side);

  // registry_events.cpp
  void on_event(Carrier from, Message&& message, Instant now, Effects& effects);
  void spread(Carrier from, Message&& message, Effects& effects);

  Directory& directory_;
  const RegistryLimits limits_;
  Prng prng_;
  RegistryCounters counters_;
  std::map<Carrier, Neighbour> carriers_;
  std::map<std::string, Share, std::less<>> shares_;  // by principal
  std::set<std::string, std::less<>> carrier_ids_;
  Carrier last_carrier_ = here;
  Carrier router_ = here;         // none
  bool has_lost_router_ = false;  // there was one, and another may come
  std::unordered_map<Call, Request> requests_;
  std::map<std::string_view, Call> by_id_;  // of those that are on a wire; the keys are theirs
  std::set<std::pair<Instant, Call>> deadlines_;
  Call last_call_ = 0;
  std::map<std::string, Registration, std::less<>> registrations_;  // by the id of what the router was asked
  std::map<std::string, Registering, std::less<>> registering_;
  std::map<std::string, bool, std::less<>> announcing_;  // whether it has to be said again
  std::set<std::pair<Instant, std::string>> registration_deadlines_;
  Interests interests_;
  SeenEvents seen_;
  bool is_closed_ = false;
};

}  // namespace parley::core
