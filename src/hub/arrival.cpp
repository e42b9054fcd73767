#include "hub/arrival.h"

#include <algorithm>

namespace parley::hub {

namespace {

// Little is read at the door: what follows belongs to whoever reads on.
constexpr std::size_t read_bytes = 64;

}  // namespace

Arrival::Arrival(io::Loop& loop, std::unique_ptr<io::Stream> stream, ArrivalEvents& door)
    : loop_(loop), stream_(std::move(stream)), door_(&door) {}

void Arrival::wait(Instant until) {
  loop_.executor().arm(silence_, until);
  stream_->start(*this);
}

void Arrival::start(io::StreamEvents& events) {
  PARLEY_ASSERT(!door_ && !events_);
  events_ = &events;
}

void Arrival::Silence::fire(Timer& timer) {
  Arrival& arrival = static_cast<Silence&>(timer).arrival;
  std::exchange(arrival.door_, nullptr)->on_silence(arrival);
}

void Arrival::tell(wire::Opening opening) {
  silence_.disarm();
  std::exchange(door_, nullptr)->on_opening(*this, opening);
}

void Arrival::on_readable() {
  while (door_) {
    std::array<std::uint8_t, read_bytes> bytes;
    const io::Transfer transfer = stream_->read_some(bytes);
    if (transfer.status == io::Transfer::Status::would_block) return;
    if (transfer.status != io::Transfer::Status::moved) return tell(wire::Opening::unknown);
    read_.insert(read_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(transfer.bytes));
    const wire::OpeningRead answer = reader_.add({bytes.data(), transfer.bytes});
    if (answer.opening != wire::Opening::undecided) tell(answer.opening);
  }
  if (events_) events_->on_readable();
}

io::Transfer Arrival::read_some(std::span<std::uint8_t> into) {
  if (read_again_ == read_.size()) [[likely]]
    return stream_->read_some(into);
  const std::size_t size = std::min(into.size(), read_.size() - read_again_);
  std::copy_n(read_.begin() + static_cast<std::ptrdiff_t>(read_again_), size, into.begin());
  read_again_ += size;
  if (read_again_ == read_.size()) {
    read_ = {};
    read_again_ = 0;
  }
  return {io::Transfer::Status::moved, size};
}

io::Transfer Arrival::write_some(ByteView from, std::span<io::Descriptor> with) {
  return stream_->write_some(from, with);
}

}  // namespace parley::hub
