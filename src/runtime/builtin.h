#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/directory/directory.h"
#include "runtime/client.h"
#include "runtime/outbox/outbox_entry.h"

// The services that a hub has itself: client<builtin::Directory>(builtin::directory_name),
// client<builtin::Hub>(builtin::hub_name).
namespace parley::builtin {

inline constexpr std::string_view directory_name = "parley.Directory";
inline constexpr std::string_view hub_name = "parley.Hub";

// One provider of one name.
struct DirectoryEntry {
  std::string name;
  std::string service;  // the name of its class
  bool exclusive = false;
  std::uint64_t session = 0;        // of the provider at this hub
  std::optional<std::int64_t> pid;  // as the system says, on Unix sockets
  std::uint64_t calls_in_flight = 0;
  std::vector<std::uint64_t> method_ids;
};

// One of two who are to talk without the hub between them: what each is told of the other.
struct Introduction {
  std::string name;              // that was asked for
  std::uint64_t descriptor = 0;  // the number of a connected socket that was passed before this
  std::uint64_t session = 0;     // of the other at this hub
  std::string address;           // of the other, and who it is, as the hub sees it
  std::optional<std::int64_t> pid;
  std::optional<std::uint32_t> uid;
  std::optional<std::uint32_t> gid;
};

// One worker of the bus, which is no session: who opens a conversation on one of its subjects talks to it.
struct WorkerEntry {
  std::uint64_t connection = 0;  // at this hub, in the order in which they came
  std::string address;
  std::optional<std::int64_t> pid;
  std::string principal;              // as whom it came
  std::string identity;               // as it names itself
  std::vector<std::string> subjects;  // that the caller may see
  std::uint64_t in_flight = 0;        // messages that it has not answered
  std::uint64_t waiting = 0;          // and those for which it has no room yet
};

struct TopicEntry {
  std::string name;
  std::uint64_t subscriptions = 0;
};

class Directory {
 public:
  virtual ~Directory() = default;
  // By name, then as they came; what the caller may see.
  virtual Task<std::vector<DirectoryEntry>> list(Context& context) = 0;
  // The caller provides this from now on, until it withdraws it or its session ends. Errors: invalid (a name that is
  // none, reserved, or offered by the caller already), permission, in_use (exclusive, or of another class), overloaded.
  virtual Task<Result<void>> offer(Context& context, core::Offer offer) = 0;
  // False: the caller did not provide it. Connections that are bound to it stay.
  virtual Task<bool> withdraw(Context& context, std::string name) = 0;
  // A provider of the name, to talk to directly; parley::introduce() does this. It has been told when this answers.
  // Errors: refused (this hub introduces nobody), not_found, permission, unsupported (one of the two is not on a Unix
  // socket, or takes no introductions), overloaded, and whatever became of the provider meanwhile.
  virtual Task<Result<Introduction>> introduce(Context& context, std::string name) = 0;
  // Whether the caller may do this, such as "subscribe", with any name that fits the pattern. Errors: permission, which
  // says what rule would allow it; invalid.
  virtual Task<Result<void>> may(Context& context, std::string verb, std::string pattern) = 0;
  // Workers of the bus, from that connection on, as many as one answer bears; what the caller may see. None: these are
  // all.
  virtual Task<std::vector<WorkerEntry>> workers(Context& context, std::uint64_t from) = 0;
  // By name, behind that one, as many as one answer bears: to which the caller may subscribe or publish. None: these
  // are all.
  virtual Task<std::vector<TopicEntry>> topics(Context& context, std::string after) = 0;
};
PARLEY_SERVICE(Directory, (list, describe("who provides what"), idempotent),
               (offer, args(offer), describe("provide something from now on")),
               (withdraw, args(name), describe("provide it no more")),
               (introduce, args(name), describe("a socket to a provider of this name")),
               (may, args(verb, pattern), describe("whether the caller may do this with any name that fits"),
                idempotent),
               (workers, args(from), describe("who works at the bus"), idempotent),
               (topics, args(after), describe("the topics that there are"), idempotent));

// What a process that offers services answers its hub, and nobody else: on the root of that session.
class Introductions {
 public:
  virtual ~Introductions() = default;
  // Serves what it offers by that name on the socket from now on. Errors: not_found, overloaded, and what is wrong with
  // the socket.
  virtual Task<Result<void>> meet(Context& context, Introduction client) = 0;
};
PARLEY_SERVICE(Introductions, (meet, args(client)));

// One session of a hub.
struct SessionEntry {
  std::uint64_t id = 0;
  std::string address;
  std::optional<std::int64_t> pid;
  std::optional<std::uint32_t> uid;
  std::string principal;  // as whom it came: "uid:1000", "token:ci"
  bool is_foreign = false;
  std::vector<std::string> offers;
  std::uint32_t connections = 0;      // that it has as a client
  std::uint64_t calls_in_flight = 0;  // that it is to answer
  std::uint64_t bytes_queued = 0;     // that it has not taken, or that a stable session has not acknowledged
  std::uint64_t links_resumed = 0;    // how often a stable session went on over another link
};

// How many calls were answered within so many microseconds, and not within those of the bucket before.
struct LatencyBucket {
  std::uint64_t up_to_us = 0;
  std::uint64_t calls = 0;
};

// What went through the hub to one name of one provider, since somebody first called it there. Names that a provider
// offered beyond its bound share one without a name.
struct OfferStats {
  std::string name;
  std::uint64_t calls_answered = 0;
  std::uint64_t latency_p50_us = 0;  // from the call's passing the hub to its response's: to within a sixteenth
  std::uint64_t latency_p99_us = 0;
  std::vector<LatencyBucket> latency;  // of any size but 0, upward
};

// One session, and what went through the hub to it and from it since it began.
struct SessionStats {
  SessionEntry session;
  std::vector<OfferStats> answered;             // as a provider
  std::optional<std::uint64_t> oldest_call_us;  // how long the oldest call waits that it is to answer
  std::uint64_t calls_asked = 0;                // as a client
  std::uint64_t calls_waiting = 0;              // of these, not answered yet
  std::uint64_t bytes_sent = 0;                 // to it
  std::uint64_t credit_withheld_items = 0;      // its credit for others, kept back because it leaves much unread
};

// One sample; the difference of two tells rates.
struct HubStats {
  std::string version;      // of the hub
  std::uint64_t at_us = 0;  // on a clock of the hub that only goes forward
  std::uint64_t sessions_max = 0;
  std::vector<SessionStats> sessions;  // those of who()
  std::vector<OutboxEntry> outboxes;
};

struct Count {
  std::string name;
  std::uint64_t value = 0;
};

// Somebody was not allowed something.
struct Refusal {
  std::int64_t unix_ms = 0;  // when, for the last time
  std::string principal;     // who; empty where that is not known
  std::string peer;          // where it came from, and its process where the system says so
  std::string verb;          // empty: it was not let in
  std::string name;
  std::string reason;
  std::uint64_t times = 0;
};

struct Refusals {
  std::vector<Refusal> refusals;  // newest last
  std::uint64_t dropped = 0;      // older ones, for which there was no room
};

class Hub {
 public:
  virtual ~Hub() = default;
  // Every session that has shaken hands, the caller's own too; without the right to operate "parley.Hub" that alone.
  virtual Task<std::vector<SessionEntry>> who(Context& context) = 0;
  // docs/OPERATING.md, section 6. Errors: permission.
  virtual Task<Result<std::vector<Count>>> counters(Context& context) = 0;
  // What `parley top` shows. Errors: permission.
  virtual Task<Result<HubStats>> stats(Context& context) = 0;
  // What the policy did not allow, since the hub began. Errors: permission.
  virtual Task<Result<Refusals>> refusals(Context& context) = 0;
};
PARLEY_SERVICE(Hub, (who, describe("the sessions of this hub"), idempotent),
               (counters, describe("what happened at its door"), idempotent),
               (stats, describe("what its sessions do, and how fast"), idempotent),
               (refusals, describe("what was not allowed to whom"), idempotent));

}  // namespace parley::builtin
