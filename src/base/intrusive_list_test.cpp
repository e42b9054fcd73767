#include "base/intrusive_list.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

namespace parley {
namespace {

struct Item : ListNode {
  explicit Item(int number_) : number(number_) {}
  int number;
};

std::vector<int> numbers_in(IntrusiveList<Item>& list) {
  std::vector<int> numbers;
  if (list.empty()) return numbers;
  for (Item* item = &list.front(); item; item = list.next_of(*item)) numbers.push_back(item->number);
  return numbers;
}

TEST(IntrusiveList, it_is_first_in_first_out) {
  Item one(1);
  Item two(2);
  IntrusiveList<Item> list;
  list.push_back(one);
  list.push_back(two);
  EXPECT_EQ(&list.pop_front(), &one);
  EXPECT_FALSE(one.is_linked());
  EXPECT_EQ(&list.pop_front(), &two);
  EXPECT_TRUE(list.empty());
}

TEST(IntrusiveList, an_item_leaves_when_it_dies) {
  IntrusiveList<Item> list;
  Item one(1);
  std::optional<Item> two(2);
  Item three(3);
  list.push_back(one);
  list.push_back(*two);
  list.push_back(three);
  two.reset();
  EXPECT_EQ(numbers_in(list), (std::vector{1, 3}));
}

TEST(IntrusiveList, an_item_that_is_in_no_list_may_leave) {
  Item one(1);
  one.leave();
  IntrusiveList<Item> list;
  list.push_back(one);
  one.leave();
  one.leave();
  EXPECT_TRUE(list.empty());
}

TEST(IntrusiveList, items_outlive_their_list) {
  Item one(1);
  {
    IntrusiveList<Item> list;
    list.push_back(one);
    EXPECT_TRUE(one.is_linked());
  }
  EXPECT_FALSE(one.is_linked());
}

TEST(IntrusiveListDeathTest, an_item_is_in_one_list_at_a_time) {
  Item one(1);
  IntrusiveList<Item> list;
  IntrusiveList<Item> other;
  list.push_back(one);
  EXPECT_DEATH(other.push_back(one), "is_linked");
  EXPECT_DEATH(static_cast<void>(other.front()), "empty");
}

RC_GTEST_PROP(IntrusiveList, it_behaves_as_two_queues_of_numbers, ()) {
  std::vector<std::unique_ptr<Item>> items;
  for (int i = 0; i < 12; ++i) items.push_back(std::make_unique<Item>(i));
  IntrusiveList<Item> lists[2];
  std::deque<int> models[2];
  for (const auto& [what, which] : *rc::gen::container<std::vector<std::pair<int, int>>>(
           rc::gen::pair(rc::gen::inRange(0, 5), rc::gen::inRange(0, 12)))) {
    Item& item = *items[static_cast<std::size_t>(which)];
    const int at = which % 2;
    switch (what) {
      case 0:
        if (item.is_linked()) break;
        lists[at].push_back(item);
        models[at].push_back(which);
        break;
      case 1:
        item.leave();
        std::erase(models[0], which);
        std::erase(models[1], which);
        break;
      case 2:
        if (models[at].empty()) break;
        RC_ASSERT(lists[at].pop_front().number == models[at].front());
        models[at].pop_front();
        break;
      case 3:
        lists[at].take_all(lists[1 - at]);
        models[at].insert(models[at].end(), models[1 - at].begin(), models[1 - at].end());
        models[1 - at].clear();
        break;
      default:
        items[static_cast<std::size_t>(which)] = std::make_unique<Item>(which);
        std::erase(models[0], which);
        std::erase(models[1], which);
    }
    for (int i = 0; i < 2; ++i) {
      RC_ASSERT(numbers_in(lists[i]) == std::vector<int>(models[i].begin(), models[i].end()));
      RC_ASSERT(lists[i].empty() == models[i].empty());
    }
  }
}

}  // namespace
}  // namespace parley
