#pragma once

#include <cstddef>
#include <cstdint>

#include "base/intrusive_list.h"

namespace parley::runtime {

// The sessions that are over while last bytes of theirs still leave, which keeps their links open. Bounded: where one
// more comes, the one that has waited longest is cut off. On one loop; it may go before they do.
class Farewells {
 public:
  explicit Farewells(std::size_t count_max) : count_max_(count_max) {}
  ~Farewells() {
    while (!places_.empty()) places_.pop_front().of_ = nullptr;
  }
  Farewells(const Farewells&) = delete;
  Farewells& operator=(const Farewells&) = delete;

  // What a session has here, until it is destroyed.
  class Place : public ListNode {
   public:
    Place() = default;
    ~Place() {
      if (of_) --of_->count_;
    }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

   protected:
    // Waits for nothing any more, and destroys the place now or later. Not from inside of add() of the same one.
    virtual void cut_off() = 0;

   private:
    friend class Farewells;
    Farewells* of_ = nullptr;
  };

  void add(Place& place) {
    if (count_ >= count_max_ && !places_.empty()) {
      Place& oldest = places_.pop_front();
      --count_;
      ++cut_off_;
      oldest.of_ = nullptr;
      oldest.cut_off();
    }
    places_.push_back(place);
    place.of_ = this;
    ++count_;
  }
  // All of them may have their time.
  void lift_bound() { count_max_ = ~std::size_t{0}; }

  std::size_t count() const { return count_; }
  std::uint64_t cut_off() const { return cut_off_; }

 private:
  std::size_t count_max_;
  std::size_t count_ = 0;
  std::uint64_t cut_off_ = 0;
  IntrusiveList<Place> places_;
};

}  // namespace parley::runtime
