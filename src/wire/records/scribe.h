#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "wire/opening.h"
#include "wire/records/recording.h"
#include "wire/roam/stable.h"

namespace parley::wire::records {

// The keys of stable sessions, by which anybody could go on with them, are secrets: a recording has their numbers
// instead, from 1 in the order in which they were seen, as little-endian numbers of 16 bytes.
class KeyNumbers {
 public:
  // Beyond so many keys they are all 0, which says that it is unknown which one it is.
  static constexpr std::size_t keys_max = 65536;
  roam::stable::Key number_of(const roam::stable::Key& key);

 private:
  std::map<roam::stable::Key, std::uint64_t> numbers_;
};

// Turns the bytes of one stream into records: cuts them into messages and blanks their secrets. What it cannot cut
// (another protocol, a message that is too long) it counts and leaves out, because secrets may lie there. Keeps at most
// one message of each direction.
class Scribe {
 public:
  static constexpr std::size_t message_bytes_max = std::size_t{16} << 20;

  Scribe(std::uint64_t stream, KeyNumbers& keys) : stream_(stream), keys_(keys) {}

  // The records that these bytes complete.
  void take(From from, ByteView bytes, std::uint64_t at_us, std::vector<Record>& records);
  // Of messages that are not whole yet.
  std::size_t pending_bytes() const { return directions_[0].pending.size() + directions_[1].pending.size(); }
  // The message that has begun in this direction is left out, and what is kept of it given up.
  void leave_out_begun(From from, std::uint64_t at_us, std::vector<Record>& records);
  // The direction is over.
  void end(From from, std::string why, std::uint64_t at_us, std::vector<Record>& records);

 private:
  struct Direction {
    std::vector<std::uint8_t> pending;
    std::uint64_t skipping = 0;  // so many more bytes of a message that is too long
    bool is_first = true;        // no message yet
  };
  Direction& of(From from) { return directions_[static_cast<std::size_t>(from)]; }
  bool is_cut() const { return opening_ == Opening::roam || opening_ == Opening::roam_stable; }
  void cut(From from, std::uint64_t at_us, std::vector<Record>& records);
  void leave_out(From from, std::uint64_t bytes, std::string why, std::uint64_t at_us, std::vector<Record>& records);
  void blank(From from, std::span<std::uint8_t> message);

  std::uint64_t stream_;
  KeyNumbers& keys_;
  OpeningReader reader_;
  Opening opening_ = Opening::undecided;
  std::array<Direction, 2> directions_;
};

}  // namespace parley::wire::records
