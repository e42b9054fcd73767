#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <utility>

#include "async/executor.h"
#include "io/stream.h"

namespace parley::io {

// Which call of which stream fails: reads and writes are numbered from 0 over all streams that share the plan. A
// harness runs the same work with fail_at = 0, 1, 2, ... until it gets through without has_failed(). The same for the
// bytes that are written: the call that would write one more fails, behind those before.
struct FaultPlan {
  static constexpr std::uint64_t never = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t fail_at = never;
  std::uint64_t calls = 0;
  std::uint64_t fail_at_byte = never;
  std::uint64_t bytes_written = 0;
  bool is_out_of_bytes = false;

  bool has_failed() const { return calls > fail_at || is_out_of_bytes; }
};

// A stream that breaks where its plan says. It is then cut: the other end sees the end, this one fails for good. The
// plan outlives it.
class FaultStream final : public Stream, private StreamEvents {
 public:
  FaultStream(Executor& executor, std::unique_ptr<Stream> inner, FaultPlan& plan)
      : executor_(executor),
        inner_(std::move(inner)),
        plan_(plan),
        peer_(inner_->peer()),
        passes_descriptors_(inner_->passes_descriptors()),
        readable_([](Ready& node) { static_cast<Report&>(node).stream.report_readable(); }, *this),
        writable_([](Ready& node) { static_cast<Report&>(node).stream.report_writable(); }, *this) {}

  using Stream::write_some;
  void start(StreamEvents& events) override {
    events_ = &events;
    if (inner_) return inner_->start(*this);
    executor_.post(readable_);
  }
  Transfer read_some(std::span<std::uint8_t> into) override {
    if (survives()) return inner_->read_some(into);
    has_told_reader_ = true;
    return {Transfer::Status::failed, 0};
  }
  Transfer write_some(ByteView from, std::span<Descriptor> with) override {
    const bool was_alive = inner_ != nullptr;
    const std::uint64_t left = plan_.fail_at_byte - plan_.bytes_written;
    if (was_alive && left == 0 && !from.empty()) {
      plan_.is_out_of_bytes = true;
      cut();
    }
    if (survives()) {
      const Transfer done = inner_->write_some(from.first(std::min<std::uint64_t>(from.size(), left)), with);
      plan_.bytes_written += done.bytes;
      return done;
    }
    // Whoever reads is told as well, as a dead socket would tell it.
    if (was_alive && events_) executor_.post(readable_);
    return {Transfer::Status::failed, 0};
  }
  void want_writable() override {
    if (inner_) return inner_->want_writable();
    if (events_ && !writable_.is_linked()) executor_.post(writable_);
  }
  void finish() override {
    if (inner_) inner_->finish();
  }
  Error failure() const override {
    return inner_ ? inner_->failure() : Error{Code::link_lost, "a fault was planned here"};
  }
  const Peer& peer() const override { return peer_; }
  bool passes_descriptors() const override { return passes_descriptors_; }
  std::uint64_t descriptors_passed() const override { return inner_ ? inner_->descriptors_passed() : passed_; }
  Result<Descriptor> claim_descriptor(std::uint64_t number) override {
    if (!inner_) return fail(failure());
    return inner_->claim_descriptor(number);
  }

 private:
  struct Report final : Ready {
    Report(Run run, FaultStream& owner) : Ready(run), stream(owner) {}
    FaultStream& stream;
  };

  // Counts a call; false if it fails.
  bool survives() {
    if (inner_ && plan_.calls++ == plan_.fail_at) cut();
    return inner_ != nullptr;
  }
  void cut() {
    passed_ = inner_->descriptors_passed();
    inner_.reset();
  }
  void on_readable() override { events_->on_readable(); }
  void on_writable() override { events_->on_writable(); }
  bool on_spin() override {
    const bool has_news = events_->on_spin();
    if (inner_) return has_news;
    has_told_reader_ = false;  // what was read here is acted upon when it is reported, and the reactor no longer can
    if (!readable_.is_linked()) executor_.post(readable_);
    return false;
  }
  void report_readable() {
    if (!has_told_reader_) events_->on_readable();
  }
  void report_writable() { events_->on_writable(); }

  Executor& executor_;
  std::unique_ptr<Stream> inner_;  // null once cut
  FaultPlan& plan_;
  const Peer peer_;
  const bool passes_descriptors_;
  std::uint64_t passed_ = 0;
  bool has_told_reader_ = false;
  StreamEvents* events_ = nullptr;
  Report readable_;
  Report writable_;
};

}  // namespace parley::io
