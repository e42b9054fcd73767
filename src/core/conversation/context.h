#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "base/instant.h"
#include "core/conversation/envelope.h"
#include "core/supervisor/exit_reason.h"

namespace parley::core {

// What happened in a conversation, in order: an entry for each message that was said, or handed out, and for each end
// of somebody who took part. Bounded: the oldest entries go first. Never copied as a whole: whoever asks gets a page.
class Context {
 public:
  enum class What : std::uint8_t { sent, received, ended };
  // What became of a message that was sent.
  enum class Outcome : std::uint8_t { none, delivered, undelivered, answered, lost };
  struct Entry {
    What what = What::sent;
    Outcome outcome = Outcome::none;
    Instant at;
    std::uint64_t participant = 0;  // whom it went to, came from, or who ended; 0: nobody, or several
    std::uint64_t request = 0;      // of a message; 0: none
    std::shared_ptr<const Envelope> message = {};
    ExitReason reason = {};
  };

  Context(std::size_t entries_max, std::size_t bytes_max) : entries_max_(entries_max), bytes_max_(bytes_max) {}
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  // Its number, from 1.
  std::uint64_t add(Entry entry);
  // An entry that has gone is left alone.
  void set_outcome(std::uint64_t number, Outcome outcome);

  // Entries from that number on, and no more than so many; `first` is the number of the first of them.
  struct Page {
    std::uint64_t first = 1;
    std::vector<Entry> entries;
  };
  Page page(std::uint64_t from, std::size_t count_max) const;
  std::uint64_t size() const { return first_ - 1 + entries_.size(); }  // those that have gone included
  std::uint64_t first_kept() const { return first_; }
  std::size_t bytes() const { return bytes_; }

 private:
  static std::size_t bytes_of(const Entry& entry);

  std::size_t entries_max_;
  std::size_t bytes_max_;
  std::deque<Entry> entries_;
  std::uint64_t first_ = 1;
  std::size_t bytes_ = 0;
};

}  // namespace parley::core
