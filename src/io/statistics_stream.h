#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "io/stream.h"

namespace parley::io {

// What went through one stream or several.
struct StreamStatistics {
  std::uint64_t bytes_read = 0;
  std::uint64_t bytes_written = 0;
  std::uint64_t reads = 0;  // that moved something
  std::uint64_t writes = 0;
  std::uint64_t reads_blocked = 0;   // that found nothing
  std::uint64_t writes_blocked = 0;  // that found no room
  std::uint64_t descriptors_passed = 0;
  std::uint64_t descriptors_claimed = 0;
};

// A stream that counts. The statistics outlive it, or are kept by it.
class StatisticsStream final : public Stream {
 public:
  StatisticsStream(std::unique_ptr<Stream> inner, StreamStatistics& statistics)
      : inner_(std::move(inner)), statistics_(statistics) {}
  StatisticsStream(std::unique_ptr<Stream> inner, std::shared_ptr<StreamStatistics> statistics)
      : inner_(std::move(inner)), kept_(std::move(statistics)), statistics_(*kept_) {}

  using Stream::write_some;
  void start(StreamEvents& events) override { inner_->start(events); }
  Transfer read_some(std::span<std::uint8_t> into) override {
    const Transfer transfer = inner_->read_some(into);
    count(transfer, statistics_.bytes_read, statistics_.reads, statistics_.reads_blocked);
    return transfer;
  }
  Transfer write_some(ByteView from, std::span<Descriptor> with) override {
    const Transfer transfer = inner_->write_some(from, with);
    count(transfer, statistics_.bytes_written, statistics_.writes, statistics_.writes_blocked);
    if (transfer.status == Transfer::Status::moved) statistics_.descriptors_passed += with.size();
    return transfer;
  }
  void want_writable() override { inner_->want_writable(); }
  void finish() override { inner_->finish(); }
  Error failure() const override { return inner_->failure(); }
  const Peer& peer() const override { return inner_->peer(); }
  bool passes_descriptors() const override { return inner_->passes_descriptors(); }
  std::uint64_t descriptors_passed() const override { return inner_->descriptors_passed(); }
  Result<Descriptor> claim_descriptor(std::uint64_t number) override {
    auto claimed = inner_->claim_descriptor(number);
    if (claimed) ++statistics_.descriptors_claimed;
    return claimed;
  }

 private:
  static void count(const Transfer& transfer, std::uint64_t& bytes, std::uint64_t& moved, std::uint64_t& blocked) {
    if (transfer.status == Transfer::Status::moved) {
      bytes += transfer.bytes;
      ++moved;
    } else if (transfer.status == Transfer::Status::would_block) {
      ++blocked;
    }
  }

  std::unique_ptr<Stream> inner_;
  std::shared_ptr<StreamStatistics> kept_;
  StreamStatistics& statistics_;
};

// A dialer whose streams count, all together.
class StatisticsDialer final : public Dialer {
 public:
  StatisticsDialer(std::unique_ptr<Dialer> inner, std::shared_ptr<StreamStatistics> statistics)
      : inner_(std::move(inner)), statistics_(std::move(statistics)) {}

  Task<Result<std::unique_ptr<Stream>>> dial() override {
    std::unique_ptr<Stream> stream = co_await co_await inner_->dial();
    co_return std::make_unique<StatisticsStream>(std::move(stream), statistics_);
  }
  const std::string& address() const override { return inner_->address(); }

 private:
  std::unique_ptr<Dialer> inner_;
  std::shared_ptr<StreamStatistics> statistics_;
};

}  // namespace parley::io
