#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "async/wait.h"
#include "io/stream.h"
#include "recorded/recording.h"

namespace recorded {

// How a recorded peer that stops early leaves.
enum class Leave : std::uint8_t {
  finishes,    // ends its direction and reads what still comes
  disappears,  // closes the stream at once
};

// Plays one side of a recording over a stream. What the other end sends is compared with the recording byte by byte,
// in its order and behind its length prefix; each message of this side is said once all that the recording has of the
// other side before it has come. Stops after `messages_max` messages of the recording, of both sides together. On one
// loop; destroying it closes the stream.
class RecordedPeer final : private parley::io::StreamEvents {
 public:
  RecordedPeer(const Recording& recording, Side side, std::unique_ptr<parley::io::Stream> stream,
               std::size_t messages_max = ~std::size_t{0}, Leave leave = Leave::finishes)
      : recording_(recording),
        side_(side),
        end_(std::min(messages_max, recording.messages.size())),
        leave_(leave),
        stream_(std::move(stream)) {
    stream_->start(*this);
    go_on();
  }

  // Set when this side has said everything and the other one has ended, or has said something else.
  parley::Event& over() { return over_; }
  // What came that the recording does not have; empty if all was as recorded.
  const std::string& complaint() const { return complaint_; }
  // Bytes that came after this side had left. A whole session has none.
  std::size_t surplus() const { return surplus_; }

 private:
  bool is_whole() const { return end_ == recording_.messages.size(); }

  // Says what is due, and leaves when nothing more is.
  void go_on() {
    for (; at_ < end_ && recording_.messages[at_].from == side_; ++at_) {
      const Octets bytes = in_frame(recording_.messages[at_].bytes);
      // A recording is far smaller than what any stream takes at once.
      const parley::io::Transfer written = stream_->write_some(bytes);
      if (written.bytes != bytes.size()) return complain("the other end is gone before message " + number());
    }
    const bool waits_for_other = is_whole() && recording_.first_to_finish != side_;
    if (at_ == end_ && !has_finished_ && !waits_for_other) leave();
  }

  void leave() {
    has_finished_ = true;
    if (!is_whole() && leave_ == Leave::disappears) {
      stream_.reset();
      over_.set();
    } else {
      stream_->finish();
    }
  }

  void on_readable() override {
    std::array<std::uint8_t, 4096> bytes;
    const parley::io::Transfer read = stream_->read_some(bytes);
    switch (read.status) {
      case parley::io::Transfer::Status::moved: return take({bytes.data(), read.bytes});
      case parley::io::Transfer::Status::would_block: return;
      case parley::io::Transfer::Status::ended: return take_end();
      case parley::io::Transfer::Status::failed: return complain(to_string(stream_->failure()));
    }
  }
  void on_writable() override {}

  void take(std::span<const std::uint8_t> bytes) {
    received_.insert(received_.end(), bytes.begin(), bytes.end());
    while (stream_ && at_ < end_) {
      const Octets expected = in_frame(recording_.messages[at_].bytes);
      const std::size_t common = std::min(expected.size(), received_.size());
      if (!std::equal(expected.begin(), expected.begin() + static_cast<std::ptrdiff_t>(common), received_.begin())) {
        return complain("message " + number() + " of the recording is " + hex(expected) + ", what came is " +
                        hex(received_));
      }
      if (common < expected.size()) return;
      received_.erase(received_.begin(), received_.begin() + static_cast<std::ptrdiff_t>(common));
      ++at_;
      go_on();
    }
    if (!stream_ || received_.empty()) return;
    if (is_whole()) return complain("more than is recorded: " + hex(received_));
    surplus_ += received_.size();
    received_.clear();
  }

  void take_end() {
    if (at_ < end_) return complain("the other end finished before message " + number());
    if (!received_.empty()) return complain("the other end finished inside a message: " + hex(received_));
    if (!has_finished_) leave();
    over_.set();
  }

  void complain(std::string what) {
    if (complaint_.empty()) complaint_ = recording_.name + ": " + std::move(what);
    stream_.reset();
    over_.set();
  }
  std::string number() const { return std::to_string(at_ + 1); }

  const Recording& recording_;
  const Side side_;
  const std::size_t end_;
  const Leave leave_;
  std::unique_ptr<parley::io::Stream> stream_;
  std::size_t at_ = 0;  // the next message of the recording
  bool has_finished_ = false;
  Octets received_;
  std::size_t surplus_ = 0;
  std::string complaint_;
  parley::Event over_;
};

}  // namespace recorded
