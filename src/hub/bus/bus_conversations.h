#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "hub/bus/bus_hub.h"

namespace parley::hub {

// The conversations of one connection, by its own numbers. A reply goes out on the stream of its message, where no
// other is awaited in that conversation meanwhile, so that nothing is taken for the answer to something else. That
// somebody crashed is told at once: on the streams of what waits, else on that of the open. Part of its connection.
class BusConversations final : private ConversationFollower {
 public:
  BusConversations(BusHub& hub, BusPeer& peer, Conversations::Owner owner) : hub_(hub), peer_(peer), owner_(owner) {}

  void open(std::uint32_t stream, const wire::bus::ConversationOpen& open);
  void take(std::uint32_t stream, const wire::bus::ConversationMessage& message);
  void close(const wire::bus::ConversationClose& close);
  // Closes all; nothing of it is told.
  void leave();
  // From now on nothing new begins.
  void drain() { is_draining_ = true; }

  bool is_awaiting() const { return awaited_ != 0; }
  std::size_t size() const { return open_.size(); }

 private:
  struct Open;
  struct Awaited final : Conversations::Receiving {
    Awaited(BusConversations& by, Open& of, std::uint32_t on) : owner(by), open(of), stream(on) {}
    void on_received(Result<Conversations::Received> received) override;
    BusConversations& owner;
    Open& open;
    const std::uint32_t stream;
  };
  // Replies that nobody wants, so that they fill nothing.
  struct Unasked final : Conversations::Receiving {
    Unasked(BusConversations& by, ConversationId of) : owner(by), conversation(of) {}
    void on_received(Result<Conversations::Received> received) override;
    void wait();
    BusConversations& owner;
    const ConversationId conversation;
    bool is_waiting = false;
  };
  struct Open {
    Open(BusConversations& owner, std::uint64_t number, std::uint32_t stream, ConversationId id)
        : number(number), stream(stream), id(id), unasked(owner, id) {}
    const std::uint64_t number;  // the client's
    const std::uint32_t stream;
    const ConversationId id;
    std::map<std::uint32_t, std::unique_ptr<Awaited>> awaited = {};  // by stream
    Unasked unasked;
    std::string ended = {};  // who has, and why
    bool is_told = false;
  };

  void on_moved(ConversationId conversation, Phase from, Phase to) override;
  void on_ended(ConversationId conversation, Participant who, Instant at, const ExitReason& reason) override;
  void on_rerouted(ConversationId, Request, Participant, Instant) override {}
  void on_over(ConversationId conversation) override;
  void on_reply(Awaited& awaited, Result<Conversations::Received> received);
  Result<ConversationId> try_open(const wire::bus::ConversationOpen& open);
  Result<void> check_room(const Open& open, std::uint32_t stream) const;
  void refuse(std::uint32_t stream, std::uint64_t conversation, wire::bus::Reason reason, std::string_view text);
  Open* find(ConversationId conversation);

  BusHub& hub_;
  BusPeer& peer_;
  const Conversations::Owner owner_;
  std::map<std::uint64_t, std::unique_ptr<Open>> open_;
  std::map<ConversationId, Open*> by_id_;
  std::size_t awaited_ = 0;
  bool is_draining_ = false;
};

}  // namespace parley::hub
