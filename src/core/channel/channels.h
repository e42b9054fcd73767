#pragma once

#include <cstdint>
#include <memory>

#include "base/bytes.h"
#include "base/error.h"
#include "base/id_table.h"
#include "base/limits.h"
#include "base/ring.h"
#include "core/counters.h"
#include "wire/roam/message.h"

namespace parley::core {

using wire::roam::Parity;

// One end of a channel. Embedded in the object behind a Tx or an Rx; in the tables of its connection while it is open.
class ChannelEnd {
 public:
  enum class State : std::uint8_t {
    unbound,  // belongs to no connection yet
    open,
    closed,  // the sender closed it; all items before the close are there
    failed,  // reset, dropped, or its connection ended
  };
  std::uint64_t id() const { return id_; }
  State state() const { return state_; }
  bool is_open() const { return state_ == State::open; }
  bool is_sender() const { return is_sender_; }
  // Position in the session's output behind the call that announced it, where that call is ours.
  std::uint64_t announced_at = 0;

 protected:
  explicit ChannelEnd(bool is_sender) : is_sender_(is_sender) {}

 private:
  friend class Channels;
  std::uint64_t id_ = 0;
  State state_ = State::unbound;
  bool is_sender_;
};

// The sending end: credit is taken with the item, in one step, and an item is encoded only once it is.
class SendingEnd : public ChannelEnd {
 public:
  SendingEnd() : ChannelEnd(true) {}
  bool may_send() const { return is_open() && credit_ != 0; }
  std::uint64_t credit() const { return credit_; }
  void spend_one() {
    PARLEY_ASSERT(may_send(), id(), credit_);
    --credit_;
  }

 private:
  friend class Channels;
  std::uint64_t credit_ = 0;
  std::uint64_t held_back_ = 0;
};

// The receiving end: its queue holds what has been sent within the credit it gave. The window is what it lets the
// sender have under way; it grows while the sender uses all of it and the reader keeps up.
class ReceivingEnd : public ChannelEnd {
 public:
  ReceivingEnd() : ChannelEnd(false) {}

  bool has_item() const { return !items_.empty(); }
  std::size_t queued() const { return items_.size(); }
  std::uint64_t outstanding() const { return outstanding_; }  // credit given and not used yet
  std::uint32_t window() const { return window_; }

  struct Taken {
    Bytes item;
    std::uint32_t grant = 0;  // credit to send to the peer now; 0: none
  };
  Taken take();
  // Before waiting for an item: the credit to send now, for channels that start with none.
  std::uint32_t ask();
  // Drops what has not been read.
  void drop_items();

 private:
  friend class Channels;
  std::uint32_t replenish(std::uint32_t more);
  void pin(const Bytes& item) { *pinned_bytes_ += item.pinned(); }
  void unpin(const Bytes& item);

  Ring<Bytes> items_;
  std::uint64_t outstanding_ = 0;
  bool was_used_up_ = false;  // all credit, since the window was last looked at
  std::uint32_t window_ = 0;
  std::uint32_t window_items_max_ = 0;
  std::size_t window_bytes_max_ = 0;
  std::uint32_t taken_ = 0;       // since the last grant
  std::uint32_t item_bytes_ = 0;  // a moving average
  // Of the connection. What is unread counts until it is read or dropped, also when the channel has ended: a peer that
  // opens, sends and closes would else pin without a bound. It outlives the connection too.
  std::shared_ptr<std::size_t> pinned_bytes_;
};

// The channels of one connection: which ids live, in which direction, and what may happen to each. Ends that we opened
// and ends that the peer opened are in separate tables. Owns no end.
class Channels {
 public:
  struct Options {
    Parity parity = Parity::odd;   // of the ids that we give out
    bool is_peer_foreign = false;  // a 7.x peer: its receivers hold 64 items, and it is granted what it is owed and
                                   // nothing more
    bool takes_items_beyond_credit = false;
    bool accepts_any_order = false;  // of the ids that the peer's calls list
    std::uint64_t hash_seed = 1;
  };
  Channels(const Limits& limits, Counters& counters, const Options& options);

  static constexpr std::uint32_t foreign_receiver_items = 64;
  static constexpr std::uint32_t foreign_queue_max = 4096;

  // --- opening. Ours get the next id; the peer's have been checked by announce().
  void open_own(SendingEnd& end, std::uint32_t initial_credit);
  void open_own(ReceivingEnd& end, std::uint32_t initial_credit);
  void open_peer(std::uint64_t id, SendingEnd& end, std::uint32_t initial_credit);
  void open_peer(std::uint64_t id, ReceivingEnd& end, std::uint32_t initial_credit);
  // The call that announces the end is not sent yet: no credit until it is.
  void hold_back(SendingEnd& end) { end.held_back_ = std::exchange(end.credit_, 0); }
  void let_go(SendingEnd& end) { end.credit_ += std::exchange(end.held_back_, 0); }
  // An id for an end that was gone before its call was made.
  std::uint64_t skip_own() {
    const std::uint64_t id = next_id_;
    next_id_ += 2;
    return id;
  }
  // A call of the peer lists these ids: refuses wrong parity, ids in use, the same twice, and too many.
  Result<void> announce(const wire::roam::ChannelList& list);

  // --- what the peer sends. An error is the peer's breach of the rules; a null end means that the channel has ended
  // here, which is no error.
  struct OnItem {
    Code fault = Code::bug;  // unless ok
    enum class Verdict : std::uint8_t { queued, ignored, reset, fault } verdict;
    ReceivingEnd* end = nullptr;
  };
  OnItem on_item(std::uint64_t id, ByteView item, Block* block);
  static Error item_error(std::uint64_t id, Code fault);
  Result<ReceivingEnd*> on_close(std::uint64_t id);
  Result<SendingEnd*> on_reset(std::uint64_t id);
  Result<SendingEnd*> on_grant(std::uint64_t id, std::uint32_t additional);

  // --- what we end. The end leaves its table; its state says how it ended.
  void close(SendingEnd& end) { leave(end, ChannelEnd::State::closed); }
  void fail(ChannelEnd& end) { leave(end, ChannelEnd::State::failed); }
  // For the end of the connection: takes out any end; null when none is left.
  ChannelEnd* take_any();
  std::size_t size() const { return own_.size() + peer_.size(); }
  bool is_open(std::uint64_t id) const { return find(id) != nullptr; }
  std::size_t pinned_bytes() const { return pinned_bytes_ ? *pinned_bytes_ : 0; }

 private:
  ChannelEnd* find(std::uint64_t id) const { return has_parity(id, options_.parity) ? own_.find(id) : peer_.find(id); }
  bool has_ended(std::uint64_t id) const {
    return id != 0 && (has_parity(id, options_.parity) ? id < next_id_ : id <= last_peer_id_);
  }
  void start(ChannelEnd& end, std::uint64_t id);
  void set_window(ReceivingEnd& end, std::uint32_t initial_credit);
  std::uint64_t initial(std::uint32_t credit) const;
  void leave(ChannelEnd& end, ChannelEnd::State state);
  Bytes keep(ReceivingEnd& end, ByteView item, Block* block);
  OnItem on_item_elsewhere(std::uint64_t id, ChannelEnd* end);

  const Limits& limits_;
  Counters& counters_;
  Options options_;
  std::uint64_t next_id_;
  std::uint64_t last_peer_id_ = 0;  // the highest that the peer has announced
  // In blocks that unread items keep alive; made for the first receiver.
  std::shared_ptr<std::size_t> pinned_bytes_;
  OwnIdTable<ChannelEnd> own_;
  PeerIdTable<ChannelEnd> peer_;
};

}  // namespace parley::core
