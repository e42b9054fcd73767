#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "async/executor.h"
#include "io/stream.h"

namespace parley::io {

// A stream that is read by two, one after the other: the first looks at what comes and gives back what is not for it.
// Owned by who reads it; on the loop of the stream that it owns, which it closes with itself. It hides what the inner
// one can do beyond a stream, except for descriptors.
class UnreadStream final : public Stream, private StreamEvents {
 public:
  UnreadStream(Executor& executor, std::unique_ptr<Stream> inner) : executor_(executor), inner_(std::move(inner)) {}
  ~UnreadStream() override {
    if (is_destroyed_) *is_destroyed_ = true;
  }

  // The first reader goes: it is told nothing more, and start() may be called once more. `bytes` are read again.
  void unread(std::string bytes) {
    PARLEY_ASSERT(events_ && bytes_.empty());
    events_ = nullptr;
    bytes_ = std::move(bytes);
    taken_ = 0;
    is_handed_on_ = true;
  }

  using Stream::write_some;
  void start(StreamEvents& events) override {
    PARLEY_ASSERT(events_ == nullptr, "a stream is started once by each of its readers");
    events_ = &events;
    if (!is_handed_on_) return inner_->start(*this);
    if (wants_writable_) inner_->want_writable();
    executor_.post(readable_);  // what the first reader was told, the second was not
  }
  Transfer read_some(std::span<std::uint8_t> into) override {
    if (taken_ == bytes_.size()) [[likely]] {
      is_handed_on_ = false;
      return inner_->read_some(into);
    }
    const std::size_t size = std::min(into.size(), bytes_.size() - taken_);
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(taken_), size, into.begin());
    taken_ += size;
    if (taken_ == bytes_.size()) {
      bytes_ = {};
      taken_ = 0;
    }
    return {Transfer::Status::moved, size};
  }
  Transfer write_some(ByteView from, std::span<Descriptor> with) override { return inner_->write_some(from, with); }
  void want_writable() override {
    wants_writable_ = true;
    inner_->want_writable();
  }
  void finish() override { inner_->finish(); }
  Error failure() const override { return inner_->failure(); }
  const Peer& peer() const override { return inner_->peer(); }
  bool passes_descriptors() const override { return inner_->passes_descriptors(); }
  std::uint64_t descriptors_passed() const override { return inner_->descriptors_passed(); }
  Result<Descriptor> claim_descriptor(std::uint64_t number) override { return inner_->claim_descriptor(number); }

 private:
  struct Report final : Ready {
    explicit Report(UnreadStream& owner)
        : Ready([](Ready& node) { static_cast<Report&>(node).stream.report(); }), stream(owner) {}
    UnreadStream& stream;
  };
  struct Again final : Timer {
    explicit Again(UnreadStream& owner)
        : Timer([](Timer& timer) { static_cast<Again&>(timer).stream.post(); }), stream(owner) {}
    UnreadStream& stream;
  };

  void on_readable() override {
    if (events_) report();
  }
  void on_writable() override {
    if (!events_) return;
    wants_writable_ = false;
    events_->on_writable();
  }
  bool on_spin() override { return events_ && !is_handed_on_ && events_->on_spin(); }

  void post() {
    if (!readable_.is_linked()) executor_.post(readable_);
  }
  // Until the second reader has read what was given back, and asked for what is behind it, it is told in every turn.
  void report() {
    bool is_destroyed = false;
    is_destroyed_ = &is_destroyed;
    events_->on_readable();
    if (is_destroyed) return;
    is_destroyed_ = nullptr;
    if (events_ && is_handed_on_) executor_.arm(again_, executor_.now());
  }

  Executor& executor_;
  std::unique_ptr<Stream> inner_;
  StreamEvents* events_ = nullptr;
  std::string bytes_;
  std::size_t taken_ = 0;
  bool is_handed_on_ = false;  // and the second reader has not come to the inner stream yet
  bool wants_writable_ = false;
  bool* is_destroyed_ = nullptr;  // while something is being reported
  Report readable_{*this};
  Again again_{*this};
};

}  // namespace parley::io
