#include "io/memory_stream.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <vector>

namespace parley::io {

// Bytes on their way, in a circle that grows up to the bound, and the descriptors that travel with some of them.
class MemoryStream::Pipe {
 public:
  std::size_t size() const { return size_; }

  void push(ByteView bytes, std::size_t size_max) {
    reserve(size_ + bytes.size(), size_max);
    const std::size_t back = (front_ + size_) % circle_.size();
    const std::size_t first = std::min(bytes.size(), circle_.size() - back);
    std::memcpy(circle_.data() + back, bytes.data(), first);
    std::memcpy(circle_.data(), bytes.data() + first, bytes.size() - first);
    size_ += bytes.size();
    written_ += bytes.size();
  }

  std::size_t pop(std::span<std::uint8_t> into) {
    const std::size_t count = std::min(into.size(), size_);
    const std::size_t first = std::min(count, circle_.size() - front_);
    std::memcpy(into.data(), circle_.data() + front_, first);
    std::memcpy(into.data() + first, circle_.data(), count - first);
    front_ = (front_ + count) % circle_.size();
    size_ -= count;
    read_ += count;
    if (size_ == 0) front_ = 0;
    return count;
  }

  // The descriptor goes with the next byte that is pushed.
  void attach(Descriptor descriptor) { attached_.push_back({written_, std::move(descriptor)}); }
  // The next descriptor whose byte has been popped.
  bool take_attached(Descriptor& into) {
    if (attached_.empty() || attached_.front().position >= read_) return false;
    into = std::move(attached_.front().descriptor);
    attached_.pop_front();
    return true;
  }

  void drop() {
    std::vector<std::uint8_t>().swap(circle_);
    attached_.clear();
    size_ = front_ = 0;
  }

  bool is_finished = false;     // the writer has ended it
  bool is_reader_gone = false;  // nobody will pop

 private:
  struct Attached {
    std::uint64_t position;
    Descriptor descriptor;
  };

  void reserve(std::size_t size, std::size_t size_max) {
    if (size <= circle_.size()) return;
    std::vector<std::uint8_t> larger(std::min(std::max({circle_.size() * 2, size, std::size_t{4096}}), size_max));
    const std::size_t first = std::min(size_, circle_.size() - front_);
    if (size_ > 0) {
      std::memcpy(larger.data(), circle_.data() + front_, first);
      std::memcpy(larger.data() + first, circle_.data(), size_ - first);
    }
    circle_ = std::move(larger);
    front_ = 0;
  }

  std::vector<std::uint8_t> circle_;
  std::size_t front_ = 0;
  std::size_t size_ = 0;
  std::uint64_t written_ = 0;
  std::uint64_t read_ = 0;
  std::deque<Attached> attached_;
};

struct MemoryStream::Wire {
  Pipe pipes[2];  // pipes[n] is written by side n
  MemoryStream* sides[2] = {nullptr, nullptr};
};

MemoryStream::Pair MemoryStream::make_pair(Loop& loop, std::string address, MemoryOptions options) {
  auto wire = std::make_shared<Wire>();
  // tidy: allow new the constructor is private
  std::unique_ptr<Stream> first(new MemoryStream(loop.executor(), wire, 0, address, options));
  // tidy: allow new the constructor is private
  std::unique_ptr<Stream> second(new MemoryStream(loop.executor(), wire, 1, std::move(address), options));
  static_cast<MemoryStream&>(*second).peer_.credentials = options.first;
  return {std::move(first), std::move(second)};
}

MemoryStream::MemoryStream(Executor& executor, std::shared_ptr<Wire> wire, int side, std::string address,
                           MemoryOptions options)
    : executor_(executor),
      wire_(std::move(wire)),
      side_(side),
      options_(options),
      peer_{std::move(address), std::nullopt},
      readable_([](Ready& node) { static_cast<Report&>(node).stream.report_readable(); }, *this),
      writable_([](Ready& node) { static_cast<Report&>(node).stream.report_writable(); }, *this),
      again_([](Timer& timer) { static_cast<Again&>(timer).stream.notify_readable(); }, *this) {
  wire_->sides[side_] = this;
}

MemoryStream::~MemoryStream() {
  if (is_destroyed_) *is_destroyed_ = true;
  wire_->sides[side_] = nullptr;
  outgoing().is_finished = true;
  incoming().is_reader_gone = true;
  incoming().drop();
  if (other()) {
    other()->notify_readable();
    other()->notify_writable();
  }
}

MemoryStream::Pipe& MemoryStream::incoming() const { return wire_->pipes[1 - side_]; }
MemoryStream::Pipe& MemoryStream::outgoing() const { return wire_->pipes[side_]; }
MemoryStream* MemoryStream::other() const { return wire_->sides[1 - side_]; }

void MemoryStream::start(StreamEvents& events) {
  PARLEY_ASSERT(events_ == nullptr, "a stream is started once");
  events_ = &events;
  notify_readable();
  notify_writable();
}

Transfer MemoryStream::fail_reading(Error why) {
  if (!is_dead_ && !is_write_dead_) failure_ = std::move(why);
  is_dead_ = is_write_dead_ = true;
  has_told_end_ = true;
  inbox_.clear();
  return {Transfer::Status::failed, 0};
}

Transfer MemoryStream::fail_writing(Error why) {
  if (!is_write_dead_) failure_ = std::move(why);
  is_write_dead_ = true;
  return {Transfer::Status::failed, 0};
}

Transfer MemoryStream::read_some(std::span<std::uint8_t> into) {
  PARLEY_ASSERT(!into.empty());
  if (is_dead_) return {Transfer::Status::failed, 0};
  Pipe& pipe = incoming();
  if (pipe.size() == 0) {
    if (!pipe.is_finished) return {};
    has_told_end_ = true;
    return {Transfer::Status::ended, 0};
  }
  const std::size_t count = pipe.pop(into);
  for (Descriptor descriptor; pipe.take_attached(descriptor);) {
    if (auto added = inbox_.add(std::move(descriptor)); !added) return fail_reading(std::move(added).error());
  }
  if (other()) other()->notify_writable();
  return {Transfer::Status::moved, count};
}

Transfer MemoryStream::write_some(ByteView from, std::span<Descriptor> with) {
  PARLEY_ASSERT(!from.empty());
  if (is_write_dead_) return {Transfer::Status::failed, 0};
  if (with.size() > descriptors_per_write_max) {
    return fail_writing({Code::too_many_descriptors, std::to_string(with.size()) + " descriptors with one write; " +
                                                         std::to_string(descriptors_per_write_max) + " may go"});
  }
  Pipe& pipe = outgoing();
  if (pipe.is_finished) return fail_writing({Code::closed, "written after the end"});
  if (pipe.is_reader_gone) return fail_writing({Code::link_lost, "the peer has closed " + peer_.address});
  const std::size_t count = std::min(from.size(), options_.pipe_bytes_max - pipe.size());
  if (count == 0) return {};
  for (Descriptor& descriptor : with) {
    PARLEY_ASSERT(descriptor.number() >= 0);
    pipe.attach(std::move(descriptor));
  }
  passed_ += with.size();
  pipe.push(from.first(count), options_.pipe_bytes_max);
  if (other()) other()->notify_readable();
  return {Transfer::Status::moved, count};
}

void MemoryStream::want_writable() {
  wants_writable_ = true;
  notify_writable();
}

void MemoryStream::finish() {
  outgoing().is_finished = true;
  if (other()) other()->notify_readable();
}

bool MemoryStream::has_news() const { return !has_told_end_ && (incoming().size() > 0 || incoming().is_finished); }

// A writer is woken for a quarter of the pipe, not for every byte that a reader takes.
bool MemoryStream::has_room() const {
  const Pipe& pipe = outgoing();
  const std::size_t room = options_.pipe_bytes_max - pipe.size();
  return is_write_dead_ || pipe.is_finished || pipe.is_reader_gone || room >= (options_.pipe_bytes_max + 3) / 4;
}

void MemoryStream::notify_readable() {
  if (events_ && has_news() && !readable_.is_linked()) executor_.post(readable_);
}

void MemoryStream::notify_writable() {
  if (events_ && wants_writable_ && has_room() && !writable_.is_linked()) executor_.post(writable_);
}

void MemoryStream::report_readable() {
  if (!has_news()) return;
  bool is_destroyed = false;
  is_destroyed_ = &is_destroyed;
  events_->on_readable();
  if (is_destroyed) return;
  is_destroyed_ = nullptr;
  if (has_news() && !readable_.is_linked()) executor_.arm(again_, executor_.now());
}

void MemoryStream::report_writable() {
  if (!wants_writable_ || !has_room()) return;
  wants_writable_ = false;
  events_->on_writable();
}

}  // namespace parley::io
