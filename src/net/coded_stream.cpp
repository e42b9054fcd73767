#include "net/coded_stream.h"

#include <algorithm>
#include <array>
#include <utility>

namespace parley::net {

using Status = io::Transfer::Status;

CodedStream::CodedStream(io::Loop& loop, std::unique_ptr<io::Stream> inner)
    : loop_(loop),
      inner_(std::move(inner)),
      gathering_(dynamic_cast<GatheringStream*>(inner_.get())),
      peer_(inner_->peer()),
      out_(loop.blocks()) {}

CodedStream::~CodedStream() {
  if (is_destroyed_) *is_destroyed_ = true;
}

void CodedStream::start(io::StreamEvents& events) {
  PARLEY_ASSERT(events_ == nullptr, "a stream is started once");
  events_ = &events;
  inner_->start(*this);
  advance();
  if (has_news()) report_later();
  on_started();
}

// --- the handshake, and what waits to leave

void CodedStream::advance() {
  if (!is_open_ && !read_over_) {
    is_open_ = open() && !read_over_;
    if (is_open_) {
      has_more_ = has_undecoded();
      // What the stream below has learned in a handshake of its own.
      if (peer_.certificate.empty()) peer_.certificate = inner_->peer().certificate;
    }
    if (wants_writable_ && (is_open_ || read_over_)) inner_->want_writable();
  }
  flush();
}

bool CodedStream::flush() {
  if (is_inner_write_dead_) out_.clear();
  while (!out_.empty() || (can_write() && encode_more())) {
    const io::Transfer transfer = inner_->write_some(out_.pending());
    if (transfer.status == Status::moved) {
      out_.consume(transfer.bytes);
      bytes_left_ += transfer.bytes;
    } else if (transfer.status == Status::would_block) {
      inner_->want_writable();
      return false;
    } else {
      fail_as_below();
    }
  }
  if (is_finished_ && !std::exchange(has_finished_inner_, true)) inner_->finish();
  return true;
}

io::Transfer CodedStream::fail_writing(Error why) {
  if (!failure_) failure_ = std::make_unique<Error>(std::move(why));
  is_write_dead_ = true;
  return {Status::failed, 0};
}

void CodedStream::fail_as_below() {
  is_inner_write_dead_ = true;
  fail_writing(inner_->failure());
  out_.clear();
}

io::Transfer CodedStream::fail_both(Error why) {
  fail_writing(std::move(why));
  read_over_ = Status::failed;
  has_more_ = false;
  is_finished_ = true;
  drop_input();
  return {Status::failed, 0};
}

io::Transfer CodedStream::fail_as_inner() {
  is_inner_write_dead_ = true;
  return fail_both(inner_->failure());
}

// --- in

io::Transfer CodedStream::read_some(std::span<std::uint8_t> into) {
  PARLEY_ASSERT(!into.empty());
  if (!is_open_) advance();
  io::Transfer transfer;
  goes_on_ = false;
  if (is_open_ && !read_over_) transfer = decode(into);
  flush();
  if (std::exchange(write_waits_for_read_, false) && wants_writable_) inner_->want_writable();
  if (transfer.status == Status::ended) {
    read_over_ = Status::ended;
    drop_input();
  }
  if (transfer.status == Status::moved) {
    has_more_ = !read_over_ && has_undecoded();
    if (has_news()) report_later();
    return transfer;
  }
  has_more_ = goes_on_ && !read_over_;
  if (has_more_) report_later();
  if (!read_over_) return {};
  has_told_over_ = true;
  return {*read_over_, 0};
}

void CodedStream::on_readable() {
  if (std::exchange(has_spun_, false)) return report();
  if (read_over_) {
    discard();
    return report_news();
  }
  if (is_open_) return report();
  advance();
  report_news();
}

bool CodedStream::on_spin() {
  if (!is_open_ || read_over_) return false;
  has_spun_ = events_->on_spin();
  return has_spun_;
}

// What comes behind the end, or behind what nobody understands.
void CodedStream::discard() {
  std::array<std::uint8_t, 4096> bytes;
  static_cast<void>(inner_->read_some(bytes));
}

void CodedStream::report() {
  bool is_destroyed = false;
  is_destroyed_ = &is_destroyed;
  events_->on_readable();
  if (is_destroyed) return;
  is_destroyed_ = nullptr;
  if (has_news()) report_later();
}

void CodedStream::report_news() {
  if (has_news()) report();
}

void CodedStream::report_later() {
  if (events_ && !again_.is_armed()) loop_.executor().arm(again_, loop_.now());
}

void CodedStream::on_again() {
  if (!report_.is_linked()) loop_.executor().post(report_);
}

// --- out

std::optional<io::Transfer> CodedStream::refuse_write(std::span<const io::Descriptor> with) {
  if (is_write_dead_) return io::Transfer{Status::failed, 0};
  if (!with.empty()) return fail_writing(io::no_descriptors(peer_.address));
  if (is_finished_) return fail_writing({Code::closed, "written after the end"});
  return std::nullopt;
}

io::Transfer CodedStream::write_some(ByteView from, std::span<io::Descriptor> with) {
  PARLEY_ASSERT(!from.empty());
  if (const auto refused = refuse_write(with)) return *refused;
  return write_encoded([&] {
    is_below_full_ = false;
    const std::size_t taken = encode(from);
    return taken + pass_on(from.subspan(taken));
  });
}

// What need not be copied, behind what was encoded. How much of it has left.
std::size_t CodedStream::pass_on(ByteView rest) {
  const std::size_t size = gathering_ && !is_write_dead_ && !rest.empty() ? uncoded(rest) : 0;
  if (size == 0) return 0;
  const ByteView body = rest.first(size);
  const io::Transfer transfer = out_.empty() ? inner_->write_some(body) : gathering_->write_both(out_.pending(), body);
  if (transfer.status != Status::moved) {
    is_below_full_ = true;
    if (out_.empty() && transfer.status == Status::would_block) inner_->want_writable();
    if (out_.empty() && transfer.status == Status::failed) fail_as_below();
    return 0;
  }
  bytes_left_ += transfer.bytes;
  const std::size_t before = std::min(transfer.bytes, out_.size());
  out_.consume(before);
  passed_on(transfer.bytes - before);
  return transfer.bytes - before;
}

io::Transfer CodedStream::not_written() {
  if (read_over_ && !has_told_over_) report_later();
  return {is_write_dead_ ? Status::failed : Status::would_block, 0};
}

void CodedStream::want_writable() {
  wants_writable_ = true;
  if (!write_waits_for_read_) inner_->want_writable();
}

void CodedStream::on_writable() {
  advance();
  if (has_news()) report_later();
  if (!out_.empty() || !(is_open_ || is_write_dead_)) return;
  if (std::exchange(wants_writable_, false)) events_->on_writable();
}

void CodedStream::finish() {
  if (!is_finished_) {
    if (can_write()) encode_end();
    is_finished_ = true;
  }
  flush();
}

}  // namespace parley::net
