#include "hub/backlog.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>

#include "base/prng.h"

namespace parley::hub {
namespace {

// What really waits: each message until the last of its bytes has been sent.
class Truth {
 public:
  void add(std::uint64_t end, std::size_t bytes) { messages_.push_back({end, bytes}); }
  std::uint64_t bytes(std::uint64_t sent) const {
    std::uint64_t waiting = 0;
    for (const Message& message : messages_) {
      if (message.end > sent) waiting += std::min<std::uint64_t>(message.bytes, message.end - sent);
    }
    return waiting;
  }

 private:
  struct Message {
    std::uint64_t end;
    std::size_t bytes;
  };
  std::deque<Message> messages_;
};

TEST(Backlog, of_a_connection_that_has_the_output_to_itself_is_exact_however_much_waits) {
  constexpr std::size_t item = 65'536;
  Backlog backlog;
  std::uint64_t committed = 0;
  std::uint64_t sent = 0;
  for (int i = 0; i < 1000; ++i) {
    committed += item;
    backlog.add(committed, item);
    // A stream whose window is eighteen such items, to a receiver that always leaves all of them unread.
    if (committed > 18 * item) sent += item;
    ASSERT_EQ(backlog.bytes(sent), committed - sent) << i;
  }
  ASSERT_EQ(backlog.bytes(committed), 0u);
}

TEST(Backlog, beside_others_is_never_less_than_what_waits_and_nothing_when_all_is_sent) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(seed);
    Prng prng(seed);
    Backlog backlog;
    Truth truth;
    std::uint64_t committed = 0;
    std::uint64_t sent = 0;
    for (int step = 0; step < 500; ++step) {
      const std::size_t bytes = prng.between(1, 1000);
      committed += bytes;
      if (prng.chance(500)) {  // else it is somebody else's
        backlog.add(committed, bytes);
        truth.add(committed, bytes);
      }
      if (prng.chance(300)) sent += prng.below(committed - sent + 1);
      ASSERT_GE(backlog.bytes(sent), truth.bytes(sent)) << step;
      ASSERT_LE(backlog.bytes(sent), committed - sent) << step;
    }
    EXPECT_EQ(backlog.bytes(committed), 0u);
  }
}

}  // namespace
}  // namespace parley::hub
