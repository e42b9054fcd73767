#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/instant.h"
#include "base/ring.h"
#include "core/conversation/envelope.h"
#include "core/topic/keys.h"
#include "wire/bus/ids.h"

namespace parley::core {

struct TopicLimits {
  std::uint32_t topics_max = 4096;
  std::uint32_t declared_per_principal_max = 256;  // of these; none is ever given back
  std::uint32_t subscriptions_max = 65536;
  std::uint32_t subscriptions_per_peer_max = 1024;
  std::size_t message_bytes_max = std::size_t{16} << 20;
  std::uint32_t waiting_max = 4096;                               // messages of one subscription that are held back
  std::size_t waiting_bytes_max = std::size_t{4} << 20;           // the same in bytes; one message may be longer
  std::size_t waiting_bytes_of_all_max = std::size_t{256} << 20;  // a message counts once for each it waits for
  std::uint32_t in_flight_max = 1024;                             // of one subscription, whatever it asks for
  std::size_t in_flight_bytes_max = std::size_t{1} << 20;         // to one peer; one message may be longer
  std::uint32_t keys_max = 65536;
  std::uint32_t keys_per_publisher_max = 16384;
  std::size_t key_bytes_max = 256;
  Duration key_kept = std::chrono::minutes(10);
};

struct TopicCounters {
  std::uint64_t published = 0;
  std::uint64_t tapped = 0;    // of these, to a tap
  std::uint64_t repeated = 0;  // under a key that was there, and not published
  std::uint64_t delivered = 0;
  std::uint64_t sheds = 0;    // subscriptions that did not keep up
  std::uint64_t strange = 0;  // unsubscribed by somebody else, or after their end
};

// Topics whose messages are kept for nobody: what is published goes to whoever subscribes at that time, in that order.
// A subscriber that does not keep up holds up nobody: what is for it waits up to a bound, and beyond it that
// subscription alone is shed. Owned by one executor, which tells it what happens and carries out its effects, in order,
// after each call. Who a peer is, is the owner's business: a bus connection, a session or something local looks the
// same here. A publisher is a name, which should outlive the peer's connection: keys of idempotency belong to it.
//
// The schema of a topic is declared by declare(), or by the first who names one: a message that bears one, or a
// subscriber that lists that of a topic without any. A topic that was not declared by declare() lasts as long as
// somebody subscribes to it.
class Topics {
 public:
  using Peer = std::uint64_t;          // the owner's number; none is used twice
  using Subscription = std::uint64_t;  // from 1; none is used twice
  using Message = std::uint64_t;       // none is used twice

  // What a message counts in bounds of bytes beside what is in it, so that small ones cost something.
  static constexpr std::size_t overhead_bytes = 64;

  struct Options {
    bool takes_unknown = false;       // whether a topic is there that nobody has declared
    std::uint64_t first_message = 1;  // so that another life does not number its messages alike
    TopicLimits limits = {};
  };

  // --- what is to be done
  // Counts from 1 for each subscription. taken() tells that the peer has it.
  struct Deliver {
    Peer peer;
    Subscription subscription;
    std::uint64_t sequence;
    std::shared_ptr<const Envelope> message;
  };
  // The subscription is over, and the peer is told why.
  struct Shed {
    Peer peer;
    Subscription subscription;
    Error why;
  };
  struct Tapped {
    Peer tap;
    std::string topic;
    Message number;
    std::shared_ptr<const Envelope> message;
  };
  // After close(): all that was accepted has been taken. Once.
  struct Drained {};
  using Effect = std::variant<Deliver, Shed, Tapped, Drained>;
  using Effects = std::vector<Effect>;

  explicit Topics(Options options);
  Topics(const Topics&) = delete;
  Topics& operator=(const Topics&) = delete;

  // --- topics
  // Without a schema the first who names one declares it. `by`: the principal whom it counts against; none: the owner.
  // Errors: invalid (the name), in_use, overloaded, closed.
  Result<void> declare(std::string_view topic, std::optional<wire::bus::SchemaId> schema,
                       std::optional<std::string_view> by = std::nullopt);
  // What is published to the topic goes to the tap alone, also where there is no such topic. Errors: invalid, in_use,
  // overloaded, closed.
  Result<void> tap(std::string_view topic, Peer tap);
  void untap(std::string_view topic);

  // --- subscribers
  struct Subscribed {
    Subscription subscription;
    wire::bus::SchemaId schema;  // of the topic
  };
  struct Wanted {
    std::string_view topic;
    std::span<const wire::bus::SchemaId> schemas = {};  // any of these, or none: whatever the topic has
    std::uint32_t in_flight_max = 1024;                 // not 0; messages it takes before it says so
  };
  // Errors: not_found, invalid (the name, in_flight_max), refused (no schema in common), overloaded, closed.
  Result<Subscribed> subscribe(Peer peer, const Wanted& wanted);
  // One that is not that peer's, or over, is ignored.
  void unsubscribe(Peer peer, Subscription subscription, Effects& effects);
  // The message of a Deliver is no longer in flight: what waits may follow.
  void taken(const Deliver& delivered, Effects& effects);
  // Nothing new is for it; what waits goes on.
  void finish(Peer peer);
  // All that is its own ends; nothing of it is told.
  void leave(Peer peer, Effects& effects);

  // --- publishers
  struct Published {
    enum class How : std::uint8_t { sent, tapped, repeated };
    How how;
    Message number;                                // of a repeated one: that of the first
    TopicPosition position = {};                   // where it is kept; of a repeated one: where the first was
    std::uint32_t reached = 0;                     // subscriptions
    std::shared_ptr<const Envelope> message = {};  // of one that was sent: as they have it
  };
  // To all who subscribe now; position: where it is kept if it is sent. A key that is there already and came with the
  // same payload publishes nothing; one that fails claims nothing. Errors: not_found, invalid (name, key), refused
  // (another schema than the topic's), in_use (the key came with another payload), too_large, overloaded, closed.
  Result<Published> publish(std::string_view topic, Envelope message, std::optional<std::string_view> key, Instant now,
                            Effects& effects, TopicPosition position = {});

  // --- its end
  // Nothing new is taken; Drained follows when what was accepted has been taken.
  void close(Effects& effects);

  Instant next_deadline() const { return keys_.next_deadline(); }
  void on_time(Instant now) { keys_.sweep(now); }

  // --- what there is
  // Of a topic that is there and has none, any_schema_id.
  std::optional<wire::bus::SchemaId> schema_of(std::string_view topic) const;
  // Whether it was declared by that principal; none: by anybody.
  bool is_declared(std::string_view topic, std::optional<std::string_view> by) const;
  struct Seen {
    std::string_view name;
    std::size_t subscriptions;
  };
  // By name, behind that one; good until the next change.
  std::vector<Seen> list(std::string_view after) const;
  std::size_t topic_count() const { return topics_.size(); }
  std::size_t subscription_count() const { return readers_.size(); }
  std::size_t peer_count() const { return peers_.size(); }
  std::size_t key_count() const { return keys_.size(); }
  std::size_t waiting_bytes() const { return waiting_bytes_; }
  const TopicCounters& counters() const { return counters_; }

 private:
  struct Reader;
  struct Topic {
    bool is_declared = false;
    std::optional<std::string> declared_by = {};  // nothing: by the owner, or not
    std::optional<wire::bus::SchemaId> schema = {};
    std::map<Subscription, Reader*> readers = {};
  };
  struct Listener {  // a peer that subscribes, or still has messages in flight
    std::set<Subscription> subscriptions = {};
    std::size_t in_flight_bytes = 0;
    std::size_t in_flight = 0;
    std::deque<Subscription> in_line = {};  // those which wait for the bytes in flight alone
  };
  using TopicTable = std::map<std::string, Topic, std::less<>>;
  using Listeners = std::map<Peer, Listener>;
  struct Reader {
    Subscription number;
    Listeners::iterator peer;
    TopicTable::iterator topic;  // the end: nothing new is for it
    std::uint32_t in_flight_max;
    std::uint32_t in_flight = 0;
    std::uint64_t sequence = 0;
    Ring<std::shared_ptr<const Envelope>> waiting = {};  // and not in flight yet
    std::size_t waiting_bytes = 0;
    bool is_in_line = false;
  };
  using Readers = std::map<Subscription, Reader>;

  using Shared = std::shared_ptr<const Envelope>;
  using Schema = std::optional<wire::bus::SchemaId>;

  Result<void> check_new(std::string_view topic) const;
  Result<void> check_declarer(std::string_view by) const;
  Result<void> check_published(std::string_view topic, const Envelope& message) const;
  std::uint32_t fan_out(Topic& topic, const Shared& message, Effects& effects);
  bool has_room_for(const Listener& peer, std::size_t bytes) const;
  bool is_full(const Reader& reader, std::size_t bytes) const;
  bool put(Reader& reader, const Shared& message, Effects& effects);
  void send(Reader& reader, Shared message, Effects& effects);
  void get_in_line(Reader& reader);
  void pump(Listener& peer, Effects& effects);
  void shed(Reader& reader, std::string why, Effects& effects);
  void drop(Reader& reader);
  void leave_topic(Reader& reader);
  void forget_if_idle(Listeners::iterator peer);
  void tell_if_drained(Effects& effects);

  const Options options_;
  TopicTable topics_;
  std::map<std::string, std::uint32_t, std::less<>> declared_by_;
  std::map<std::string, Peer, std::less<>> taps_;
  Listeners peers_;
  Readers readers_;
  Keys keys_;
  Subscription last_subscription_ = 0;
  Message next_message_;
  std::size_t waiting_ = 0;  // messages, once for each subscription
  std::size_t waiting_bytes_ = 0;
  std::size_t in_flight_ = 0;
  bool is_closed_ = false;
  bool is_drained_ = false;
  TopicCounters counters_;
};

}  // namespace parley::core
