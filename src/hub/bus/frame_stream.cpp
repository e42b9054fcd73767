#include "hub/bus/frame_stream.h"

#include <algorithm>
#include <array>

#include "wire/bus/deliver.h"

namespace parley::hub {

namespace bus = wire::bus;

namespace {

// Before each message; the lowest byte comes first.
constexpr std::size_t length_bytes = sizeof(std::uint32_t);
// Shorter payloads are copied: a write of their own costs more.
constexpr std::size_t copied_bytes_max = std::size_t{64} << 10;

std::size_t length_of(ByteView bytes) {
  std::size_t length = 0;
  for (std::size_t i = length_bytes; i-- > 0;) length = length << 8 | bytes[i];
  return length;
}

bus::Malformed too_large(std::size_t bytes, const bus::Bounds& bounds) {
  bus::Malformed why{{Code::frame_too_large, {}}, bus::Fault::frame_too_large};
  why.note =
      "a message of " + std::to_string(bytes) + " bytes, and " + std::to_string(bounds.frame_bytes_max) + " pass";
  return why;
}

}  // namespace

FrameStream::FrameStream(io::Loop& loop, std::unique_ptr<io::Stream> stream, FrameStreamEvents& events,
                         bool is_of_messages, const bus::Bounds& bounds)
    : loop_(loop),
      events_(events),
      is_of_messages_(is_of_messages),
      bounds_(bounds),
      stream_(std::move(stream)),
      reader_(std::in_place, bounds),
      out_(loop.blocks()) {}
FrameStream::~FrameStream() {
  if (!is_blocked_ && !is_write_dead_) write_out();
}

void FrameStream::set_bounds(const bus::Bounds& bounds) {
  bounds_ = bounds;
  if (received_ == 0) reader_.emplace(bounds);
}

// --- in

// One read a turn: what is left is reported again, and others have their turn before it.
void FrameStream::on_readable() {
  std::array<std::uint8_t, std::size_t{16} << 10> bytes;
  const io::Transfer moved = stream_->read_some(bytes);
  if (moved.status == Status::would_block || is_input_over_ || is_over_) return;
  if (moved.status == Status::failed) return end();
  if (moved.status == Status::ended) {
    is_input_over_ = true;
    return is_write_dead_ ? end() : events_.on_input_over();
  }
  received_ += moved.bytes;
  const ByteView come(bytes.data(), moved.bytes);
  if (is_deaf_) return;
  if (is_of_messages_) {
    take_messages(come);
  } else {
    take(come);
  }
}

void FrameStream::take(ByteView bytes) {
  std::size_t frame_bytes_max = bounds_.frame_bytes_max;
  while (!is_deaf_) {
    auto frame = reader_->next(bytes);
    if (frame && !*frame) return;
    if (!tell(frame ? std::expected<bus::Frame, bus::Malformed>(**frame) : std::unexpected(frame.error()))) return;
    // It has given the frame out, and keeps nothing of the next one.
    if (std::exchange(frame_bytes_max, bounds_.frame_bytes_max) != bounds_.frame_bytes_max) reader_.emplace(bounds_);
  }
}

void FrameStream::take_messages(ByteView bytes) {
  while (!is_deaf_ && !bytes.empty()) {
    const std::size_t known = message_.size();
    const std::size_t size = known < length_bytes ? length_bytes : length_bytes + length_of(message_);
    const ByteView part = bytes.first(std::min(size - known, bytes.size()));
    message_.insert(message_.end(), part.begin(), part.end());
    bytes = bytes.subspan(part.size());
    if (message_.size() < length_bytes) return;
    const std::size_t length = length_of(message_);
    if (length > bounds_.frame_bytes_max) {
      tell(std::unexpected(too_large(length, bounds_)));
      return;
    }
    if (message_.size() < length_bytes + length) continue;
    const std::vector<std::uint8_t> whole = std::exchange(message_, {});
    if (!tell(bus::read_frame(ByteView(whole).subspan(length_bytes), bounds_))) return;
  }
}

bool FrameStream::tell(const std::expected<bus::Frame, bus::Malformed>& frame) {
  if (frame) {
    events_.on_frame(*frame);
    return true;
  }
  is_deaf_ = true;
  events_.on_malformed(frame.error());
  return false;
}

void FrameStream::end() {
  if (!std::exchange(is_over_, true)) events_.on_stream_over();
}

// --- out

void FrameStream::put_length(std::size_t frame_bytes) {
  if (!is_of_messages_) return;
  std::uint8_t* cursor = out_.room(length_bytes);
  for (std::size_t i = 0; i < length_bytes; ++i) *cursor++ = static_cast<std::uint8_t>(frame_bytes >> (8 * i));
  out_.commit(cursor);
}

void FrameStream::account(std::uint64_t out_before, std::size_t inserted) {
  put_ += out_.committed() - out_before + inserted;
  schedule_flush();
}

Result<void> FrameStream::put(const bus::Frame& frame) {
  if (is_write_dead_ || is_finishing_) return {};
  const std::size_t size = bus::encoded_size(frame);
  if (size > bounds_.frame_bytes_max) return fail(Code::too_large, "longer than a frame may be");
  const std::uint64_t before = out_.committed();
  put_length(size);
  bus::put_frame(out_, frame, bounds_).value();
  account(before, 0);
  return {};
}

Result<void> FrameStream::put_deliver(std::uint32_t stream, std::uint64_t sequence, ByteView envelope_head,
                                      std::shared_ptr<const core::Envelope> message) {
  if (is_write_dead_ || is_finishing_) return {};
  const ByteView payload = message->payload;
  const bus::DeliverHead head{stream, sequence, envelope_head, payload.size()};
  if (head.frame_bytes() > bounds_.frame_bytes_max) return fail(Code::too_large, "longer than a frame may be");
  const std::uint64_t before = out_.committed();
  put_length(head.frame_bytes());
  bus::put_deliver_head(out_, head);
  const bool is_copied = payload.size() <= copied_bytes_max;
  if (is_copied) {
    out_.commit(std::ranges::copy(payload, out_.room(payload.size())).out);
  } else {
    inserted_.push_back({out_.committed(), std::move(message), payload});
  }
  account(before, is_copied ? 0 : payload.size());
  return {};
}

void FrameStream::finish() {
  if (!std::exchange(is_finishing_, true)) schedule_flush();
}

void FrameStream::schedule_flush() {
  if (!is_blocked_ && !is_write_dead_ && !flush_.is_linked()) loop_.executor().post_after_drain(flush_);
}

ByteView FrameStream::next_piece() const {
  if (inserted_.empty()) return out_.pending();
  const Inserted& next = inserted_.front();
  if (next.at == out_.sent()) return next.rest;
  return out_.pending().first(static_cast<std::size_t>(next.at - out_.sent()));
}

void FrameStream::take_off(std::size_t bytes) {
  sent_ += bytes;
  if (inserted_.empty() || inserted_.front().at != out_.sent()) return out_.consume(bytes);
  ByteView& rest = inserted_.front().rest;
  rest = rest.subspan(bytes);
  if (rest.empty()) inserted_.pop_front();
}

FrameStream::Status FrameStream::write_out() {
  while (unsent() != 0) {
    const io::Transfer moved = stream_->write_some(next_piece());
    if (moved.status != Status::moved) return moved.status;
    take_off(moved.bytes);
  }
  return Status::moved;
}

void FrameStream::flush() {
  if (is_write_dead_) return;
  const Status status = write_out();
  if (status == Status::would_block) {
    is_blocked_ = true;
    stream_->want_writable();
  } else if (status != Status::moved) {
    is_write_dead_ = true;
    out_.clear();
    inserted_.clear();
    return is_input_over_ ? end() : events_.on_output_over();
  } else if (is_finishing_) {
    is_write_dead_ = true;
    stream_->finish();
    if (is_input_over_) return end();
  }
  events_.on_sent();
}

void FrameStream::on_writable() {
  is_blocked_ = false;
  flush();
}

}  // namespace parley::hub
