#include "runtime/passage.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <utility>

namespace parley::runtime {

namespace {

constexpr std::size_t read_bytes = std::size_t{64} << 10;
constexpr int reads_per_turn = 16;  // so that one stream does not keep the others waiting

}  // namespace

Passage::Passage(std::unique_ptr<io::Stream> client, std::unique_ptr<io::Stream> server, PassageEvents& events)
    : events_(events),
      client_(*this, std::move(client), true),
      server_(*this, std::move(server), false),
      room_(read_bytes) {}

void Passage::start() {
  client_.stream->start(client_);
  server_.stream->start(server_);
}

void Passage::read(End& from) {
  for (int reads = 0; reads < reads_per_turn && !from.is_read_over && !is_over_; ++reads) {
    const io::Transfer read = from.stream->read_some(room_);
    switch (read.status) {
      case io::Transfer::Status::moved: pass_on(from, ByteView(room_).first(read.bytes)); break;
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
  if (to.waiting.size() - to.written + bytes.size() > waiting_bytes_max) {
    return break_off({Code::outbound_full, fmt::format("{} has more than {} bytes still to read",
                                                       to.is_client ? "the client" : "the server", waiting_bytes_max)});
  }
  if (!descriptors.empty() && to.stream->passes_descriptors()) {
    to.attached.push_back({to.waiting.size(), std::move(descriptors)});
  }
  to.waiting.insert(to.waiting.end(), bytes.begin(), bytes.end());
  write(to);
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
    if (!with.empty()) to.attached.pop_front();
  }
  if (to.written == to.waiting.size()) {
    to.waiting.clear();
    to.written = 0;
    if (to.is_finishing && !to.is_written_over) {
      to.is_written_over = true;
      to.stream->finish();
    }
  } else if (to.written >= read_bytes && to.written * 2 >= to.waiting.size()) {
    for (End::Attached& attached : to.attached) attached.at -= to.written;
    to.waiting.erase(to.waiting.begin(), to.waiting.begin() + static_cast<std::ptrdiff_t>(to.written));
    to.written = 0;
  }
  tell_if_over();
}

// What it says can still be heard.
void Passage::stop_writing(End& to) {
  to.is_written_over = true;
  to.waiting.clear();
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
