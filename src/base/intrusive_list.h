#pragma once

#include "base/assert.h"

namespace parley {

// A node of a circular doubly linked list: leaves in O(1) without knowing its list, and leaves by itself when it dies.
class ListNode {
 public:
  ListNode() = default;
  ListNode(const ListNode&) = delete;
  ListNode& operator=(const ListNode&) = delete;
  ~ListNode() { leave(); }

  bool is_linked() const { return next_ != nullptr; }
  void leave() {
    if (!next_) return;
    prev_->next_ = next_;
    next_->prev_ = prev_;
    next_ = prev_ = nullptr;
  }
  // Joins the list of other, in its place; other leaves. For objects that move.
  void take_place_of(ListNode& other) {
    PARLEY_ASSERT(!is_linked());
    if (!other.is_linked()) return;
    next_ = other.next_;
    prev_ = other.prev_;
    next_->prev_ = prev_->next_ = this;
    other.next_ = other.prev_ = nullptr;
  }

 private:
  template <class T>
  friend class IntrusiveList;
  ListNode* next_ = nullptr;
  ListNode* prev_ = nullptr;
};

// A list of objects that derive from ListNode and are owned by others.
template <class T>
class IntrusiveList {
 public:
  IntrusiveList() { head_.next_ = head_.prev_ = &head_; }
  IntrusiveList(const IntrusiveList&) = delete;
  IntrusiveList& operator=(const IntrusiveList&) = delete;
  ~IntrusiveList() {
    while (!empty()) head_.next_->leave();  // T may be incomplete here
    head_.next_ = head_.prev_ = nullptr;
  }

  bool empty() const { return head_.next_ == &head_; }
  void push_back(T& item) {
    ListNode& node = item;
    PARLEY_ASSERT(!node.is_linked());
    node.prev_ = head_.prev_;
    node.next_ = &head_;
    head_.prev_->next_ = &node;
    head_.prev_ = &node;
  }
  T& front() {
    PARLEY_ASSERT(!empty());
    return static_cast<T&>(*head_.next_);
  }
  T* next_of(T& item) {
    ListNode* next = static_cast<ListNode&>(item).next_;
    return next == &head_ ? nullptr : static_cast<T*>(next);
  }
  template <class Predicate>
  bool any_of(Predicate predicate) const {
    const ListNode* node = head_.next_;
    while (node != &head_ && !predicate(static_cast<const T&>(*node))) node = node->next_;
    return node != &head_;
  }
  T& pop_front() {
    T& item = front();
    static_cast<ListNode&>(item).leave();
    return item;
  }
  // Moves all of other's items behind ours, in their order.
  void take_all(IntrusiveList& other) {
    if (other.empty()) return;
    ListNode* first = other.head_.next_;
    ListNode* last = other.head_.prev_;
    other.head_.next_ = other.head_.prev_ = &other.head_;
    first->prev_ = head_.prev_;
    head_.prev_->next_ = first;
    last->next_ = &head_;
    head_.prev_ = last;
  }

 private:
  ListNode head_;
};

}  // namespace parley
