#include "wire/records/scribe.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "wire/frame.h"
#include "wire/roam/blank.h"

namespace parley::wire::records {

roam::stable::Key KeyNumbers::number_of(const roam::stable::Key& key) {
  auto found = numbers_.find(key);
  if (found == numbers_.end() && numbers_.size() < keys_max) {
    found = numbers_.emplace(key, numbers_.size() + 1).first;
  }
  const std::uint64_t number = found == numbers_.end() ? 0 : found->second;
  roam::stable::Key numbered{};
  std::memcpy(numbered.data(), &number, sizeof number);
  return numbered;
}

void Scribe::take(From from, ByteView bytes, std::uint64_t at_us, std::vector<Record>& records) {
  if (bytes.empty()) return;
  if (opening_ == Opening::undecided && from == From::client) opening_ = reader_.add(bytes).opening;
  std::vector<std::uint8_t>& pending = of(from).pending;
  const bool waits = opening_ == Opening::undecided && from == From::client;
  if (waits || is_cut()) {
    pending.insert(pending.end(), bytes.begin(), bytes.end());
    if (is_cut()) cut(from, at_us, records);
    return;
  }
  // A server that speaks before its client has opened speaks none of our protocols.
  const std::string why = opening_ == Opening::undecided ? std::string("it came before the client's opening")
                                                         : fmt::format("the opening is {}", to_string(opening_));
  leave_out(from, std::exchange(pending, {}).size() + bytes.size(), why, at_us, records);
}

void Scribe::cut(From from, std::uint64_t at_us, std::vector<Record>& records) {
  Direction& direction = of(from);
  std::vector<std::uint8_t>& pending = direction.pending;
  std::size_t begin = 0;
  while (begin < pending.size()) {
    if (direction.skipping != 0) {
      const auto skipped = std::min<std::uint64_t>(direction.skipping, pending.size() - begin);
      direction.skipping -= skipped;
      begin += skipped;
      continue;
    }
    const FrameScan scan = scan_frame(ByteView(pending).subspan(begin), message_bytes_max);
    if (scan.status == FrameScan::Status::cut_off) break;
    if (scan.status == FrameScan::Status::too_large) {
      leave_out(from, scan.size, "a message that is too long to be recorded", at_us, records);
      direction.skipping = frame_head_bytes + scan.size;
      direction.is_first = false;
      continue;
    }
    std::vector<std::uint8_t> message(scan.message.begin(), scan.message.end());
    blank(from, message);
    direction.is_first = false;
    records.emplace_back(Passed{stream_, from, at_us, std::move(message)});
    begin += scan.size;
  }
  pending.erase(pending.begin(), pending.begin() + static_cast<std::ptrdiff_t>(begin));
  if (pending.empty()) pending.shrink_to_fit();
}

void Scribe::leave_out_begun(From from, std::uint64_t at_us, std::vector<Record>& records) {
  Direction& direction = of(from);
  if (!is_cut() || direction.pending.size() < frame_head_bytes) return;
  const std::size_t size = scan_frame(direction.pending, message_bytes_max).size;
  leave_out(from, size - frame_head_bytes, "a message for which there was no room", at_us, records);
  direction.skipping = size - direction.pending.size();
  direction.is_first = false;
  std::vector<std::uint8_t>().swap(direction.pending);
}

void Scribe::blank(From from, std::span<std::uint8_t> message) {
  if (opening_ != Opening::roam_stable) return roam::blank_secrets(message);
  if (of(from).is_first) {
    const auto put = [&](const auto& hello) { std::ranges::copy(roam::stable::encode(hello), message.begin()); };
    if (auto hello = roam::stable::read_client_hello(message); from == From::client && hello) {
      if (hello->key) hello->key = keys_.number_of(*hello->key);
      return put(*hello);
    }
    if (auto hello = roam::stable::read_server_hello(message); from == From::server && hello) {
      if (!hello->is_rejected) hello->key = keys_.number_of(hello->key);
      return put(*hello);
    }
  } else if (message.empty()) {
    return;  // the end
  } else if (const auto frame = roam::stable::read_frame(message)) {
    return roam::blank_secrets(message.subspan(message.size() - frame->message.size()));
  }
  std::ranges::fill(message, std::uint8_t{'*'});
}

void Scribe::leave_out(From from, std::uint64_t bytes, std::string why, std::uint64_t at_us,
                       std::vector<Record>& records) {
  records.emplace_back(LeftOut{stream_, from, at_us, bytes, std::move(why)});
}

void Scribe::end(From from, std::string why, std::uint64_t at_us, std::vector<Record>& records) {
  Direction& direction = of(from);
  if (!direction.pending.empty()) {
    leave_out(from, direction.pending.size(), "a message that was cut off", at_us, records);
    direction.pending.clear();
  }
  records.emplace_back(Ended{stream_, from, at_us, std::move(why)});
}

}  // namespace parley::wire::records
