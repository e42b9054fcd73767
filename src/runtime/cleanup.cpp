#include "runtime/cleanup.h"

#include "runtime/session.h"

namespace parley::runtime {

void Cleanup::Start::run(Ready& node) {
  Cleanup& cleanup = static_cast<Start&>(node).cleanup;
  if (!cleanup.run()) cleanup.session_->end_cleanup(cleanup);
}

void Cleanup::Ended::run(Ready& node) {
  Cleanup& cleanup = static_cast<Ended&>(node).cleanup;
  cleanup.end();
  cleanup.session_->end_cleanup(cleanup);
}

bool Cleanup::run() {
  try {
    task_ = work_(std::move(why_), std::move(metadata_));
  } catch (...) {
    ++session_->counters().cleanups_threw;
    return false;
  }
  if (!task_) return false;
  task_->bind(session_->loop().executor());
  if (task_->start()) {
    end();
    return false;
  }
  task_->promise().set_continuation(ended_);
  return true;
}

// There is nobody to hand an exception to: the call has been answered.
void Cleanup::end() {
  if (task_->promise().outcome() == async::Outcome::threw) ++session_->counters().cleanups_threw;
}

}  // namespace parley::runtime
