#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <charconv>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/prng.h"
#include "core/topic/kept_suite.h"

// Any publishers, and followers of any speed that are cut off and come back, against a history that forgets nothing.
// The state behind a message depends on all before it and on their order: what is lost or seen twice is in it for ever.
namespace parley::core {
namespace {

using namespace kept_suite;

constexpr std::uint32_t items_max = 5;
constexpr std::uint64_t bytes_max = 6 * (KeptRing::overhead_bytes + 4);
constexpr std::size_t short_bytes_max = 20;

std::uint64_t after(std::uint64_t state, std::uint64_t value) { return state * 6364136223846793005u + value; }

std::uint64_t number_in(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// Now and then one that does not reach everybody.
std::string text_of_message(std::uint64_t value) {
  return "m" + std::to_string(value) + std::string(value % 10 == 0 ? short_bytes_max : 0, 'x');
}

// What was published, and the state behind each of it. [0]: before the first.
struct History {
  std::vector<std::uint64_t> values = {0};
  std::vector<std::uint64_t> states = {0};
};

struct Seen {
  Gap gap;
  Kept::Follower follower = 0;
  TopicPosition position;
  std::optional<std::uint64_t> state = {};  // nothing: it was told that it misses something
  std::uint32_t per_mille = 0;              // of steps at which it reads
  std::size_t bytes_max = any_size;
};

class Storm {
 public:
  Storm(std::uint64_t seed, bool has_snapshots) : prng_(seed), has_snapshots_(has_snapshots) {
    begin();
    for (int i = 0; i < 6; ++i) {
      Seen seen{.gap = prng_.chance(500) ? Gap::live : Gap::replay, .position = {}};
      seen.per_mille = 60 + static_cast<std::uint32_t>(prng_.below(900));
      if (prng_.chance(300)) seen.bytes_max = short_bytes_max;
      follow(seen, TopicPosition());
      all_.push_back(seen);
    }
  }

  void blow(int steps) {
    for (int step = 0; step < steps; ++step) {
      for (Seen& each : all_) {
        if (!prng_.chance(each.per_mille)) continue;
        for (auto reads = prng_.below(9); reads > 0 && read_one(each); --reads) {
        }
      }
      publish();
      if (has_snapshots_ && prng_.chance(110)) show();
      if (prng_.chance(80)) cut(all_[prng_.below(all_.size())]);
      if (prng_.chance(7)) restart();
      const KeptRing& ring = *bench_->machine.ring_of("t");
      RC_ASSERT(ring.size() <= items_max);
      RC_ASSERT(ring.bytes() <= bytes_max);
    }
  }

  // How followers were put right since the last life began.
  const KeptCounters& counters() const { return bench_->machine.counters(); }

  // Those that are live know how things are, as if they had heard all.
  void rest() {
    if (has_snapshots_) show();
    for (Seen& each : all_) {
      while (read_one(each)) {
      }
      RC_ASSERT(each.position.version == newest());
      if (each.state) RC_ASSERT(*each.state == history_.states.back());
      if (has_snapshots_ && each.gap == Gap::live) RC_ASSERT(each.state.has_value() || tails_ > 0);
    }
  }

 private:
  Kept::Version newest() const { return bench_->machine.ring_of("t")->newest(); }

  void begin() {
    bench_ = std::make_unique<Bench>(KeptLimits(), ++incarnation_);
    bench_->keep("t", std::nullopt, {.items = items_max, .bytes = bytes_max}).value();
    history_ = {};
  }
  void restart() {
    begin();
    for (Seen& each : all_) follow(each, each.position);
  }
  void cut(Seen& each) {
    bench_->machine.unfollow(each.follower);
    follow(each, each.position);
  }
  void follow(Seen& each, TopicPosition after) {
    const auto following = bench_->machine.follow({.topic = "t", .peer = "x", .gap = each.gap, .after = after}).value();
    each.follower = following.follower;
    if (after == TopicPosition()) {
      each.position = following.from;
      each.state = 0;
    }
    RC_ASSERT(following.from == each.position);
  }

  void publish() {
    for (auto count = prng_.below(3); count > 0; --count) {
      const std::uint64_t value = prng_.below(9999);
      history_.values.push_back(value);
      history_.states.push_back(after(history_.states.back(), value));
      RC_ASSERT(bench_->say("t", text_of_message(value)) == history_.values.size() - 1);
    }
  }
  // Of the newest version, or of one before.
  void show() {
    const Kept::Version version = newest() - prng_.below(std::min<Kept::Version>(newest(), 2) + 1);
    const auto shown = bench_->show("t", "s" + std::to_string(version), version);
    if (shown) RC_ASSERT(*shown == version);
  }

  std::uint64_t version_here(const Seen& each) const {
    return each.position.incarnation == incarnation_ ? each.position.version : 0;
  }
  bool reaches(const Seen& each, Kept::Version version) const {
    const KeptRing& ring = *bench_->machine.ring_of("t");
    return version >= ring.oldest() && ring.at(version).size() <= each.bytes_max;
  }
  bool read_one(Seen& each) {
    const Kept::Next next = bench_->machine.next(each.follower, each.bytes_max);
    if (std::holds_alternative<Kept::Nothing>(next)) {
      RC_ASSERT(each.position == (TopicPosition{incarnation_, newest()}));
      return false;
    }
    if (const auto* const missed = std::get_if<Kept::Missed>(&next)) {
      RC_ASSERT(missed->position.incarnation == incarnation_);
      RC_ASSERT(missed->missed == missed->position.version - version_here(each));
      for (auto at = version_here(each) + 1; at <= missed->position.version; ++at) RC_ASSERT(!reaches(each, at));
      const bool is_newest = missed->position.version == newest();
      RC_ASSERT((is_newest || reaches(each, missed->position.version + 1)));
      RC_ASSERT(missed->is_unprovided == (each.gap == Gap::live));
      if (each.gap == Gap::live) ++tails_;
      each.position = missed->position;
      // Of another incarnation it had something else; now it has all of this one, or not.
      each.state =
          missed->missed == 0 && missed->position.version == 0 ? std::optional<std::uint64_t>(0) : std::nullopt;
      return true;
    }
    const std::string text = text_of(std::get<Bytes>(next));
    RC_ASSERT(text.size() <= each.bytes_max);
    const std::uint64_t number = number_in(std::string_view(text).substr(1));
    if (text.front() == 's') {
      RC_ASSERT(each.gap == Gap::live);
      RC_ASSERT(number >= version_here(each));
      each.position = {incarnation_, number};
      each.state = history_.states.at(number);
      return true;
    }
    RC_ASSERT(each.position.incarnation == incarnation_);  // of another one a gap or a snapshot comes first
    RC_ASSERT(number == history_.values.at(++each.position.version));
    if (each.state) each.state = after(*each.state, number);
    if (each.state) RC_ASSERT(*each.state == history_.states.at(each.position.version));
    return true;
  }

  Prng prng_;
  const bool has_snapshots_;
  std::uint64_t incarnation_ = 0;
  std::unique_ptr<Bench> bench_;
  History history_;
  std::vector<Seen> all_;
  int tails_ = 0;  // that were given for want of a snapshot
};

RC_GTEST_PROP(KeptProperty, what_a_follower_sees_is_the_history_without_a_gap_that_it_is_not_told,
              (std::uint64_t seed)) {
  // rule: delivery/W-06, delivery/W-07, delivery/I-03, delivery/I-06, delivery/I-07
  Storm storm(seed, false);
  storm.blow(200);
  storm.rest();
}

RC_GTEST_PROP(KeptProperty, a_snapshot_and_what_comes_behind_it_make_the_same_state_as_all_of_it,
              (std::uint64_t seed)) {
  // rule: delivery/I-04, delivery/W-20
  Storm storm(seed, true);
  storm.blow(200);
  storm.rest();
}

TEST(KeptStorm, puts_followers_right_in_every_way) {
  std::uint64_t by_snapshot = 0, by_tail = 0, unprovided = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Storm storm(seed, true);
    storm.blow(300);
    by_snapshot += storm.counters().resyncs_snapshot;
    by_tail += storm.counters().resyncs_tail;
    unprovided += storm.counters().resyncs_unprovided;
  }
  EXPECT_GT(by_snapshot, 50u);
  EXPECT_GT(by_tail, 50u);
  EXPECT_GT(unprovided, 5u);
}

}  // namespace
}  // namespace parley::core
