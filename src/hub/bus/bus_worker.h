#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hub/bus/bus_hub.h"

namespace parley::hub {

// A connection that has registered as a worker: whoever talks about one of its activity types talks to it. A message is
// a push, which it answers; a bounded number is under way, and others wait. That its connection is gone is known to all
// who wait at once. Part of its connection.
class BusWorker final : private Party {
 public:
  BusWorker(BusHub& hub, BusPeer& peer) : hub_(hub), peer_(peer) {}

  void take(const wire::bus::WorkerRegister& worker);
  void take(const wire::bus::PushReply& reply);
  // Pushes what waits, as far as there is room.
  void pump();
  // The connection is over.
  void leave();
  void drain() { is_draining_ = true; }

  bool is_registered() const { return who_.has_value(); }
  const std::string& identity() const { return identity_; }
  const std::vector<std::string>& subjects() const { return subjects_; }
  std::size_t in_flight() const { return pushed_.size(); }
  std::size_t waiting() const { return waiting_.size(); }
  // Whether an answer of it is awaited.
  bool is_awaited() const { return !pushed_.empty() || !waiting_.empty(); }

 private:
  struct Pushed {
    ConversationId conversation;
    Request request;
    std::shared_ptr<const Envelope> content;
    Instant until;
  };
  struct Late final : Timer {
    explicit Late(BusWorker& owner) : Timer(&Late::fire), worker(owner) {}
    static void fire(Timer& timer) { static_cast<Late&>(timer).worker.on_late(); }
    BusWorker& worker;
  };
  void on_message(Message message) override;
  void on_over(ConversationId conversation) override;
  Result<void> check(const wire::bus::WorkerRegister& worker);
  Result<void> enrol(const wire::bus::WorkerRegister& worker);
  void push(Message message);
  bool may_push() const;
  void give_up(ConversationId conversation, std::string why, Request untaken = 0);
  void on_late();
  void arm();

  BusHub& hub_;
  BusPeer& peer_;
  std::optional<Participant> who_;
  std::string identity_;
  std::vector<std::string> subjects_;
  std::map<std::uint64_t, Pushed> pushed_;  // by correlation, the oldest first
  std::deque<Message> waiting_;
  std::uint64_t last_correlation_ = 0;
  bool is_draining_ = false;
  Late late_{*this};
};

}  // namespace parley::hub
