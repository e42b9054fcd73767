#include "async/scope.h"

#include <memory>

namespace parley {

struct Scope::Root final : ListNode, async::Pooled {
  Root(Scope& scope, Task<void> task) : scope(scope), task(std::move(task)) {}
  struct Ended final : Ready {
    explicit Ended(Root& root) : Ready(&Ended::run), root(root) {}
    static void run(Ready& node) {
      Root& root = static_cast<Ended&>(node).root;
      root.scope.end(root);
    }
    Root& root;
  };
  Scope& scope;
  Ended ended{*this};
  Task<void> task;
};

void Scope::spawn(Task<void> task) {
  PARLEY_ASSERT(static_cast<bool>(task));
  Root& root = *std::make_unique<Root>(*this, std::move(task)).release();
  roots_.push_back(root);
  ++size_;
  root.task.bind(executor_);
  if (root.task.start()) {
    end(root);
  } else {
    root.task.promise().set_continuation(root.ended);
  }
}

void Scope::cancel(Root& root) {
  PARLEY_ASSERT(!root.task.promise().is_on_the_stack(), "a task may not destroy its own scope");
  root.leave();
  --size_;
  std::unique_ptr<Root> owned(&root);
}

void Scope::cancel_all() {
  while (!roots_.empty()) cancel(roots_.front());
}

void Scope::cancel_others() {
  IntrusiveList<Root> running;
  while (!roots_.empty()) {
    Root& root = roots_.front();
    if (root.task.promise().is_on_the_stack()) {
      running.push_back(roots_.pop_front());
    } else {
      cancel(root);
    }
  }
  roots_.take_all(running);
}

// Nobody could be handed an exception: it terminates the program from here, and the terminate handler names it.
void Scope::end(Root& root) noexcept {
  root.leave();
  --size_;
  std::unique_ptr<Root> owned(&root);
  owned->task.promise().take();
}

}  // namespace parley
