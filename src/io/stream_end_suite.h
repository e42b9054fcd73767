#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/prng.h"
#include "io/loop.h"
#include "io/memory_stream.h"
#include "io/stream.h"

// What the conformance suites of streams are written with.
namespace parley::io::suite {

using StreamPair = MemoryStream::Pair;
using Status = Transfer::Status;

// A loop of streams that need nothing from outside: time stands still but for what the loop waits for.
class IdleWorld {
 public:
  Loop& loop() { return loop_; }

 private:
  struct FixedClock final : Clock {
    Instant now() override { return at; }
    std::chrono::system_clock::time_point wall() override { return {}; }
    Instant at = Instant::from_ns(1'000'000'000);
  };
  struct IdleReactor final : Reactor {
    explicit IdleReactor(FixedClock& clock) : clock(clock) {}
    bool wait(Instant until) override {
      if (!until.is_never()) clock.at = std::max(clock.at, until);
      return false;
    }
    void dispatch() override {}
    void wake() override {}
    int fd() const override { return -1; }
    void set_alarm(Instant) override {}
    FixedClock& clock;
  };
  struct SeededRandom final : Random {
    std::uint64_t next() override { return prng.next(); }
    Prng prng{1};
  };
  FixedClock clock_;
  IdleReactor reactor_{clock_};
  SeededRandom random_;
  Loop loop_{clock_, reactor_, random_};
};

// Turns the loop until something is true; a minute without anything happening is a failure.
template <class Condition>
bool turn_until(Loop& loop, Condition condition) {
  while (!condition()) {
    if (!loop.poll_once(loop.clock().now() + std::chrono::minutes(1))) {
      ADD_FAILURE() << "nothing happens any more";
      return false;
    }
  }
  return true;
}

// Gives what may still be reported its chance, without waiting for anything.
inline void turn_a_little(Loop& loop) {
  for (int turns = 0; turns < 20; ++turns) loop.poll_once();
}

inline std::vector<std::uint8_t> random_bytes(Prng& prng, std::size_t size) {
  std::vector<std::uint8_t> bytes(size);
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(prng.next());
  return bytes;
}

// One end of a pair under test: reads on events, in portions of its choice, and writes what it is given; checks on the
// way what holds for every stream.
class End final : public StreamEvents {
 public:
  explicit End(std::unique_ptr<Stream> stream) : stream_(std::move(stream)) {}

  Stream& stream() { return *stream_; }
  bool is_alive() const { return stream_ != nullptr; }
  void start() { stream_->start(*this); }
  void destroy() { stream_.reset(); }

  Transfer read(std::span<std::uint8_t> into) {
    is_inside_ = true;
    const Transfer transfer = stream_->read_some(into);
    is_inside_ = false;
    check(transfer, into.size());
    if (over) EXPECT_EQ(*over, transfer.status) << "the end of reading does not stick";
    if (transfer.status == Status::ended || transfer.status == Status::failed) over = transfer.status;
    return transfer;
  }
  Transfer write(ByteView from, std::span<Descriptor> with = {}) {
    is_inside_ = true;
    const Transfer transfer = stream_->write_some(from, with);
    is_inside_ = false;
    check(transfer, from.size());
    EXPECT_NE(transfer.status, Status::ended) << "writing does not end, it fails";
    return transfer;
  }
  void want_writable() {
    is_inside_ = true;
    stream_->want_writable();
    is_inside_ = false;
    ++wishes_;
  }
  void finish() {
    is_inside_ = true;
    stream_->finish();
    is_inside_ = false;
  }

  // Writes until the stream would block; how much that was.
  std::size_t fill() {
    const std::vector<std::uint8_t> portion(std::size_t{64} << 10, 'f');
    std::size_t written = 0;
    for (;;) {
      const Transfer transfer = write(portion);
      if (transfer.status != Status::moved) return written;
      written += transfer.bytes;
    }
  }

  // From now on writes these bytes as fast as the stream takes them, in portions.
  void send(std::vector<std::uint8_t> bytes) {
    outgoing_ = std::move(bytes);
    sent_ = 0;
    write_on();
  }
  bool has_sent_all() const { return sent_ == outgoing_.size(); }

  void on_readable() override {
    EXPECT_FALSE(is_inside_) << "reported from inside a call";
    ASSERT_TRUE(stream_) << "reported after destruction";
    EXPECT_FALSE(over) << "readable after the end was told";
    ++readable_count;
    if (kept_) {
      received.insert(received.end(), kept_->begin(), kept_->end());
      kept_.reset();
    }
    if (over_in_spin_) over = std::exchange(over_in_spin_, std::nullopt);
    if (at_readable) return at_readable();
    if (is_reading && !over) read_portion(received);
  }
  void on_writable() override {
    EXPECT_FALSE(is_inside_) << "reported from inside a call";
    ASSERT_TRUE(stream_) << "reported after destruction";
    ++writable_count;
    EXPECT_LE(writable_count, wishes_) << "writable without a wish";
    if (at_writable) return at_writable();
    write_on();
  }
  bool on_spin() override {
    EXPECT_FALSE(is_inside_);
    if (!is_reading || at_readable || kept_ || over || over_in_spin_) return false;
    kept_.emplace();
    const Transfer transfer = read_portion(*kept_);
    if (transfer.status == Status::would_block) kept_.reset();
    if (over) over_in_spin_ = std::exchange(over, std::nullopt);
    return transfer.status != Status::would_block;
  }

  bool is_reading = true;
  std::size_t read_max = std::size_t{64} << 10;
  std::size_t write_max = std::size_t{64} << 10;
  Prng* chunks = nullptr;  // portions of random size up to these
  std::vector<std::uint8_t> received;
  std::optional<Status> over;  // what reading came to
  bool write_failed = false;
  std::size_t readable_count = 0;
  std::size_t writable_count = 0;
  std::move_only_function<void()> at_readable;
  std::move_only_function<void()> at_writable;

 private:
  static void check(const Transfer& transfer, std::size_t size) {
    if (transfer.status == Status::moved) {
      EXPECT_GE(transfer.bytes, 1u);
      EXPECT_LE(transfer.bytes, size);
    } else {
      EXPECT_EQ(transfer.bytes, 0u);
    }
  }
  std::size_t portion(std::size_t max) { return chunks ? chunks->between(1, max) : max; }
  Transfer read_portion(std::vector<std::uint8_t>& into) {
    const std::size_t before = into.size();
    const std::size_t size = portion(read_max);
    into.resize(before + size);
    const Transfer transfer = read(std::span(into).subspan(before));
    into.resize(before + transfer.bytes);
    return transfer;
  }
  void write_on() {
    while (sent_ < outgoing_.size() && !write_failed) {
      const ByteView rest = ByteView(outgoing_).subspan(sent_);
      const Transfer transfer = write(rest.first(std::min(rest.size(), portion(write_max))));
      sent_ += transfer.bytes;
      if (transfer.status == Status::failed) write_failed = true;
      if (transfer.status == Status::would_block) return want_writable();
    }
  }

  std::unique_ptr<Stream> stream_;
  std::vector<std::uint8_t> outgoing_;
  std::size_t sent_ = 0;
  std::size_t wishes_ = 0;
  bool is_inside_ = false;
  std::optional<std::vector<std::uint8_t>> kept_;
  std::optional<Status> over_in_spin_;
};

}  // namespace parley::io::suite
