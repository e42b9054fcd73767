#include "sim/sim_link.h"

#include <algorithm>
#include <cstring>

namespace parley::sim {

std::size_t FrameTracker::advance(ByteView bytes) {
  std::size_t at = 0;
  while (at < bytes.size()) {
    if (rest_ == 0) {
      length_ |= std::uint32_t{bytes[at++]} << (8 * head_bytes_);
      if (++head_bytes_ < 4) continue;
      rest_ = std::exchange(length_, 0);
      head_bytes_ = 0;
      if (rest_ == 0) return at;
      continue;
    }
    const auto step = static_cast<std::size_t>(std::min<std::uint64_t>(rest_, bytes.size() - at));
    rest_ -= step;
    at += step;
    if (rest_ == 0) return at;
  }
  return at;
}

Instant Flow::arrival_of(std::size_t size) {
  Prng& prng = world_.prng();
  const auto spread = static_cast<std::uint64_t>((options_.delay_max - options_.delay_min).count());
  Instant at = world_.now() + options_.delay_min;
  if (spread != 0) at = at + Duration(prng.below(spread + 1));
  at = std::max(at, last_arrival_);
  if (options_.bytes_per_second != 0) at = at + Duration(size * 1'000'000'000 / options_.bytes_per_second);
  last_arrival_ = at;
  return at;
}

std::size_t Flow::write(ByteView bytes) {
  Prng& prng = world_.prng();
  std::size_t count = std::min(bytes.size(), room());
  if (count < bytes.size()) world_.coverage().hit(count == 0 ? Spot::link_blocked : Spot::link_short_write);
  if (count > 1 && options_.short_writes != 0 && prng.chance(options_.short_writes)) {
    count = prng.between(1, count - 1);
    world_.coverage().hit(Spot::link_short_write);
  }
  if (count == 0 || is_reader_gone_) return count;
  used_ += count;
  written_total_ += count;
  if (is_silent_) return count;
  ByteView rest = bytes.first(count);
  const std::size_t piece_max = options_.piece_bytes_max == 0 ? count : std::max(options_.piece_bytes_max, count / 32);
  while (!rest.empty()) {
    const std::size_t size =
        options_.piece_bytes_max == 0 ? rest.size() : std::min<std::size_t>(rest.size(), prng.between(1, piece_max));
    const ByteView piece = rest.first(size);
    rest = rest.subspan(size);
    if (!rest.empty()) world_.coverage().hit(Spot::link_split);
    under_way_.push_back({{piece.begin(), piece.end()}, arrival_of(size)});
  }
  if (!arrival_.is_planned()) world_.reactor().plan(arrival_, under_way_.front().arrival);
  return count;
}

void Flow::attach(std::uint64_t position, std::span<io::Descriptor> with) {
  for (io::Descriptor& descriptor : with) {
    io::Descriptor passed = std::move(descriptor);
    if (!is_silent_) attached_.push_back({position, std::move(passed)});
  }
}

bool Flow::take_attached(io::Descriptor& into) {
  if (attached_.empty() || attached_.front().position >= read_total_) return false;
  into = std::move(attached_.front().descriptor);
  attached_.pop_front();
  return true;
}

void Flow::finish() {
  if (std::exchange(is_finished_, true) || is_silent_ || is_reader_gone_) return;
  under_way_.push_back({{}, arrival_of(0), true});
  if (!arrival_.is_planned()) world_.reactor().plan(arrival_, under_way_.front().arrival);
}

void Flow::arrive() {
  while (!under_way_.empty() && under_way_.front().arrival <= world_.now()) {
    Piece piece = std::move(under_way_.front());
    under_way_.pop_front();
    if (piece.is_end) {
      has_end_arrived_ = true;
    } else {
      deliver(piece.bytes);
    }
  }
  if (!under_way_.empty()) world_.reactor().plan(arrival_, under_way_.front().arrival);
  if (reader_) reader_->on_arrival();
}

void Flow::deliver(ByteView bytes) {
  if (deliver_up_to_break(bytes)) return;
  append(bytes);
  if (options_.stalls == 0 || is_stalled() || !world_.prng().chance(options_.stalls)) return;
  const auto longest = static_cast<std::uint64_t>(options_.stall_max.count());
  stall_until(world_.now() + Duration(world_.prng().between(1, longest)));
}

void Flow::stall_until(Instant until) {
  stalled_until_ = until;
  world_.coverage().hit(Spot::link_stalled);
}

// How many of the bytes arrive before the link breaks; more than there are if it does not break among them. Garbage
// comes between two messages, at the first place behind the one that was drawn.
std::size_t Flow::track_to_break(ByteView bytes) {
  if (plan_->what != Break::garbage) {
    const std::uint64_t wanted = plan_->at_byte - arrived_total_;
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(wanted, bytes.size()));
    for (std::size_t at = 0; at < count;) at += tracker_.advance(bytes.subspan(at, count - at));
    return wanted <= bytes.size() ? count : bytes.size() + 1;
  }
  for (std::size_t at = 0;; at += tracker_.advance(bytes.subspan(at))) {
    if (!tracker_.is_inside() && arrived_total_ + at >= plan_->at_byte) return at;
    if (at == bytes.size()) return bytes.size() + 1;
  }
}

// True if the link broke here. A break is an event of its own, because it ends more than this direction.
bool Flow::deliver_up_to_break(ByteView bytes) {
  if (!plan_) {
    for (std::size_t at = 0; at < bytes.size();) at += tracker_.advance(bytes.subspan(at));
    return false;
  }
  const std::size_t count = track_to_break(bytes);
  if (count > bytes.size()) return false;
  append(bytes.first(count));
  go_silent();
  world_.reactor().plan(*at_break_, world_.now());
  return true;
}

void Flow::append(ByteView bytes) {
  arrived_total_ += bytes.size();
  if (options_.repeats == 0) {
    store(bytes);
  } else {
    append_and_repeat(bytes);
  }
}

// A doubled message is put between two others, and counts for nothing else.
void Flow::append_and_repeat(ByteView bytes) {
  static constexpr std::size_t kept_max = 4;
  static constexpr std::size_t kept_bytes_max = 10'000;
  while (!bytes.empty()) {
    const std::size_t count = repeat_tracker_.advance(bytes);
    store(bytes.first(count));
    message_.insert(message_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count));
    bytes = bytes.subspan(count);
    if (repeat_tracker_.is_inside()) return;
    std::vector<std::uint8_t> whole = std::exchange(message_, {});
    // The first is a hello, of which there may be one; no bytes at all are an end.
    if (!std::exchange(has_begun_, true) || whole.size() <= 4) continue;
    if (whole.size() <= kept_bytes_max) may_repeat_.push_back(std::move(whole));
    if (may_repeat_.size() > kept_max) may_repeat_.pop_front();
    if (may_repeat_.empty() || !world_.prng().chance(options_.repeats)) continue;
    world_.coverage().hit(Spot::link_repeated);
    store(may_repeat_[world_.prng().below(may_repeat_.size())]);
  }
}

void Flow::store(ByteView bytes) {
  if (arrived_read_ == arrived_.size()) {
    arrived_.clear();
    arrived_read_ = 0;
  }
  arrived_.insert(arrived_.end(), bytes.begin(), bytes.end());
}

std::size_t Flow::read(std::span<std::uint8_t> into) {
  if (!has_bytes()) return 0;
  const std::size_t count = std::min(into.size(), arrived_.size() - arrived_read_);
  std::memcpy(into.data(), arrived_.data() + arrived_read_, count);
  arrived_read_ += count;
  read_total_ += count;
  used_ -= std::min(count, used_);
  return count;
}

void Flow::set_reader(Reader* reader) {
  reader_ = reader;
  if (reader) return;
  is_reader_gone_ = true;
  go_silent();
  drop_arrived();
}

void Flow::go_silent() {
  is_silent_ = true;
  under_way_.clear();
  while (!attached_.empty() && attached_.back().position >= arrived_total_) attached_.pop_back();
  arrival_.cancel();
}

void Flow::drop_arrived() {
  arrived_.clear();
  arrived_read_ = 0;
  attached_.clear();
}

}  // namespace parley::sim
