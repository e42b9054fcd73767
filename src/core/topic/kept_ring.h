#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "base/assert.h"
#include "base/bytes.h"

namespace parley::core {

// How much of a topic is kept.
struct KeepOptions {
  std::uint32_t items = 4096;                             // messages
  std::uint64_t bytes = std::uint64_t{4} << 20;           // of these messages, as they are kept
  std::uint64_t snapshot_bytes = std::uint64_t{1} << 20;  // of the snapshot beside them
  friend bool operator==(const KeepOptions&, const KeepOptions&) = default;
};

// The newest messages of a topic, encoded, each at its version: 1, 2, 3 and so on without a hole, since the version of
// a message is its place in here. What a full ring drops are the oldest. Beside them one snapshot, what the state is
// after some version; once the message behind that version is dropped nothing joins on to it, and it goes too. Owned by
// Kept.
class KeptRing {
 public:
  using Version = std::uint64_t;  // 0: before the first message
  struct Snapshot {
    Version version;
    Bytes item;
  };

  // What an item counts in bytes beside itself.
  static constexpr std::size_t overhead_bytes = 64;
  // What the owner says at most of a message or a snapshot beside what is in it: positions, lengths and a schema.
  static constexpr std::size_t head_bytes_max = 128;
  // Of a ring that takes a message, be it empty.
  static constexpr std::uint64_t bytes_min = overhead_bytes + head_bytes_max;

  // Incarnation: not 0.
  KeptRing(std::uint64_t incarnation, const KeepOptions& bounds) : incarnation_(incarnation), bounds_(bounds) {
    PARLEY_ASSERT(incarnation != 0);
  }

  std::uint64_t incarnation() const { return incarnation_; }

  const KeepOptions& bounds() const { return bounds_; }
  // How many messages were dropped for it.
  std::size_t set_bounds(const KeepOptions& bounds);

  bool fits(std::size_t bytes) const { return bytes <= bounds_.bytes && overhead_bytes <= bounds_.bytes - bytes; }
  // One that fits, as the newest; how many were dropped for it.
  std::size_t append(Bytes item);

  Version newest() const { return newest_; }
  // Of those that are here: where there are none, the one that comes next.
  Version oldest() const { return newest_ - items_.size() + 1; }
  const Bytes& at(Version version) const;

  // Whether what came behind the version is all here.
  bool joins(Version version) const { return version <= newest_ && version + 1 >= oldest(); }
  // At a version that it joins.
  void set_snapshot(Snapshot snapshot);
  const std::optional<Snapshot>& snapshot() const { return snapshot_; }

  std::size_t size() const { return items_.size(); }
  std::size_t bytes() const { return bytes_; }

 private:
  static std::size_t cost_of(const Bytes& item) { return item.size() + overhead_bytes; }
  std::size_t make_room(std::size_t items, std::size_t bytes);

  std::uint64_t incarnation_;
  KeepOptions bounds_;
  std::deque<Bytes> items_;
  std::size_t bytes_ = 0;
  Version newest_ = 0;
  std::optional<Snapshot> snapshot_;
};

}  // namespace parley::core
