#include "core/channel/channels.h"

#include <fmt/format.h>

#include <algorithm>

namespace parley::core {

namespace {

// What an unread item takes beside its bytes: its frame, and its place in the queue.
constexpr std::size_t item_overhead = 64;

}  // namespace

ReceivingEnd::Taken ReceivingEnd::take() {
  Taken taken{.item = items_.pop()};
  unpin(taken.item);
  if (!is_open()) return taken;
  if (was_used_up_ && items_.empty() && window_ < window_items_max_) {
    // The sender came to the end of its credit before the reader was through, who then was: both could do more.
    was_used_up_ = false;
    const std::size_t fitting = window_bytes_max_ / (item_bytes_ + item_overhead);
    const std::size_t wanted = std::min<std::size_t>({std::size_t{window_} * 2, fitting, window_items_max_});
    if (wanted > window_) {
      const auto more = static_cast<std::uint32_t>(wanted) - window_;
      window_ += more;
      taken.grant = replenish(taken_ + 1 + more);
      return taken;
    }
  }
  if (++taken_ * 2 >= window_) taken.grant = replenish(taken_);
  return taken;
}

std::uint32_t ReceivingEnd::ask() {
  if (!is_open() || window_ != 0) return 0;
  window_ = 16;
  return replenish(window_);
}

std::uint32_t ReceivingEnd::replenish(std::uint32_t more) {
  taken_ = 0;
  outstanding_ += more;
  return more;
}

void ReceivingEnd::drop_items() {
  while (!items_.empty()) {
    const Bytes item = items_.pop();
    unpin(item);
  }
}

// Neighbours mostly lie in one block, which counts once.
void ReceivingEnd::unpin(const Bytes& item) {
  if (item.pinned() == 0) return;
  if (!items_.empty() && items_.front().shares_block_with(item)) return;
  *pinned_bytes_ -= item.pinned();
}

Channels::Channels(const Limits& limits, Counters& counters, const Options& options)
    : limits_(limits),
      counters_(counters),
      options_(options),
      next_id_(first_id(options.parity)),
      own_(options.hash_seed),
      peer_(options.hash_seed) {}

std::uint64_t Channels::initial(std::uint32_t credit) const {
  return options_.is_peer_foreign ? std::min(credit, foreign_receiver_items) : credit;
}

void Channels::set_window(ReceivingEnd& end, std::uint32_t initial_credit) {
  end.window_ = initial_credit;
  end.outstanding_ = initial_credit;
  end.window_items_max_ = options_.is_peer_foreign ? 0 : limits_.window_items_max;
  end.window_bytes_max_ = limits_.window_bytes_max;
  if (!pinned_bytes_) pinned_bytes_ = std::make_shared<std::size_t>(0);
  end.pinned_bytes_ = pinned_bytes_;
}

void Channels::start(ChannelEnd& end, std::uint64_t id) {
  PARLEY_ASSERT(end.state_ == ChannelEnd::State::unbound, id);
  end.id_ = id;
  end.state_ = ChannelEnd::State::open;
  if (has_parity(id, options_.parity)) {
    own_.insert(id, end);
  } else {
    peer_.insert(id, end);
  }
}

void Channels::open_own(SendingEnd& end, std::uint32_t initial_credit) {
  end.credit_ = initial(initial_credit);
  start(end, next_id_);
  next_id_ += 2;
}

void Channels::open_own(ReceivingEnd& end, std::uint32_t initial_credit) {
  set_window(end, initial_credit);
  start(end, next_id_);
  next_id_ += 2;
}

void Channels::open_peer(std::uint64_t id, SendingEnd& end, std::uint32_t initial_credit) {
  PARLEY_ASSERT(!has_parity(id, options_.parity) && id <= last_peer_id_, id);
  end.credit_ = initial(initial_credit);
  start(end, id);
}

void Channels::open_peer(std::uint64_t id, ReceivingEnd& end, std::uint32_t initial_credit) {
  PARLEY_ASSERT(!has_parity(id, options_.parity) && id <= last_peer_id_, id);
  set_window(end, initial_credit);
  start(end, id);
}

static bool lists_before(const wire::roam::ChannelList& list, std::uint32_t position, std::uint64_t id) {
  wire::roam::ChannelList::Cursor cursor(list);
  for (std::uint32_t i = 0; i < position; ++i) {
    if (cursor.next() == id) return true;
  }
  return false;
}

Result<void> Channels::announce(const wire::roam::ChannelList& list) {
  if (peer_.size() + list.size() > limits_.channels_max) {
    return parley::fail(Code::too_many_channels, fmt::format("{} would be open on this connection, {} are allowed",
                                                             peer_.size() + list.size(), limits_.channels_max));
  }
  std::uint64_t highest = last_peer_id_;
  std::uint32_t position = 0;
  for (wire::roam::ChannelList::Cursor cursor(list); cursor.any(); ++position) {
    const std::uint64_t id = cursor.next();
    if (id == 0 || has_parity(id, options_.parity)) {
      return parley::fail(Code::channel_id, fmt::format("channel {}: ids that the peer gives out are {}", id,
                                                        options_.parity == Parity::odd ? "even" : "odd"));
    }
    // Ids are never given out twice, so each is above all before it, unless tasks of a foreign peer overtake each other
    // between giving out an id and sending the call.
    if (id <= highest && (!options_.accepts_any_order || peer_.find(id) || lists_before(list, position, id))) {
      return parley::fail(Code::channel_id, fmt::format("channel {}: ids go up, and {} was used before", id, highest));
    }
    highest = std::max(highest, id);
  }
  last_peer_id_ = highest;
  return {};
}

Channels::OnItem Channels::on_item(std::uint64_t id, ByteView item, Block* block) {
  ChannelEnd* found = find(id);
  if (!found || found->is_sender_) [[unlikely]]
    return on_item_elsewhere(id, found);
  auto& end = static_cast<ReceivingEnd&>(*found);
  if (end.outstanding_ == 0) [[unlikely]] {
    if (!options_.takes_items_beyond_credit) {
      return {.fault = Code::item_beyond_credit, .verdict = OnItem::Verdict::fault};
    }
    ++counters_.items_beyond_credit;
    if (end.items_.size() >= foreign_queue_max) {
      leave(end, ChannelEnd::State::failed);
      return {.verdict = OnItem::Verdict::reset, .end = &end};
    }
  } else if (--end.outstanding_ == 0) {
    end.was_used_up_ = true;
  }
  ++counters_.items_received;
  end.item_bytes_ = static_cast<std::uint32_t>((std::uint64_t{end.item_bytes_} * 7 + item.size()) / 8);
  Bytes bytes = keep(end, item, block);
  end.items_.push(std::move(bytes));
  return {.verdict = OnItem::Verdict::queued, .end = &end};
}

// A view, unless unread items pin far more memory than they are worth: then a copy of its own size.
Bytes Channels::keep(ReceivingEnd& end, ByteView item, Block* block) {
  Bytes bytes = block ? Bytes::view_into(block, item) : Bytes::copy_of(item);
  if (!end.items_.empty() && end.items_.back().shares_block_with(bytes)) return bytes;
  if (block && *pinned_bytes_ + bytes.pinned() > limits_.pinned_bytes_max) {
    ++counters_.items_copied;
    bytes = Bytes::copy_of(item);
  }
  end.pin(bytes);
  return bytes;
}

Channels::OnItem Channels::on_item_elsewhere(std::uint64_t id, ChannelEnd* end) {
  if (end) return {.fault = Code::channel_direction, .verdict = OnItem::Verdict::fault};
  if (!has_ended(id)) return {.fault = Code::channel_id, .verdict = OnItem::Verdict::fault};
  ++counters_.items_after_end;
  return {.verdict = OnItem::Verdict::ignored};
}

Error Channels::item_error(std::uint64_t id, Code fault) {
  switch (fault) {
    case Code::channel_direction: return {fault, fmt::format("item on channel {}, which sends to the peer", id)};
    case Code::channel_id: return {fault, fmt::format("item on channel {}, which no call announced", id)};
    default: return {fault, fmt::format("item on channel {}", id)};
  }
}

Result<ReceivingEnd*> Channels::on_close(std::uint64_t id) {
  ChannelEnd* end = find(id);
  if (end && end->is_sender_)
    return parley::fail(Code::channel_direction, fmt::format("close of channel {}, which sends to the peer", id));
  if (end) {
    leave(*end, ChannelEnd::State::closed);
    return static_cast<ReceivingEnd*>(end);
  }
  if (!has_ended(id))
    return parley::fail(Code::channel_id, fmt::format("close of channel {}, which no call announced", id));
  ++counters_.closes_after_end;
  return static_cast<ReceivingEnd*>(nullptr);
}

Result<SendingEnd*> Channels::on_reset(std::uint64_t id) {
  ChannelEnd* end = find(id);
  if (end && !end->is_sender_)
    return parley::fail(Code::channel_direction, fmt::format("reset of channel {}, which the peer sends on", id));
  if (!end && !has_ended(id))
    return parley::fail(Code::channel_id, fmt::format("reset of channel {}, which no call announced", id));
  ++counters_.resets_received;
  if (end) leave(*end, ChannelEnd::State::failed);
  return static_cast<SendingEnd*>(end);
}

Result<SendingEnd*> Channels::on_grant(std::uint64_t id, std::uint32_t additional) {
  ChannelEnd* end = find(id);
  if (end && !end->is_sender_)
    return parley::fail(Code::channel_direction, fmt::format("credit for channel {}, which the peer sends on", id));
  if (!end) {
    if (!has_ended(id))
      return parley::fail(Code::channel_id, fmt::format("credit for channel {}, which no call announced", id));
    ++counters_.grants_after_end;
    return static_cast<SendingEnd*>(nullptr);
  }
  auto& sender = static_cast<SendingEnd&>(*end);
  if (additional > limits_.credit_max - std::min<std::uint64_t>(sender.credit_, limits_.credit_max)) {
    return parley::fail(Code::credit_overflow, fmt::format("channel {}: {} more on top of {}, {} are allowed", id,
                                                           additional, sender.credit_, limits_.credit_max));
  }
  sender.credit_ += additional;
  return &sender;
}

void Channels::leave(ChannelEnd& end, ChannelEnd::State state) {
  PARLEY_ASSERT(end.state_ == ChannelEnd::State::open, end.id_);
  ChannelEnd* taken = has_parity(end.id_, options_.parity) ? own_.take(end.id_) : peer_.take(end.id_);
  PARLEY_ASSERT(taken == &end, end.id_);
  end.state_ = state;
}

ChannelEnd* Channels::take_any() {
  ChannelEnd* end = own_.take_any();
  if (!end) end = peer_.take_any();
  if (end) end->state_ = ChannelEnd::State::failed;
  return end;
}

}  // namespace parley::core
