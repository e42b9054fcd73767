#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "hub/bus/bus_conversations.h"
#include "hub/bus/bus_hub.h"
#include "hub/bus/bus_keepalive.h"
#include "hub/bus/bus_worker.h"
#include "hub/bus/frame_stream.h"
#include "runtime/builtin.h"

namespace parley::hub {

class BusConnection;

class BusConnectionEvents {
 public:
  // It is known who it is. False: there is no room for it.
  virtual bool on_entered(BusConnection& connection) = 0;
  // It has said all, and its last bytes leave.
  virtual void on_leaving(BusConnection& connection) = 0;
  // It may be destroyed, but not from inside of this.
  virtual void on_over(BusConnection& connection) = 0;

 protected:
  ~BusConnectionEvents() = default;
};

// One client of the bus. Owned by its gate. What it has here (subscriptions, conversations, its work) ends with it: at
// the latest when it says goodbye, breaks a rule, does not read, or its stream ends.
class BusConnection final : public Mortal,
                            private FrameStreamEvents,
                            private TopicSubscriber,
                            private BusPeer,
                            private BusKeepalive::Asked {
 public:
  struct Arrival {
    std::unique_ptr<io::Stream> stream;
    std::optional<core::Principal> seen;
    std::optional<std::string> bearer;          // the token of its request, over HTTP
    bool is_of_messages = false;                // a WebSocket
    Instant until;                              // by when it has said who it is
    std::shared_ptr<bool> is_let_in = nullptr;  // of a WebSocket: set from its entry on
  };
  BusConnection(BusConnectionEvents& gate, BusHub& hub, std::uint64_t number, Arrival arrival);

  void start();
  std::uint64_t number() const { return number_; }
  bool has_entered() const { return state_ == State::active; }
  bool is_worker() const { return worker_.is_registered(); }
  builtin::WorkerEntry as_worker() const;
  // Nothing new is taken; what was accepted goes on, and then it is told goodbye.
  void drain();
  // At once: nothing more leaves than the stream takes.
  void cut();

 private:
  enum class State : std::uint8_t { newcomer, active, leaving, over };
  struct Shed {
    Topics::Subscription subscription;
    Error why;
  };
  struct InFlight {
    std::uint64_t until;  // the position of its last byte
    std::size_t bytes;
    std::optional<core::Topics::Deliver> deliver;  // none: a push
  };
  struct Pump final : Ready {
    explicit Pump(BusConnection& owner) : Ready(&Pump::run), connection(owner) {}
    static void run(Ready& node) { static_cast<Pump&>(node).connection.pump(); }
    BusConnection& connection;
  };
  // Until it has entered, and again while it leaves.
  struct Late final : Timer {
    explicit Late(BusConnection& owner) : Timer(&Late::fire), connection(owner) {}
    static void fire(Timer& timer) { static_cast<Late&>(timer).connection.on_late(); }
    BusConnection& connection;
  };

  // --- the stream
  void on_frame(const wire::bus::Frame& frame) override;
  void on_malformed(const wire::bus::Malformed& why) override;
  void on_input_over() override;
  void on_output_over() override;
  void on_stream_over() override { cut(); }
  void on_sent() override;

  // --- frames
  void take(std::uint32_t, const wire::bus::Connect& connect);
  void take(std::uint32_t, const wire::bus::Disconnect&);
  void take(std::uint32_t, const wire::bus::Ping&);
  void take(std::uint32_t stream, const wire::bus::Subscribe& subscribe);
  void take(std::uint32_t, const wire::bus::Unsubscribe& unsubscribe);
  void take(std::uint32_t stream, const wire::bus::Publish& publish);
  void take(std::uint32_t stream, const wire::bus::ConversationOpen& open) { conversations_.open(stream, open); }
  void take(std::uint32_t stream, const wire::bus::ConversationMessage& said) { conversations_.take(stream, said); }
  void take(std::uint32_t, const wire::bus::ConversationClose& close) { conversations_.close(close); }
  void take(std::uint32_t, const wire::bus::PushReply& reply) { worker_.take(reply); }
  void take(std::uint32_t, const wire::bus::WorkerRegister& worker) { worker_.take(worker); }
  void take(std::uint32_t, const wire::bus::Pong&) { keepalive_.answered(); }
  // What is not for a server.
  template <class Other>
  void take(std::uint32_t, const Other&) {
    ++hub_.counters.ignored;
  }
  bool enters_unasked() const;
  void enter_unasked();
  void enter(core::Principal principal);
  void refuse_entry(wire::bus::Reason reason, std::string_view text);
  Result<void> check_topic(core::Verb verb, std::string_view topic);
  Result<core::Topics::Published> try_publish(const wire::bus::Publish& publish);
  Result<Topics::Subscription> try_subscribe(std::uint32_t stream, const wire::bus::Subscribe& subscribe);

  // --- what goes out
  void on_deliver(const core::Topics::Deliver& deliver) override;
  void on_shed(Topics::Subscription subscription, const Error& why) override;
  // It has left before.
  void on_topics_gone() override {}
  Result<void> say(std::uint32_t stream, const wire::bus::Body& body) override;
  Result<void> check(core::Verb verb, std::string_view name) override;
  const std::string& publisher() const override { return publisher_; }
  void on_settled() override;
  bool has_room_for_push() const override;
  void pump();
  void pump_one();
  void deliver(const core::Topics::Deliver& deliver);
  void expect_to_leave(std::uint64_t before, std::optional<core::Topics::Deliver> deliver);
  void expect_peer();
  void tell_shed(const Shed& shed);
  std::size_t answers_unsent() const;

  // --- its end
  bool is_waited_for() const override;
  void ask() override { static_cast<void>(say(0, wire::bus::Ping())); }
  void on_silent() override;
  void on_late();
  void leave();
  void let_go();

  BusConnectionEvents& gate_;
  BusHub& hub_;
  const std::uint64_t number_;
  std::optional<core::Principal> seen_;
  const std::optional<std::string> bearer_;
  const Instant until_;
  const std::shared_ptr<bool> is_let_in_;
  State state_ = State::newcomer;
  const bool is_of_messages_;
  bool is_draining_ = false;
  bool has_said_all_ = false;  // and what it has asked for goes on
  std::optional<core::Rights> rights_;
  std::string publisher_;
  Topics::Peer topic_peer_ = 0;
  std::map<Topics::Subscription, std::uint32_t> subscriptions_;  // and their streams
  std::deque<std::variant<core::Topics::Deliver, Shed>> to_pump_;
  std::deque<InFlight> in_flight_;
  std::size_t in_flight_bytes_ = 0;
  Pump pump_{*this};
  Late late_{*this};
  FrameStream frames_;
  BusKeepalive keepalive_;
  BusConversations conversations_;
  BusWorker worker_;
};

}  // namespace parley::hub
