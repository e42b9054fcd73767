#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "async/frame_pool.h"
#include "async/task.h"
#include "wire/roam/metadata.h"

namespace parley::runtime {

class Session;

// What a handler wants done should it be stopped before it ends by itself. Owned by the handler's call until then, and
// by the session from then on, which it keeps in memory and not open: objects that the session has of its own die
// behind it. It starts behind the destruction of the handler's frame, from the ready queue. When the loop goes it is
// destroyed where it stands, and not started if it has not been.
class Cleanup final : public Mortal, public async::Pooled {
 public:
  using Pooled::operator new;
  using Pooled::operator delete;

  // A plain function gives no task: it is over when it returns.
  using Work = std::move_only_function<std::optional<Task<void>>(Error why, Metadata metadata)>;
  explicit Cleanup(Work work) : work_(std::move(work)) {}

  // From the ready queue, once, by the session that owns it from now on.
  void start(Session& session, Error why, Metadata metadata);

 private:
  struct Start final : Ready {
    explicit Start(Cleanup& cleanup) : Ready(&Start::run), cleanup(cleanup) {}
    static void run(Ready& node);
    Cleanup& cleanup;
  };
  struct Ended final : Ready {
    explicit Ended(Cleanup& cleanup) : Ready(&Ended::run), cleanup(cleanup) {}
    static void run(Ready& node);
    Cleanup& cleanup;
  };
  // False: it is over, and what it threw has been counted.
  bool run();
  void count_throw();

  Session* session_ = nullptr;
  Error why_;
  Metadata metadata_;
  Work work_;
  std::optional<Task<void>> task_;  // may use what the work has captured
  Start start_{*this};
  Ended ended_{*this};
};

}  // namespace parley::runtime
