#include "runtime/framed_link.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "io/descriptor_inbox.h"
#include "wire/frame.h"

namespace parley::runtime {

using Status = io::Transfer::Status;

// A length that is text comes from a peer that speaks something else, HTTP for one.
static std::string as_other_protocol(ByteView bytes) {
  const std::string_view length = as_text(bytes.first(wire::frame_head_bytes));
  const bool is_text = std::ranges::all_of(length, [](char c) { return c >= ' ' && c <= '~'; });
  return is_text ? fmt::format("; as text this length is {:?}: does the peer speak another protocol?", length) : "";
}

// Our own frames have been checked when they were made.
constexpr std::size_t no_limit = ~std::size_t{0};

FramedLink::FramedLink(io::Loop& loop, std::unique_ptr<io::Stream> stream, const Limits& limits)
    : loop_(loop),
      stream_(std::move(stream)),
      frame_bytes_max_(limits.frame_bytes_max),
      flush_bytes_(limits.flush_bytes),
      control_bytes_max_(limits.control_bytes_max),
      descriptors_max_(std::min(limits.descriptors_max, io::descriptors_per_write_max)),
      last_bytes_max_(limits.handshake_max),
      data_(loop.blocks()),
      control_(loop.blocks()) {}

void FramedLink::start(io::LinkEvents& events) {
  PARLEY_ASSERT(!events_, "a link is handed over before it is started again");
  events_ = &events;
  if (!std::exchange(is_started_, true)) stream_->start(*this);
}

void FramedLink::end_reading(const Error* error) {
  has_read_all_ = true;
  give_up_.disarm();
  block_.reset();
  tell_end(error);
}

// Once: the first reason counts.
void FramedLink::tell_end(const Error* error) {
  if (!std::exchange(has_told_end_, true)) events_->on_link_ended(error);
}

// The stream takes nothing any more. What the peer sent before it died can still be read, and reading then ends too:
// by itself, or when it has been waited for as long as last bytes are.
void FramedLink::end_writing(Error error) {
  is_dead_ = true;
  drop_output();
  failure_ = std::make_unique<Error>(std::move(error));
  if (!has_read_all_) loop_.executor().arm(give_up_, loop_.now() + last_bytes_max_);
}

// We want no more of this peer.
void FramedLink::end_later(Error error) {
  is_dead_ = true;
  drop_output();
  if (std::exchange(has_read_all_, true)) return;
  failure_ = std::make_unique<Error>(std::move(error));
  loop_.executor().post(fail_);
}

void FramedLink::drop_output() {
  flush_.leave();
  data_.clear();
  control_.clear();
  attached_.reset();
}

// --- out

void FramedLink::committed() {
  if (data_.size() >= flush_bytes_ && !is_blocked_ && !is_dead_) {
    flush();
  } else {
    committed_later();
  }
}

void FramedLink::committed_later() {
  if (is_dead_) [[unlikely]] {
    drop_output();
    return;
  }
  if (!flush_.is_linked()) loop_.executor().post_after_drain(flush_);
  if (control_.size() > control_bytes_max_) [[unlikely]]
    end_later({Code::outbound_full, "control messages"});
}

// Writes the first `size` bytes; false when the peer takes no more for now or the stream is dead.
bool FramedLink::write_out(OutBuffer& buffer, std::size_t size) {
  while (size != 0) {
    std::size_t piece = size;
    std::span<io::Descriptor> with;
    if (attached_ && &buffer == &data_) [[unlikely]]
      with = cut_at_attached(piece);
    const io::Transfer transfer = stream_->write_some(buffer.pending().first(piece), with);
    if (transfer.status == Status::moved) {
      if (!with.empty()) [[unlikely]]
        attached_->erase(attached_->begin());
      if (&buffer == &data_) remember_cut(buffer.pending(), transfer.bytes);
      buffer.consume(transfer.bytes);
      size -= transfer.bytes;
      continue;
    }
    if (transfer.status == Status::would_block) {
      is_blocked_ = true;
      stream_->want_writable();
    } else {
      end_writing(stream_->failure());
    }
    return false;
  }
  return true;
}

// The descriptors that go with the first byte of the next write, which ends before the message of the next ones.
std::span<io::Descriptor> FramedLink::cut_at_attached(std::size_t& size) {
  if (attached_->empty()) {
    attached_.reset();
    return {};
  }
  const bool is_first = attached_->front().position == data_.sent();
  const std::size_t next = is_first ? 1 : 0;
  if (next < attached_->size()) {
    size = static_cast<std::size_t>(std::min<std::uint64_t>(size, (*attached_)[next].position - data_.sent()));
  }
  return is_first ? std::span(attached_->front().descriptors) : std::span<io::Descriptor>();
}

Result<std::uint64_t> FramedLink::attach(std::span<io::Descriptor> with) {
  if (!stream_->passes_descriptors()) return fail(io::no_descriptors(peer().address));
  if (is_dead_ || is_finishing_) return fail(Code::closed, "the link");
  std::size_t waiting = 0;
  std::size_t with_next = 0;
  if (attached_) {
    for (const Attached& attached : *attached_) waiting += attached.descriptors.size();
    if (!attached_->empty() && attached_->back().position == data_.committed()) {
      with_next = attached_->back().descriptors.size();
    }
  }
  if (with_next + with.size() > descriptors_max_) {
    return fail(Code::too_many_descriptors,
                fmt::format("{} with one message; {} may go", with_next + with.size(), descriptors_max_));
  }
  if (waiting + with.size() > io::DescriptorInbox::unclaimed_max) {
    return fail(Code::too_many_descriptors, fmt::format("{} wait to leave", waiting));
  }
  for (const io::Descriptor& descriptor : with) {
    if (!descriptor) return fail(Code::invalid, "a descriptor that is not open");
  }
  const std::uint64_t first = stream_->descriptors_passed() + waiting;
  if (with.empty()) return first;
  if (!attached_) attached_ = std::make_unique<std::vector<Attached>>();
  if (with_next == 0) attached_->push_back({data_.committed(), {}});
  std::ranges::move(with, std::back_inserter(attached_->back().descriptors));
  return first;
}

Result<io::Descriptor> FramedLink::claim_descriptor(std::uint64_t number) { return stream_->claim_descriptor(number); }

// A write may end inside a frame: what is left of it comes before any control message.
void FramedLink::remember_cut(ByteView pending, std::size_t written) {
  if (written == pending.size()) {
    cut_frame_bytes_ = 0;
    return;
  }
  std::size_t at = cut_frame_bytes_;
  while (at < written) at += wire::scan_frame(pending.subspan(at), no_limit).size;
  cut_frame_bytes_ = at - written;
}

void FramedLink::flush() {
  flush_.leave();
  if (is_blocked_ || is_dead_) return;
  if (write_out(data_, data_.size())) finish_if_empty();
}

bool FramedLink::write_after_block() {
  is_blocked_ = false;
  return write_out(data_, cut_frame_bytes_) && write_out(control_, control_.size()) && write_out(data_, data_.size());
}

// A peer that has ended its direction may have died or still read; only a write tells, and with it what of the output
// has left.
void FramedLink::write_once_more() {
  if (!data_.empty() || !control_.empty()) write_after_block();
}

void FramedLink::on_writable() {
  if (is_dead_) return;
  if (!write_after_block()) return;
  finish_if_empty();
  if (!has_read_all_) events_->on_link_drained();
}

// A link that died while its stream lives (too much waited behind a peer that does not read) still tells that peer.
void FramedLink::finish() {
  is_finishing_ = true;
  if (!is_dead_) return flush();
  if (!std::exchange(has_finished_, true)) stream_->finish();
}

void FramedLink::finish_if_empty() {
  if (!is_finishing_ || has_finished_ || !data_.empty() || !control_.empty()) return;
  has_finished_ = true;
  stream_->finish();
}

// --- in

Status FramedLink::fill() {
  if (!block_) {
    block_ = loop_.blocks().take();
    parsed_ = filled_ = 0;
  }
  const io::Transfer transfer =
      stream_->read_some({block_->data() + filled_, static_cast<std::size_t>(block_->capacity() - filled_)});
  if (transfer.status == Status::moved) {
    filled_ += transfer.bytes;
    bytes_received_ += transfer.bytes;
  }
  return transfer.status;
}

bool FramedLink::on_spin() {
  if (has_read_all_ || has_prefetched_) return has_prefetched_;
  prefetched_ = fill();
  has_prefetched_ = prefetched_ != Status::would_block;
  if (!has_prefetched_ && parsed_ == filled_) block_.reset();
  return has_prefetched_;
}

void FramedLink::on_readable() {
  if (has_read_all_) {
    discard();
    return;
  }
  const Status status = std::exchange(has_prefetched_, false) ? prefetched_ : fill();
  switch (status) {
    case Status::moved: deliver(); return;
    case Status::would_block:
      if (parsed_ == filled_) block_.reset();
      return;
    case Status::ended: {
      if (!is_dead_) write_once_more();
      if (failure_) return end_reading(failure_.get());
      const std::size_t rest = block_ ? filled_ - parsed_ : 0;
      if (rest == 0) return end_reading(nullptr);
      const std::size_t size = wire::scan_frame({block_->data() + parsed_, rest}, no_limit).size;
      const Error error{Code::frame_truncated, fmt::format("after {} of {} bytes, its length included", rest, size)};
      end_reading(&error);
      return;
    }
    case Status::failed: {
      is_dead_ = true;
      drop_output();
      const Error error = stream_->failure();
      end_reading(&error);
      return;
    }
  }
}

// The session wants no more: what still comes is read and forgotten, until the end says that the link is over.
void FramedLink::discard() {
  has_prefetched_ = false;
  parsed_ = filled_ = 0;
  const Status status = fill();
  block_.reset();
  if (status == Status::ended || status == Status::failed) tell_end(failure_.get());
}

void FramedLink::deliver() {
  for (;;) {
    const ByteView rest(block_->data() + parsed_, filled_ - parsed_);
    if (rest.empty()) {
      block_.reset();
      return;
    }
    const wire::FrameScan scan = wire::scan_frame(rest, frame_bytes_max_);
    if (scan.status == wire::FrameScan::Status::cut_off) {
      make_room(scan.size);
      return;
    }
    if (scan.status == wire::FrameScan::Status::too_large) {
      const Error error{Code::frame_too_large, fmt::format("{} bytes announced, {} allowed{}", scan.size,
                                                           frame_bytes_max_, as_other_protocol(rest))};
      end_reading(&error);
      return;
    }
    parsed_ += scan.size;
    if (!events_->on_message(scan.message, block_.get())) has_read_all_ = true;
    if (has_read_all_) {
      block_.reset();
      return;
    }
  }
}

// Room for the rest of a message of which the first bytes are there. What a length announces is not believed: memory
// doubles as bytes arrive, and only when there is none left, so that a byte is moved a bounded number of times however
// small the pieces are in which a message comes.
void FramedLink::make_room(std::size_t wanted) {
  const std::size_t rest = filled_ - parsed_;
  const bool has_room =
      block_->capacity() - parsed_ >= wanted || filled_ < (parsed_ == 0 ? block_->capacity() : block_->capacity() / 2);
  if (has_room) return;
  if (!block_->is_shared() && wanted <= block_->capacity()) {
    std::memmove(block_->data(), block_->data() + parsed_, rest);
  } else {
    const std::size_t size = std::min(wanted, std::max(rest * 2, loop_.blocks().block_size()));
    BlockHandle larger = loop_.blocks().take_at_least(size);
    std::memcpy(larger->data(), block_->data() + parsed_, rest);
    block_ = std::move(larger);
  }
  parsed_ = 0;
  filled_ = rest;
}

}  // namespace parley::runtime
