#include "runtime/passage.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <string_view>
#include <utility>

namespace parley::runtime {

namespace {

constexpr std::size_t read_bytes = std::size_t{64} << 10;
constexpr int reads_per_turn = 16;  // so that one stream does not keep the others waiting

}  // namespace

Passage::Passage(std::unique_ptr<io::Stream> client, std::unique_ptr<io::Stream> server, PassageRoom& room,
                 PassageEvents& events)
    : events_(events),
      client_(*this, std::move(client), true),
      server_(*this, std::move(server), false),
      room_(room),
      read_(read_bytes) {}

Passage::~Passage() {
  // Of one that is over nothing waits, and the room may be gone.
  if (!is_over_) room_.bytes -= client_.waiting_bytes() + server_.waiting_bytes();
}

std::size_t Passage::End::waiting_descriptors() const {
  std::size_t count = 0;
  for (const Attached& with : attached) count += with.descriptors.size();
  return count;
}

void Passage::start() {
  client_.stream->start(client_);
  server_.stream->start(server_);
}

void Passage::read(End& from) {
  for (int reads = 0; reads < reads_per_turn && !from.is_read_over && !is_over_; ++reads) {
    const io::Transfer read = from.stream->read_some(read_);
    switch (read.status) {
      case io::Transfer::Status::moved: pass_on(from, ByteView(read_).first(read.bytes)); break;
      case io::Transfer::Status::would_block: return;
      case io::Transfer::Status::ended: return end_reading(from, nullptr);
      case io::Transfer::Status::failed: {
        const Error why = from.stream->failure();
        return end_reading(from, &why);
      }
    }
  }
}

void Passage::end_reading(End& from, const Error* why) {
  if (std::exchange(from.is_read_over, true)) return;
  events_.on_end_of(*this, from.is_client, why);
  End& to = other(from);
  to.is_finishing = true;
  write(to);
}

void Passage::pass_on(End& from, ByteView bytes) {
  std::vector<io::Descriptor> descriptors;
  if (from.stream->passes_descriptors()) {
    while (auto claimed = from.stream->claim_descriptor(from.descriptors_taken)) {
      descriptors.push_back(std::move(*claimed));
      ++from.descriptors_taken;
    }
  }
  events_.on_passing(*this, from.is_client, bytes);
  End& to = other(from);
  if (to.is_written_over) return;
  if (!to.stream->passes_descriptors()) descriptors.clear();
  if (const auto why = has_no_room(to, bytes.size(), descriptors.size())) return break_off(*why);
  if (!descriptors.empty()) to.attached.push_back({to.waiting.size(), std::move(descriptors)});
  to.waiting.insert(to.waiting.end(), bytes.begin(), bytes.end());
  room_.bytes += bytes.size();
  write(to);
}

std::optional<Error> Passage::has_no_room(const End& to, std::size_t bytes, std::size_t descriptors) const {
  const std::string_view who = to.is_client ? "the client" : "the server";
  if (to.waiting_bytes() + bytes > waiting_bytes_max) {
    return Error{Code::outbound_full, fmt::format("{} has more than {} bytes still to read", who, waiting_bytes_max)};
  }
  if (room_.bytes + bytes > room_.bytes_max) {
    return Error{Code::outbound_full,
                 fmt::format("all streams together have more than {} bytes still to read", room_.bytes_max)};
  }
  if (descriptors != 0 && to.waiting_descriptors() + descriptors > waiting_descriptors_max) {
    return Error{Code::too_many_descriptors,
                 fmt::format("{} has more than {} descriptors still to read", who, waiting_descriptors_max)};
  }
  return std::nullopt;
}

void Passage::write(End& to) {
  while (!to.is_written_over && to.written < to.waiting.size()) {
    std::span<io::Descriptor> with;
    std::size_t end = to.waiting.size();
    if (!to.attached.empty() && to.attached.front().at == to.written) with = to.attached.front().descriptors;
    const std::size_t next = with.empty() ? 0 : 1;
    if (to.attached.size() > next) end = std::min(end, to.attached[next].at);
    const io::Transfer moved = to.stream->write_some(ByteView(to.waiting).subspan(to.written, end - to.written), with);
    if (moved.status == io::Transfer::Status::would_block) {
      to.stream->want_writable();
      break;
    }
    if (moved.status != io::Transfer::Status::moved) {
      stop_writing(to);
      break;
    }
    to.written += moved.bytes;
    room_.bytes -= moved.bytes;
    if (!with.empty()) to.attached.pop_front();
  }
  if (to.written == to.waiting.size()) {
    to.waiting.clear();
    if (to.waiting.capacity() > read_bytes) to.waiting.shrink_to_fit();
    to.written = 0;
    if (to.is_finishing && !to.is_written_over) {
      to.is_written_over = true;
      to.stream->finish();
    }
  } else if (to.written >= read_bytes && to.written * 2 >= to.waiting.size()) {
    for (End::Attached& attached : to.attached) attached.at -= to.written;
    to.waiting = {to.waiting.begin() + static_cast<std::ptrdiff_t>(to.written), to.waiting.end()};
    to.written = 0;
  }
  tell_if_over();
}

// What it says can still be heard.
void Passage::stop_writing(End& to) {
  to.is_written_over = true;
  room_.bytes -= to.waiting_bytes();
  std::vector<std::uint8_t>().swap(to.waiting);
  to.written = 0;
  to.attached.clear();
}

void Passage::break_off(const Error& why) {
  for (End* const end : {&client_, &server_}) {
    if (!std::exchange(end->is_read_over, true)) events_.on_end_of(*this, end->is_client, &why);
    stop_writing(*end);
  }
  tell_if_over();
}

void Passage::tell_if_over() {
  const auto is_over = [](const End& end) { return end.is_read_over && end.is_written_over; };
  if (is_over_ || !is_over(client_) || !is_over(server_)) return;
  is_over_ = true;
  events_.on_passed(*this);
}

}  // namespace parley::runtime
