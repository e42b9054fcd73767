#pragma once

#include <cstddef>

#include "async/task.h"

namespace parley {

// Owns background tasks. Declared last in its owner, so that its tasks die before what they use. Destroying it cancels
// them all; a task of the scope may not destroy it. An exception that leaves a spawned task terminates the program:
// there is nobody to hand it to.
class Scope {
 public:
  explicit Scope(Executor& executor) : executor_(executor) {}
  ~Scope() { cancel_all(); }
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

  // Starts the task in place. One that ends at once leaves nothing behind.
  void spawn(Task<void> task);
  // Destroys all tasks; none of them may be running.
  void cancel_all();
  // From inside a task of it too, which alone goes on.
  void cancel_others();
  std::size_t size() const { return size_; }

 private:
  struct Root;
  void end(Root& root) noexcept;
  void cancel(Root& root);

  Executor& executor_;
  std::size_t size_ = 0;
  IntrusiveList<Root> roots_;
};

}  // namespace parley
