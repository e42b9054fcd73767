#include "base/id_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <set>
#include <unordered_map>
#include <vector>

#include "base/prng.h"

namespace parley {
namespace {

struct Thing {
  std::uint64_t tag = 0;
};

// The table beside an std::unordered_map that is told the same; the ids come from the caller.
template <class Table>
class Compared {
 public:
  explicit Compared(std::uint64_t seed) : table(seed) {}

  void insert(std::uint64_t id) {
    Thing& thing = things_.emplace_back(Thing{id});
    table.insert(id, thing);
    model[id] = &thing;
  }
  void take(std::uint64_t id) {
    const auto found = model.find(id);
    Thing* expected = found == model.end() ? nullptr : found->second;
    ASSERT_EQ(table.take(id), expected) << id;
    model.erase(id);
  }
  void replace(std::uint64_t id) {
    Thing& thing = things_.emplace_back(Thing{id});
    table.replace(id, thing);
    model[id] = &thing;
  }
  void find(std::uint64_t id) const {
    const auto found = model.find(id);
    ASSERT_EQ(table.find(id), found == model.end() ? nullptr : found->second) << id;
  }
  void expect_same() const {
    ASSERT_EQ(table.size(), model.size());
    ASSERT_EQ(table.empty(), model.empty());
    for (const auto& [id, thing] : model) ASSERT_EQ(table.find(id), thing) << id;
  }
  // Any object of the model, each once, and nothing when none is left.
  void take_down() {
    std::set<Thing*> left;
    for (const auto& [id, thing] : model) left.insert(thing);
    while (Thing* thing = table.take_any()) {
      ASSERT_EQ(left.erase(thing), 1u) << thing->tag;
      ASSERT_EQ(table.size(), left.size());
    }
    EXPECT_TRUE(left.empty());
    EXPECT_TRUE(table.empty());
    model.clear();
  }

  Table table;
  std::unordered_map<std::uint64_t, Thing*> model;

 private:
  std::deque<Thing> things_;
};

using ComparedPeer = Compared<PeerIdTable<Thing>>;
using ComparedOwn = Compared<OwnIdTable<Thing>>;

// Ids as a peer might choose them: dense, sparse, equal in their low bits, equal in their high bits, the extremes.
std::uint64_t choose_id(Prng& prng, unsigned style) {
  switch (style) {
    case 0: return prng.below(64);
    case 1: return prng.next();
    case 2: return prng.below(256) << 40;
    case 3: return 0xffff'ffff'0000'0000u | prng.below(256);
    default: return ~std::uint64_t{0} - prng.below(3);
  }
}

TEST(PeerIdTable, agrees_with_a_map_whatever_ids_the_peer_chooses) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    Prng prng(seed);
    ComparedPeer compared(prng.next());
    const auto style = static_cast<unsigned>(seed % 5);
    for (int step = 0; step < 2000; ++step) {
      const std::uint64_t id = choose_id(prng, style);
      const std::uint64_t dice = prng.below(100);
      if (dice < 45) {
        if (!compared.model.contains(id)) compared.insert(id);
      } else if (dice < 85) {
        compared.take(id);
      } else if (dice < 95) {
        compared.find(id);
      } else if (compared.model.contains(id)) {
        compared.replace(id);
      }
      if (testing::Test::HasFatalFailure()) return;
    }
    compared.expect_same();
    compared.take_down();
  }
}

TEST(PeerIdTable, an_erased_run_leaves_every_other_entry_to_be_found) {
  // Shifting back after an erase is where open addressing goes wrong: each position of a full cluster is erased once.
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    ComparedPeer compared(seed * 0x1234567);
    for (std::uint64_t id = 1; id <= 60; ++id) compared.insert(id);
    Prng prng(seed);
    while (!compared.model.empty()) {
      std::vector<std::uint64_t> ids;
      for (const auto& [id, thing] : compared.model) ids.push_back(id);
      std::sort(ids.begin(), ids.end());
      compared.take(ids[prng.below(ids.size())]);
      compared.expect_same();
      if (testing::Test::HasFatalFailure()) return;
    }
  }
}

TEST(PeerIdTable, holds_many_ids_that_differ_only_in_their_high_bits) {
  // Without a hash these all have one home, and each step below would walk over all that are there.
  ComparedPeer compared(0x5eed);
  for (std::uint64_t id = 0; id < 20'000; ++id) compared.insert(id << 44);
  compared.expect_same();
  for (std::uint64_t id = 0; id < 20'000; id += 2) compared.take(id << 44);
  compared.expect_same();
  compared.take_down();
}

TEST(PeerIdTable, an_empty_one_finds_nothing_and_gives_its_memory_back) {
  ComparedPeer compared(9);
  compared.find(0);
  compared.take(0);
  EXPECT_EQ(compared.table.take_any(), nullptr);
  for (std::uint64_t id = 0; id < 100; ++id) compared.insert(id);
  compared.table.free_memory_if_empty();
  compared.expect_same();
  compared.take_down();
  compared.table.free_memory_if_empty();
  compared.find(7);
  compared.insert(7);
  compared.expect_same();
}

TEST(PeerIdTable, id_zero_is_an_id_like_any_other) {
  ComparedPeer compared(1);
  compared.find(0);
  compared.insert(0);
  compared.find(0);
  compared.insert(1);
  compared.take(0);
  compared.find(0);
  compared.expect_same();
}

TEST(PeerIdTableDeathTest, an_id_that_is_there_is_not_inserted_again) {
  PeerIdTable<Thing> table(3);
  Thing thing;
  table.insert(5, thing);
  EXPECT_DEATH(table.insert(5, thing), "");
}

TEST(PeerIdTableDeathTest, what_is_not_there_is_not_replaced) {
  PeerIdTable<Thing> table(3);
  Thing thing;
  table.insert(5, thing);
  EXPECT_DEATH(table.replace(6, thing), "");
}

TEST(OwnIdTable, agrees_with_a_map_while_ids_count_up) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    Prng prng(seed);
    ComparedOwn compared(prng.next());
    std::uint64_t next = 1 + seed % 2;
    std::deque<std::uint64_t> alive;
    // Mostly the oldest goes first, as with calls; some stay for many laps of the table.
    const std::size_t alive_max = prng.between(1, 200);
    for (int step = 0; step < 5000; ++step) {
      const bool is_full = alive.size() >= alive_max;
      if (!is_full && prng.chance(600)) {
        compared.insert(next);
        alive.push_back(next);
        next += 2;
      } else if (!alive.empty()) {
        const std::size_t at = prng.chance(950) ? prng.below(std::min<std::size_t>(alive.size(), 4)) : alive.size() - 1;
        const std::uint64_t id = alive[at];
        if (prng.chance(100)) {
          compared.replace(id);
        } else {
          compared.take(id);
          alive.erase(alive.begin() + static_cast<std::ptrdiff_t>(at));
        }
      }
      compared.find(prng.below(next + 3));
      if (testing::Test::HasFatalFailure()) return;
    }
    compared.expect_same();
    compared.take_down();
  }
}

TEST(OwnIdTable, an_id_that_outlives_laps_of_the_table_is_still_found) {
  ComparedOwn compared(77);
  compared.insert(1);
  for (std::uint64_t id = 3; id < 20'000; id += 2) {
    compared.insert(id);
    compared.find(1);
    compared.find(id);
    compared.take(id);
    compared.find(id);
    if (testing::Test::HasFatalFailure()) return;
  }
  EXPECT_EQ(compared.table.size(), 1u);
  compared.take(1);
  compared.expect_same();
}

TEST(OwnIdTable, followers_of_a_lapped_id_live_and_die_beside_it) {
  // With three entries alive the table has eight slots, so ids 16 apart share one.
  ComparedOwn compared(77);
  compared.insert(1);
  compared.insert(17);
  compared.insert(33);
  compared.find(1);
  compared.find(17);
  compared.find(33);
  compared.find(49);
  compared.replace(17);
  compared.replace(1);
  compared.take(1);
  compared.find(1);
  compared.find(17);
  compared.insert(49);
  compared.expect_same();
  compared.take(33);
  compared.take(33);
  compared.expect_same();
  compared.take_down();
}

// As many as a peer can make there be: one search from the start for each would take minutes.
template <class Table>
std::size_t taken_down(std::uint64_t count) {
  Table table(77);
  Thing thing;
  for (std::uint64_t i = 0; i < count; ++i) table.insert(2 * i + 1, thing);
  std::size_t taken = 0;
  while (table.take_any()) ++taken;
  return taken;
}

TEST(IdTables, are_taken_down_in_one_lap) {
  constexpr std::uint64_t many = std::uint64_t{1} << 18;
  EXPECT_EQ(taken_down<PeerIdTable<Thing>>(many), many);
  EXPECT_EQ(taken_down<OwnIdTable<Thing>>(many), many);
}

TEST(OwnIdTable, an_id_that_was_taken_is_gone_and_taking_it_again_gives_nothing) {
  ComparedOwn compared(5);
  compared.take(1);
  compared.find(1);
  compared.insert(1);
  compared.take(1);
  compared.take(1);
  compared.find(1);
  // The peer names ids that were never given out as well.
  compared.take(17);
  compared.take(0);
  compared.take(~std::uint64_t{0});
  compared.expect_same();
}

TEST(OwnIdTable, an_empty_one_gives_its_memory_back_and_starts_again) {
  ComparedOwn compared(5);
  EXPECT_EQ(compared.table.take_any(), nullptr);
  for (std::uint64_t id = 1; id < 99; id += 2) compared.insert(id);
  compared.table.free_memory_if_empty();
  compared.expect_same();
  compared.take_down();
  compared.table.free_memory_if_empty();
  compared.find(1);
  compared.insert(101);
  compared.expect_same();
}

}  // namespace
}  // namespace parley
